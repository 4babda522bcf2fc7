"""Calls over HTTP: what the client makes of each response, and that the key goes nowhere else."""

import asyncio
import traceback
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web
from prometheus_client import CollectorRegistry
from triage_worker.config.errors import ConfigError
from triage_worker.fallback import prompt
from triage_worker.fallback.answer import Answer
from triage_worker.fallback.client import LlmClient
from triage_worker.fallback.cost import Prices
from triage_worker.fallback.errors import NotACompletionError, RejectedError, UnavailableError
from triage_worker.fallback.llm import Llm
from triage_worker.fallback.llm_calls import Limits
from triage_worker.fallback.metrics import LlmMetrics

from tests.worker.fallback.events import event
from tests.worker.fallback.llm_server import Handler, LlmServer, always, answer, completion, in_turn
from tests.worker.fallback.scripted_llm import UNLIMITED, FakeClock

SECRET = "sk-4711-secret"


@asynccontextmanager
async def llm_at(handler: Handler, key: str | None = None) -> AsyncIterator[tuple[LlmServer, Llm]]:
    async with LlmServer(handler, key) as server, LlmClient(server.url, key) as client:
        yield (
            server,
            Llm(client, "m", Limits(120.0, 200.0, 50), Prices(0, 0), UNLIMITED, LlmMetrics(CollectorRegistry())),
        )


def supports(*types: str, schema: bool = True, status: int = 400) -> Handler:
    """A server that rejects every response format but these."""

    async def handle(body: dict[str, Any]) -> web.StreamResponse:
        requested = body.get("response_format", {"type": "none"})
        if requested["type"] not in types or (not schema and "schema" in requested):
            return web.json_response({"error": {"message": "body.response_format.type: wrong"}}, status=status)
        return answer("WISMO")

    return handle


@pytest.mark.parametrize(
    ("handler", "calls"),
    [
        (supports("json_schema"), 1),
        (supports("json_object"), 2),
        (supports("json_object", status=500), 2),
        (supports("json_object", schema=False), 3),
        (supports("none"), 4),
    ],
)
async def test_a_supported_response_format_is_found_once(handler: Handler, calls: int) -> None:
    async with llm_at(handler) as (server, llm):
        for _ in range(3):
            assert await llm.answer(event(), prompt.messages(event())) == Answer("WISMO", 0.9)
        assert len(server.asked) == calls + 2


async def test_an_answer_in_parts_is_joined_without_its_reasoning() -> None:
    reasoning = [{"type": "thinking", "thinking": [{"text": "{"}]}, {"type": "text", "text": '{"intent": "WISMO", '}]
    parts = [*reasoning, {"type": "text", "text": '"confidence": 1}'}, "odd", None]
    async with llm_at(always(lambda: web.json_response({"choices": [{"message": {"content": parts}}]}))) as (_, llm):
        assert await llm.answer(event(), prompt.messages(event())) == Answer("WISMO", 1.0)


async def test_an_answer_that_was_cut_off_names_the_setting(caplog: pytest.LogCaptureFixture) -> None:
    choice = {"finish_reason": "length", "message": {"content": None, "reasoning_content": "hm"}}
    async with llm_at(always(lambda: web.json_response({"choices": [choice]}))) as (_, llm):
        assert await llm.answer(event(), prompt.messages(event())) == "unparsable"
    assert "raise TRIAGE_LLM_MAX_TOKENS" in caplog.text
    assert "The LLM's answer cannot be used" in caplog.text


@pytest.mark.parametrize("status", [302, 404])
async def test_a_wrong_address_names_the_setting(status: int) -> None:
    async with llm_at(always(lambda: web.Response(status=status))) as (_, llm):
        assert await llm.answer(event(), prompt.messages(event())) is None
    assert llm.last_error is not None
    assert llm.last_error == llm.problem
    assert "TRIAGE_LLM_URL" in llm.last_error


@pytest.mark.parametrize(
    "response",
    [
        lambda: completion(None),
        lambda: completion("", usage="free"),
        lambda: completion("x" * 3_000_000),
        lambda: web.json_response({"choices": []}),
        lambda: web.json_response({"choices": [{"message": {}}], "usage": {"prompt_tokens": -1}}),
    ],
)
async def test_a_completion_without_an_answer_is_unusable(response: Callable[[], web.Response]) -> None:
    async with llm_at(always(response)) as (_, llm):
        assert await llm.answer(event(), prompt.messages(event())) == "unparsable"


@pytest.mark.parametrize(
    "response",
    [
        lambda: web.Response(text=""),
        lambda: web.Response(text="<html>the proxy is out of order", content_type="text/html"),
        lambda: web.Response(text='data: {"choices": [{"delta": {}}]}\n\n', content_type="text/event-stream"),
        lambda: web.json_response({"error": {"message": "upstream is away", "code": 502}}),
        lambda: web.Response(text="[]"),
        lambda: web.Response(text="null"),
        lambda: web.Response(text="[" * 100_000),
        lambda: web.json_response({"choices": {"0": 1}}),
        lambda: web.json_response({"choices": [{"text": "WISMO"}]}),
    ],
)
async def test_a_response_that_is_no_completion_is_a_failure_of_the_endpoint(
    response: Callable[[], web.Response],
) -> None:
    async with LlmServer(always(response)) as server, LlmClient(server.url, None) as client:
        with pytest.raises(NotACompletionError, match="no completion") as caught:
            await client.complete({}, 5.0)
    assert caught.value.may_be_billed


async def test_a_server_that_rejects_a_format_with_status_200_is_supported() -> None:
    async def handle(body: dict[str, Any]) -> web.StreamResponse:
        return web.json_response({"error": "response_format?"}) if "response_format" in body else answer("WISMO")

    async with LlmServer(handle) as server, LlmClient(server.url, None) as client:
        clock = FakeClock()
        metrics = LlmMetrics(CollectorRegistry())
        llm = Llm(client, "m", Limits(60, 90, 50), Prices(0, 0), UNLIMITED, metrics, clock=clock, sleep=clock.sleep)
        answers = [await llm.answer(event(), prompt.messages(event())) for _ in range(3)]
    assert answers[-1] == Answer("WISMO", 0.9)
    assert llm.negotiation.profile.format == "text"


@pytest.mark.parametrize("sent", [b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n{", b"HTTP/1.1 200 OK\r\n", b""])
async def test_the_timeout_ends_a_hanging_connection_wherever_it_hangs(sent: bytes) -> None:
    ended = asyncio.Event()

    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(sent)
        await ended.wait()
        writer.close()

    async with await asyncio.start_server(hang, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with LlmClient(f"http://127.0.0.1:{port}/v1", None) as client:
            with pytest.raises(UnavailableError, match="timed out"):
                await client.complete({}, 0.2)
        ended.set()


async def test_the_key_is_in_no_error_and_no_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")

    async def echoes(_: dict[str, Any]) -> web.StreamResponse:
        return web.Response(status=500, text=f"not for {SECRET}", headers={"X-Key": SECRET})

    shown = []
    async with LlmServer(echoes, SECRET) as server:
        for url in (server.url, "http://127.0.0.1:1/v1"):
            async with LlmClient(url, SECRET) as client:
                with pytest.raises(UnavailableError) as caught:
                    await client.complete({}, 5.0)
                shown += [*traceback.format_exception(caught.value), repr(vars(caught.value)), repr(client)]
                clock, metrics = FakeClock(), LlmMetrics(CollectorRegistry())
                llm = Llm(
                    client,
                    "m",
                    Limits(5, 20, 50),
                    Prices(0, 0),
                    UNLIMITED,
                    metrics,
                    clock=clock,
                    sleep=clock.sleep,
                )
                for _ in range(2):
                    await llm.answer(event(), prompt.messages(event()))
                shown.append(str(llm.last_error))
    assert "keeps failing" in caplog.text
    assert SECRET not in "".join(shown) + caplog.text


async def test_redirects_are_not_followed_with_the_key() -> None:
    elsewhere: list[str] = []

    async def redirect(_: dict[str, Any]) -> web.StreamResponse:
        elsewhere.append("called")
        raise web.HTTPTemporaryRedirect("http://127.0.0.1:1/v1/chat/completions")

    async with LlmServer(redirect) as server, LlmClient(server.url, "secret") as client:
        with pytest.raises(RejectedError, match=r"status 307: a redirect to http://127\.0\.0\.1:1/v1/chat/completions"):
            await client.complete({}, 5.0)
    assert elsewhere == ["called"]


async def test_errors_name_the_problem() -> None:
    hang = asyncio.Event()

    async def hangs(_: dict[str, Any]) -> web.StreamResponse:
        await hang.wait()
        return answer("WISMO")

    async with LlmServer(hangs) as server, LlmClient(server.url, None) as client:
        with pytest.raises(UnavailableError, match="timed out") as caught:
            await client.complete({}, 0.05)
        assert caught.value.may_be_billed
        hang.set()
        server.handler = in_turn([lambda: web.Response(status=429, headers={"Retry-After": "3"})])
        with pytest.raises(UnavailableError, match="status 429") as caught:
            await client.complete({}, 5.0)
        assert (caught.value.retry_after_s, caught.value.may_be_billed) == (3.0, False)
    with pytest.raises(UnavailableError, match="ClientConnectorError"):
        async with LlmClient("http://127.0.0.1:1/v1", None) as client:
            await client.complete({}, 5.0)


async def test_a_rejected_key_is_a_configuration_error_and_an_unreachable_endpoint_is_not() -> None:
    async with LlmServer(always(lambda: answer("WISMO")), key="right") as server:
        async with LlmClient(server.url, "right") as client:
            await client.check_key()
        async with LlmClient(server.url, "wrong") as client:
            with pytest.raises(ConfigError, match="check TRIAGE_LLM_API_KEY"):
                await client.check_key()
    async with LlmClient("http://127.0.0.1:1/v1", "any") as client:
        await client.check_key()

"""One question until it is answered: with a scripted endpoint and a clock of the test's own, and over HTTP."""

import asyncio
import traceback
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web
from prometheus_client import CollectorRegistry
from triage_schemas.events import FallbackEvent
from triage_worker.config.errors import ConfigError
from triage_worker.fallback import prompt
from triage_worker.fallback.answer import Answer
from triage_worker.fallback.budget import Budget, BudgetWindow, LocalBudget, Reservation
from triage_worker.fallback.client import Completion, LlmClient, NotACompletionError, RejectedError, UnavailableError
from triage_worker.fallback.cost import Prices
from triage_worker.fallback.llm import Limits, Llm, NoAnswerReason
from triage_worker.fallback.llm_decider import Decided, LlmDecider, Undecided
from triage_worker.fallback.metrics import LlmMetrics

from tests.worker.fallback.events import event
from tests.worker.fallback.llm_server import Handler, LlmServer, always, answer, completion, in_turn

SECRET = "sk-4711-secret"
UNLIMITED = LocalBudget(BudgetWindow())
GOOD = Completion('{"intent": "WISMO", "confidence": 0.9}', 100, 10)


class Time:
    """A clock that only moves when somebody sleeps or a call takes its time."""

    def __init__(self) -> None:
        self.now = 1_000.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


class Scripted:
    """An endpoint that gives what it is told, one a call; a number is a call that takes so long and times out."""

    def __init__(self, time: Time, *script: Completion | BaseException | float) -> None:
        self.time = time
        self.script = list(script)
        self.timeouts: list[float] = []

    async def complete(self, body: dict[str, Any], timeout_s: float) -> Completion:
        self.timeouts.append(timeout_s)
        step = self.script.pop(0)
        if isinstance(step, Completion):
            return step
        if isinstance(step, BaseException):
            raise step
        self.time.now += min(step, timeout_s)
        raise UnavailableError("timed out", may_be_billed=True)


class Bench:
    """An LLM on a scripted endpoint."""

    def __init__(
        self, *script: Completion | BaseException | float, budget: Budget | None = None, **limits: Any
    ) -> None:
        self.time = Time()
        self.endpoint = Scripted(self.time, *script)
        self.registry = CollectorRegistry()
        self.metrics = LlmMetrics(self.registry)
        self.llm = Llm(
            self.endpoint,
            "m",
            Limits(**({"timeout_s": 15.0, "deadline_s": 45.0, "max_tokens": 50} | limits)),
            Prices(1.0, 2.0),
            budget or UNLIMITED,
            self.metrics,
            clock=self.time,
            sleep=self.time.sleep,
        )

    async def ask(self, asked: FallbackEvent | None = None) -> Answer | NoAnswerReason:
        asked = asked or event()
        return await self.llm.answer(asked, prompt.messages(asked))

    def figure(self, name: str, **labels: str) -> float | None:
        return self.registry.get_sample_value(name, labels)


async def test_failures_are_retried_with_growing_pauses() -> None:
    bench = Bench(UnavailableError("status 500"), UnavailableError("ConnectionError"), GOOD)
    assert await bench.ask() == Answer("WISMO", 0.9)
    first, second = bench.time.slept
    assert 0 <= first <= 0.5
    assert 0 <= second <= 1.0
    assert bench.figure("triage_llm_calls_total", result="unavailable") == 2
    assert bench.figure("triage_llm_calls_total", result="answered") == 1


async def test_five_failures_are_enough() -> None:
    bench = Bench(*[UnavailableError("status 503")] * 5)
    assert await bench.ask() == "unavailable"
    assert bench.endpoint.script == []


async def test_a_server_that_throttles_is_left_alone_for_as_long_as_it_says() -> None:
    bench = Bench(UnavailableError("status 429", retry_after_s=12.0), GOOD)
    assert await bench.ask() == Answer("WISMO", 0.9)
    assert bench.time.now >= 1_012.0


async def test_a_message_does_not_wait_past_its_deadline() -> None:
    bench = Bench(UnavailableError("status 429", retry_after_s=3_600.0))
    assert await bench.ask() == "deadline"
    assert bench.time.now == 1_045.0


async def test_calls_that_hang_end_by_their_timeout_and_the_last_by_the_deadline() -> None:
    bench = Bench(99.0, 99.0, 99.0, deadline_s=40.0)
    assert await bench.ask() == "deadline"
    assert bench.endpoint.timeouts[:2] == [15.0, 15.0]
    assert bench.endpoint.timeouts[2] <= 10.0
    assert bench.time.now == 1_040.0


async def test_an_outage_opens_the_breaker_and_one_call_closes_it() -> None:
    bench = Bench(*[UnavailableError("status 500")] * 8, GOOD)
    assert await bench.ask() == "unavailable"
    assert await bench.ask() == Answer("WISMO", 0.9), "waits for the breaker, within its deadline"
    assert sum(bench.time.slept[-2:]) == pytest.approx(5.0), "the pause of the retry, and the rest of the breaker's"
    assert bench.figure("triage_llm_breaker", state="closed") == 1
    assert bench.figure("triage_llm_breaker", state="open") == 0


class Outage:
    """An endpoint that fails eight times, and from then on takes its time; it counts the calls that it has at once."""

    def __init__(self) -> None:
        self.calls = 0
        self.under_way = 0
        self.at_once: list[int] = []

    async def complete(self, _body: dict[str, Any], _timeout_s: float) -> Completion:
        self.calls += 1
        if self.calls <= 8:
            raise UnavailableError("status 500")
        self.under_way += 1
        self.at_once.append(self.under_way)
        for _ in range(50):  # all others look at the breaker again and again meanwhile
            await asyncio.sleep(0)
        self.under_way -= 1
        return GOOD


async def test_many_that_wait_for_the_breaker_send_one_call_to_see_whether_it_is_over() -> None:
    time, endpoint = Time(), Outage()

    async def sleep(seconds: float) -> None:
        await time.sleep(seconds)
        await asyncio.sleep(0)

    metrics, limits = LlmMetrics(CollectorRegistry()), Limits(5.0, 10_000.0, 50)
    llm = Llm(endpoint, "m", limits, Prices(0, 0), UNLIMITED, metrics, clock=time, sleep=sleep)
    questions = [event(str(number)) for number in range(6)]
    said = await asyncio.gather(*(llm.answer(question, prompt.messages(question)) for question in questions))
    assert said == [Answer("WISMO", 0.9)] * 6
    assert endpoint.at_once == [1, 1, 2, 3, 4, 5], "one alone, then the others"


async def test_over_budget_is_said_without_a_call() -> None:
    bench = Bench(GOOD, budget=LocalBudget(BudgetWindow(calls=1)))
    assert await bench.ask() == Answer("WISMO", 0.9)
    assert await bench.ask() == "over_budget"
    assert len(bench.endpoint.timeouts) == 1


class Stuck:
    """A budget that cannot say whether a call may be made."""

    problem = "what a call may cost cannot be written down"

    async def reserve(self, cost: float) -> Reservation | None:
        await asyncio.Event().wait()
        return None

    def record_actual_cost(self, spending: Reservation, cost: float) -> None:
        pytest.fail("no call was made")


async def test_while_the_budget_cannot_be_asked_no_call_is_made() -> None:
    bench = Bench(GOOD, budget=Stuck(), deadline_s=0.05)
    assert await bench.ask() == "deadline"
    assert bench.endpoint.script == [GOOD]
    assert bench.llm.problem == Stuck.problem


async def test_money_counts_what_the_endpoint_bills_and_nothing_for_calls_that_failed() -> None:
    bench = Bench(UnavailableError("status 500"), GOOD)
    await bench.ask()
    assert bench.figure("triage_llm_money_total") == pytest.approx((100 * 1.0 + 10 * 2.0) / 1e6)
    assert bench.figure("triage_llm_tokens_total", direction="in") == 100


async def test_an_answer_that_cannot_be_used_is_not_paid_for_twice() -> None:
    bench = Bench(GOOD, Completion("{", 100, 10), Completion('{"intent": "X", "confidence": 1}', 100, 10))
    assert await bench.ask() == Answer("WISMO", 0.9)
    assert await bench.ask() == "unparsable"
    assert await bench.ask() == "not_a_label"


async def test_a_request_that_is_refused_in_every_way_is_the_messages_fault() -> None:
    bench = Bench(*[RejectedError("status 400", "content policy")] * 4, GOOD)
    assert await bench.ask() == "refused"
    assert await bench.ask() == Answer("WISMO", 0.9)


async def test_a_question_cut_short_lets_the_next_one_try() -> None:
    bench = Bench(*[UnavailableError("status 500")] * 8, GOOD)
    assert await bench.ask() == "unavailable"
    bench.endpoint.script.insert(3, asyncio.CancelledError())
    with pytest.raises(asyncio.CancelledError):
        await bench.ask()
    assert await bench.ask() == Answer("WISMO", 0.9)


def decider(bench: Bench, **arguments: Any) -> LlmDecider:
    usual: dict[str, Any] = {"min_confidence": 0.6, "ask_out_of_scope": False, "metrics": bench.metrics}
    return LlmDecider(bench.llm, **(usual | arguments))


async def test_verdicts() -> None:
    unsure = Completion('{"intent": "WISMO", "confidence": 0.59}', 1, 1)
    none = Completion('{"intent": "none of these", "confidence": 1}', 1, 1)
    bench = Bench(GOOD, unsure, none)
    judge = decider(bench)
    assert await judge.decide(event("a")) == Decided("WISMO", 0.9)
    assert await judge.decide(event("b")) == Undecided("unsure")
    assert await judge.decide(event("c")) == Undecided("none_of_these")


async def test_what_has_no_intent_costs_no_call_unless_wanted() -> None:
    bench = Bench(GOOD)
    greeting = event("hello", reason="out_of_scope")
    assert await decider(bench).decide(greeting) == Undecided("out_of_scope")
    assert await decider(bench, ask_out_of_scope=True).decide(greeting) == Decided("WISMO", 0.9)


async def test_the_same_question_is_asked_once_and_other_labels_make_another() -> None:
    bench = Bench(GOOD, GOOD)
    judge = decider(bench)
    for offset in range(3):
        assert await judge.decide(event("where is it", offset)) == Decided("WISMO", 0.9)
    assert len(bench.endpoint.script) == 1
    assert bench.figure("triage_llm_cached_total") == 2
    assert await judge.decide(event("where is it", labels={"WISMO": "another meaning"})) == Decided("WISMO", 0.9)
    assert bench.endpoint.script == []


async def test_the_cache_forgets_what_was_used_longest_ago_and_never_holds_a_failure() -> None:
    bench = Bench(GOOD, GOOD, GOOD, GOOD, Completion("{", 1, 1), GOOD)
    judge = decider(bench, cached=2)
    for text in ("a", "b", "a", "c", "b", "x", "x"):
        await judge.decide(event(text))
    assert bench.endpoint.script == []


@asynccontextmanager
async def served(handler: Handler, key: str | None = None) -> AsyncIterator[tuple[LlmServer, Llm]]:
    async with LlmServer(handler, key) as server, LlmClient(server.url, key) as client:
        yield (
            server,
            Llm(client, "m", Limits(120.0, 200.0, 50), Prices(0, 0), UNLIMITED, LlmMetrics(CollectorRegistry())),
        )


def knows(*types: str, schema: bool = True, status: int = 400) -> Handler:
    """A server that refuses every response format but these."""

    async def handle(body: dict[str, Any]) -> web.StreamResponse:
        asked = body.get("response_format", {"type": "none"})
        if asked["type"] not in types or (not schema and "schema" in asked):
            return web.json_response({"error": {"message": "body.response_format.type: wrong"}}, status=status)
        return answer("WISMO")

    return handle


@pytest.mark.parametrize(
    ("handler", "calls"),
    [
        (knows("json_schema"), 1),
        (knows("json_object"), 2),
        (knows("json_object", status=500), 2),
        (knows("json_object", schema=False), 3),
        (knows("none"), 4),
    ],
)
async def test_servers_that_know_less_are_noticed_once_and_served(handler: Handler, calls: int) -> None:
    async with served(handler) as (server, llm):
        for _ in range(3):
            assert await llm.answer(event(), prompt.messages(event())) == Answer("WISMO", 0.9)
        assert len(server.asked) == calls + 2


async def test_an_answer_in_parts_is_put_together_without_its_thoughts() -> None:
    said = [{"type": "thinking", "thinking": [{"text": "{"}]}, {"type": "text", "text": '{"intent": "WISMO", '}]
    parts = [*said, {"type": "text", "text": '"confidence": 1}'}, "odd", None]
    async with served(always(lambda: web.json_response({"choices": [{"message": {"content": parts}}]}))) as (_, llm):
        assert await llm.answer(event(), prompt.messages(event())) == Answer("WISMO", 1.0)


async def test_an_answer_that_was_cut_off_names_the_setting(caplog: pytest.LogCaptureFixture) -> None:
    choice = {"finish_reason": "length", "message": {"content": None, "reasoning_content": "hm"}}
    async with served(always(lambda: web.json_response({"choices": [choice]}))) as (_, llm):
        assert await llm.answer(event(), prompt.messages(event())) == "unparsable"
    assert "raise TRIAGE_LLM_MAX_TOKENS" in caplog.text
    assert "The LLM's answer cannot be used" in caplog.text


@pytest.mark.parametrize("status", [302, 404])
async def test_an_address_that_is_none_names_the_setting(status: int) -> None:
    async with served(always(lambda: web.Response(status=status))) as (_, llm):
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr("triage_worker.fallback.llm.MAX_FAILED_CALLS", 1)
            assert await llm.answer(event(), prompt.messages(event())) == "unavailable"
    assert llm.last_error is not None
    assert "TRIAGE_LLM_URL" in llm.last_error


@pytest.mark.parametrize(
    "response",
    [
        lambda: completion(None),
        lambda: completion("", usage="free"),
        lambda: completion("x" * 3_000_000),
        lambda: web.json_response({"choices": [{"message": {}}], "usage": {"prompt_tokens": -1}}),
    ],
)
async def test_a_completion_without_an_answer_is_an_unusable_one(response: Callable[[], web.Response]) -> None:
    async with served(always(response)) as (_, llm):
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
        lambda: web.json_response({"choices": []}),
        lambda: web.json_response({"choices": {"0": 1}}),
        lambda: web.json_response({"choices": [{"text": "WISMO"}]}),
    ],
)
async def test_a_response_that_is_no_completion_is_the_endpoints_failure(response: Callable[[], web.Response]) -> None:
    async with LlmServer(always(response)) as server, LlmClient(server.url, None) as client:
        with pytest.raises(NotACompletionError, match="no completion") as caught:
            await client.complete({}, 5.0)
    assert caught.value.may_be_billed


async def test_a_proxys_page_does_not_send_everything_to_people() -> None:
    bench = Bench(*[NotACompletionError()] * 8, GOOD)
    assert await bench.ask() == "unavailable"
    assert await bench.ask() == Answer("WISMO", 0.9), "the breaker waits until it is over"
    assert bench.figure("triage_llm_breaker", state="closed") == 1


async def test_a_server_that_says_with_status_200_that_it_does_not_know_the_format_is_served() -> None:
    async def handle(body: dict[str, Any]) -> web.StreamResponse:
        return web.json_response({"error": "response_format?"}) if "response_format" in body else answer("WISMO")

    async with LlmServer(handle) as server, LlmClient(server.url, None) as client:
        time = Time()
        metrics = LlmMetrics(CollectorRegistry())
        llm = Llm(client, "m", Limits(60, 90, 50), Prices(0, 0), UNLIMITED, metrics, clock=time, sleep=time.sleep)
        said = [await llm.answer(event(), prompt.messages(event())) for _ in range(3)]
    assert said[-1] == Answer("WISMO", 0.9)
    assert llm.formats.format == "text"


@pytest.mark.parametrize("sent", [b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n{", b"HTTP/1.1 200 OK\r\n", b""])
async def test_a_connection_that_hangs_ends_by_the_timeout_wherever_it_hangs(sent: bytes) -> None:
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
                time, metrics = Time(), LlmMetrics(CollectorRegistry())
                llm = Llm(
                    client,
                    "m",
                    Limits(5, 20, 50),
                    Prices(0, 0),
                    UNLIMITED,
                    metrics,
                    clock=time,
                    sleep=time.sleep,
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
        with pytest.raises(UnavailableError, match="status 307"):
            await client.complete({}, 5.0)
    assert elsewhere == ["called"]


async def test_what_a_call_says_went_wrong() -> None:
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


async def test_a_wrong_key_stops_the_start_and_an_endpoint_that_is_away_does_not() -> None:
    async with LlmServer(always(lambda: answer("WISMO")), key="right") as server:
        async with LlmClient(server.url, "right") as client:
            await client.check_key()
        async with LlmClient(server.url, "wrong") as client:
            with pytest.raises(ConfigError, match="check TRIAGE_LLM_API_KEY"):
                await client.check_key()
    async with LlmClient("http://127.0.0.1:1/v1", "any") as client:
        await client.check_key()

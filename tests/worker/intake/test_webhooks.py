"""Requests to the intake: what is answered to whom, and when."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from time import monotonic, time
from typing import Any

import aiohttp
import orjson
import pytest
import pytest_asyncio
from triage_worker.config.intake_sources import IntakeSourceModel
from triage_worker.demo.embedded_broker import free_port
from triage_worker.intake.app import make_app
from triage_worker.intake.endpoints import BodyLimits, Endpoints
from triage_worker.intake.metrics import IntakeMetrics
from triage_worker.intake.open_source import OpenSource
from triage_worker.intake.records import IntakeRecord
from triage_worker.intake.source_secrets import SourceSecrets
from triage_worker.intake.state import IntakeState
from triage_worker.intake.writer import NotWrittenError, TooLargeError
from triage_worker.observability.metrics import Metrics
from triage_worker.streaming.readiness import Readiness
from triage_worker.web.server import listen, make_server

from tests.worker.intake.signing import SECRET, signed
from tests.worker.intake.webhooks import BY_KIND, TEXT

pytestmark = pytest.mark.asyncio(loop_scope="module")

LIMIT = 100_000
JSON = {"Content-Type": "application/json"}


class FakeWriter:
    """Keeps records, or fails."""

    def __init__(self) -> None:
        self.written: list[IntakeRecord] = []
        self.error: Exception | None = None
        self.gate = asyncio.Event()
        self.gate.set()
        self.problem: str | None = None

    async def write(self, records: Sequence[IntakeRecord]) -> None:
        await self.gate.wait()
        if self.error is not None:
            raise self.error
        self.written += records


class Service:
    """A running server, and what it writes."""

    def __init__(self, port: int, writer: FakeWriter, metrics: Metrics) -> None:
        self.port = port
        self.writer = writer
        self.metrics = metrics

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1/intake"

    async def post(self, source: str, body: bytes, headers: dict[str, str]) -> tuple[int, Any, Any]:
        """Return status, headers and JSON of the answer."""
        async with (
            aiohttp.ClientSession() as session,
            session.post(f"{self.url}/{source}", data=body, headers=JSON | headers) as response,
        ):
            return response.status, response.headers, orjson.loads(await response.read())

    async def send(self, source: str, document: Any, **more: str) -> tuple[int, Any, Any]:
        """Send a document as its source signs it."""
        body = orjson.dumps(document)
        named = {name.replace("_", "-"): value for name, value in more.items()}
        return await self.post(source, body, signed(source, body, time()) | named)

    async def exchange(self, sent: bytes) -> bytes:
        """Send bytes, and return the first line of the answer; the rest may be lost where not all was read."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            writer.write(sent)
            return await asyncio.wait_for(reader.readline(), 20)
        finally:
            writer.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running() -> AsyncIterator[Service]:
    metrics, writer = Metrics(), FakeWriter()
    intake_metrics = IntakeMetrics(metrics.registry)
    sources = {}
    for name in (*BY_KIND, "slow"):
        given: dict[str, Any] = {"name": name, "kind": name, "secrets": [{"env": "S"}]}
        if name == "slow":
            given |= {"kind": "gorgias", "rate": 0.01, "burst": 1}
        model = IntakeSourceModel.model_validate(given)
        sources[name] = OpenSource(model, SourceSecrets(model, {"S": SECRET}))
    stop = asyncio.Event()
    state = IntakeState(stop, writer, Readiness(stop, None))  # type: ignore[arg-type]
    limits = BodyLimits(LIMIT, 1.0)
    endpoints = Endpoints(sources, writer, limits, state, intake_metrics, metrics.registry)  # type: ignore[arg-type]
    port = free_port()
    server = make_server(make_app(endpoints, intake_metrics, with_metrics=True), connections=50, timeout_s=1.0)
    answering = asyncio.create_task(server.serve(listen("127.0.0.1", port)))
    yield Service(port, writer, metrics)
    server.should_exit = True
    await answering


@pytest.fixture
def service(running: Service) -> Service:
    running.writer.written.clear()
    running.writer.error = None
    return running


@pytest.mark.parametrize("kind", BY_KIND)
async def test_a_webhook_of_each_kind_is_written_and_then_answered(service: Service, kind: str) -> None:
    status, headers, answer = await service.send(kind, BY_KIND[kind][0])
    assert status == 202
    assert headers["X-Request-ID"]
    (record,) = service.writer.written
    value = orjson.loads(record.value)
    assert value["text"].endswith(TEXT)
    assert value["source"] == kind
    assert dict(record.headers)["intake-source"] == kind.encode()
    expected = {"key": dict(record.headers)["intake-key"].decode(), "message_id": value["message_id"]}
    assert answer == {"accepted": 1, "ignored": 0, "messages": [expected]}


async def test_the_answer_waits_for_kafka(service: Service) -> None:
    service.writer.gate.clear()
    sending = asyncio.create_task(service.send("plain", {"text": TEXT}))
    await asyncio.sleep(0.2)
    assert not sending.done()
    service.writer.gate.set()
    assert (await sending)[0] == 202


async def test_the_same_key_gets_the_same_answer(service: Service) -> None:
    answers = [await service.send("plain", {"text": TEXT}, Idempotency_Key="k-1") for _ in range(2)]
    assert answers[0][2] == answers[1][2]
    assert answers[0][2]["messages"] == [{"key": "k-1", "message_id": "plain-k-1"}]
    assert {record.key for record in service.writer.written} == {b"plain-k-1"}


async def test_without_any_key_the_body_is_the_key(service: Service) -> None:
    first, again, other = [await service.send("plain", {"text": text}) for text in (TEXT, TEXT, "another")]
    assert first[2] == again[2] != other[2]


async def test_several_messages_have_keys_of_their_own(service: Service) -> None:
    document = {"messages": [{"text": "one", "conversation_id": "c"}, {"text": "two", "message_id": "m-2"}]}
    _, _, answer = await service.send("plain", document, Idempotency_Key="k")
    assert [one["key"] for one in answer["messages"]] == ["k#0", "k#1"]
    _, _, answer = await service.send("plain", document)
    assert answer["messages"][1]["key"] == "m-2"
    assert [record.key for record in service.writer.written[:2]] == [b"c", b"plain-k#1"]


async def test_a_ticket_is_named_and_is_the_conversation(service: Service) -> None:
    await service.send("zendesk", BY_KIND["zendesk"][1])
    (record,) = service.writer.written
    value = orjson.loads(record.value)
    assert (value["ticket_id"], value["conversation_id"]) == ("35436", "zendesk-35436")
    assert record.key == b"zendesk-35436"
    assert value["text"] == f"Subject: Order 4711\n\n{TEXT}"


async def test_a_trace_goes_on(service: Service) -> None:
    parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    await service.send("plain", {"text": TEXT}, traceparent=parent)
    assert dict(service.writer.written[0].headers)["traceparent"] == parent.encode()


async def test_what_is_no_message_is_answered_and_not_written(service: Service) -> None:
    status, _, answer = await service.send("chatwoot", {"event": "conversation_updated"})
    assert (status, answer) == (202, {"accepted": 0, "ignored": 1, "messages": []})
    assert service.writer.written == []


async def test_front_gets_its_challenge_back(service: Service) -> None:
    status, _, answer = await service.send("front", {"type": "sync"}, x_front_challenge="abc")
    assert (status, answer) == (200, {"challenge": "abc"})


async def test_an_unknown_source_and_another_method(service: Service) -> None:
    assert (await service.post("nobody", b"{}", {}))[2]["code"] == "unknown_source"
    async with aiohttp.ClientSession() as session:
        for method, source, status in (("GET", "plain", 405), ("HEAD", "plain", 200), ("HEAD", "nobody", 404)):
            async with session.request(method, f"{service.url}/{source}") as response:
                assert response.status == status


async def test_a_wrong_signature_is_refused(service: Service) -> None:
    status, headers, answer = await service.post("plain", b"{}", signed("plain", b"{} ", time()))
    assert (status, answer["code"], headers["Content-Type"]) == (401, "wrong_signature", "application/problem+json")
    assert service.writer.written == []


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 400, "no_body"),
        (b"{", 400, "not_json"),
        (b'{"text": "\\ud83d"}', 400, "not_json"),
        (b"\xff", 400, "not_json"),
        (b"[" * 10_000, 400, "not_json"),
        (b"[]", 422, "invalid"),
        (b'{"text": 7}', 422, "invalid"),
    ],
)
async def test_bodies_that_cannot_be_read(service: Service, body: bytes, status: int, code: str) -> None:
    answered, _, answer = await service.post("plain", body, signed("plain", body, time()))
    assert (answered, answer["code"]) == (status, code)


async def test_a_field_is_named_and_its_value_is_not(service: Service) -> None:
    _, _, answer = await service.send("zendesk", {"text": TEXT, "ticket_id": {"name": "private"}})
    assert answer["path"] == "ticket_id"
    assert "private" not in answer["detail"]


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/x-www-form-urlencoded"},
        {"Content-Encoding": "gzip"},
    ],
)
async def test_other_types_are_refused(service: Service, headers: dict[str, str]) -> None:
    assert (await service.post("gorgias", b"{}", {"X-Triage-Secret": SECRET} | headers))[0] == 415


async def test_a_bad_idempotency_key_is_refused(service: Service) -> None:
    assert (await service.send("plain", {"text": TEXT}, Idempotency_Key="k" * 256))[2]["code"] == "bad_key"


def head(length: str) -> bytes:
    lines = [
        "POST /v1/intake/gorgias HTTP/1.1",
        "Host: a",
        "Content-Type: application/json",
        f"X-Triage-Secret: {SECRET}",
    ]
    return "\r\n".join([*lines, length, "", ""]).encode()


async def test_50_megabytes_are_refused_unread(service: Service) -> None:
    started = monotonic()
    answer = await service.exchange(head("Content-Length: 50000000") + b" " * 1_000)
    assert answer.startswith(b"HTTP/1.1 413")
    assert monotonic() - started < 10


async def test_a_chunked_body_ends_at_the_limit(service: Service) -> None:
    chunk = b"10000\r\n" + b" " * 65_536 + b"\r\n"
    assert (await service.exchange(head("Transfer-Encoding: chunked") + chunk * 2)).startswith(b"HTTP/1.1 413")


async def test_a_slow_body_is_given_up(service: Service) -> None:
    assert b" 408 " in await service.exchange(head("Content-Length: 100") + b"{")


async def test_a_flood_is_told_when_to_try_again(service: Service) -> None:
    body = orjson.dumps(BY_KIND["gorgias"][0])
    answers = [await service.post("slow", body, {"X-Triage-Secret": SECRET}) for _ in range(2)]
    assert [answer[0] for answer in answers] == [202, 429]
    assert int(answers[1][1]["Retry-After"]) > 1


async def test_webhooks_with_wrong_secrets_do_not_use_up_the_rate(service: Service) -> None:
    body = orjson.dumps(BY_KIND["gorgias"][0])
    codes = [(await service.post("slow", body, {"X-Triage-Secret": "guess"}))[0] for _ in range(3)]
    assert codes == [401, 401, 401]


@pytest.mark.parametrize(
    ("error", "status", "code"), [(NotWrittenError("away"), 503, "not_written"), (TooLargeError(), 413, "too_large")]
)
async def test_what_kafka_does_not_take(service: Service, error: Exception, status: int, code: str) -> None:
    service.writer.error = error
    answered, headers, answer = await service.send("plain", {"text": TEXT})
    assert (answered, answer["code"]) == (status, code)
    assert ("Retry-After" in headers) == (status == 503)


async def test_probes_and_metrics(service: Service) -> None:
    async with aiohttp.ClientSession() as session:
        for path, status in (("livez", 200), ("readyz", 200), ("metrics", 200)):
            async with session.get(f"http://127.0.0.1:{service.port}/{path}") as response:
                assert response.status == status
                text = await response.text()
        assert 'triage_intake_messages_total{outcome="written",source="plain"}' in text
        assert 'route="/v1/intake/{source}"' in text
        service.writer.problem = "no broker"
        async with session.get(f"http://127.0.0.1:{service.port}/readyz") as response:
            assert (response.status, await response.text()) == (503, "no broker\n")
    service.writer.problem = None


async def test_a_refusal_names_how_to_log_in(service: Service) -> None:
    _, headers, _ = await service.post("gorgias", b"{}", {})
    assert headers["WWW-Authenticate"].startswith("Bearer")

"""Spans as an exporter gets them: they join the sender's trace, and there are none unless the environment asks."""

import json
import logging
import subprocess
import sys
from collections.abc import Iterator

import orjson
import pytest
from aiokafka.structs import ConsumerRecord, TopicPartition
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode
from triage_schemas.events import FallbackEvent
from triage_worker.fallback.completion import Completion
from triage_worker.fallback.errors import UnavailableError
from triage_worker.fallback.llm_decider import Decided
from triage_worker.fallback.traced_endpoint import TracedEndpoint
from triage_worker.observability import tracing
from triage_worker.observability.logs import JsonFormatter
from triage_worker.observability.tracing import Traces
from triage_worker.router.context import RouterContext
from triage_worker.router.metrics import RouterMetrics
from triage_worker.router.ticket_service import TicketService
from triage_worker.streaming.tracking.output import Output

from tests.worker.classify.harness import A, classification_harness, loaded_bundle
from tests.worker.fakes import FakeModel, record
from tests.worker.fallback.events import event
from tests.worker.fallback.harness import fallback_harness
from tests.worker.router import fakes as router_fakes
from tests.worker.router.intents import intent_event
from tests.worker.router.test_ticket_service import ROUTES

TRACE, SENDER = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
SAMPLED = ("traceparent", f"00-{TRACE}-{SENDER}-01".encode())
NOT_SAMPLED = ("traceparent", f"00-{TRACE}-{SENDER}-00".encode())
STATE = ("tracestate", b"shop=1")


@pytest.fixture
def exporter() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def traces(exporter: InMemorySpanExporter) -> Iterator[Traces]:
    with tracing.started("worker", "g", SimpleSpanProcessor(exporter)) as traces:
        assert traces is not None
        yield traces


def received(
    offset: int, value: bytes | None, *headers: tuple[str, bytes], topic: TopicPartition = A
) -> ConsumerRecord:
    """Make a record with headers."""
    created = record(topic, offset, value)
    created.headers = headers
    return created


async def classify(traces: Traces | None, *records: ConsumerRecord) -> list[Output]:
    """Classify records; returns their outputs, which are acknowledged."""
    model = FakeModel(lambda texts: any("poison" in text for text in texts))
    async with classification_harness(loaded_bundle(model), traces=traces) as harness:
        await harness.process({A: list(records)})
        outputs = await harness.wait_for_outputs(len(records))
        for output in outputs:
            harness.in_flight.acknowledge(output)
        return outputs


def message(text: str, message_id: str = "m-1") -> bytes:
    """Make the value of a message."""
    return orjson.dumps({"text": text, "message_id": message_id})


def only_span(exporter: InMemorySpanExporter) -> ReadableSpan:
    """Return the one span that was exported."""
    (span,) = exporter.get_finished_spans()
    return span


async def test_a_messages_span_is_a_child_of_its_senders_and_the_parent_of_the_next(
    traces: Traces, exporter: InMemorySpanExporter
) -> None:
    (output,) = await classify(traces, received(7, message("aa"), SAMPLED, STATE))
    span = only_span(exporter)
    assert (span.name, span.kind) == ("process in", SpanKind.CONSUMER)
    assert span.parent is not None
    assert f"{span.parent.span_id:016x}" == SENDER
    assert f"{span.context.trace_id:032x}" == TRACE
    headers = dict(output.headers)
    assert headers["traceparent"] == f"00-{TRACE}-{span.context.span_id:016x}-01".encode()
    assert headers["tracestate"] == b"shop=1"
    assert span.attributes is not None
    assert dict(span.attributes) == {
        "messaging.system": "kafka",
        "messaging.operation.name": "process",
        "messaging.operation.type": "process",
        "messaging.destination.name": "in",
        "messaging.destination.partition.id": "0",
        "messaging.kafka.offset": 7,
        "messaging.consumer.group.name": "g",
        "messaging.message.id": "m-1",
        "triage.outcome": "accepted",
        "triage.label": "WISMO",
    }
    assert [step.name for step in span.events] == ["infer", "decided"]
    assert span.resource.attributes["service.name"] == "triage-worker"


async def test_a_trace_that_is_not_sampled_passes_through_without_a_span(
    traces: Traces, exporter: InMemorySpanExporter
) -> None:
    records = [received(0, message("aa"), NOT_SAMPLED, STATE), received(1, message("aa")), received(2, b"[]")]
    outputs = await classify(traces, *records)
    assert exporter.get_finished_spans() == ()
    assert [dict(output.headers).get("traceparent") for output in outputs] == [NOT_SAMPLED[1], None, None]
    assert dict(outputs[0].headers)["tracestate"] == b"shop=1"


@pytest.mark.parametrize("invalid", [b"", b"00", b"00-1-2-01", b"\xff\xfe-01", b"00-zz-zz-zz", b"x" * 5_000])
async def test_an_invalid_traceparent_passes_through(
    traces: Traces, exporter: InMemorySpanExporter, invalid: bytes
) -> None:
    (output,) = await classify(traces, received(0, message("aa"), ("traceparent", invalid)))
    assert exporter.get_finished_spans() == ()
    assert dict(output.headers)["traceparent"] == invalid


async def test_a_dead_letter_keeps_its_headers_and_its_span_has_the_reason(
    traces: Traces, exporter: InMemorySpanExporter, caplog: pytest.LogCaptureFixture
) -> None:
    records = [received(0, b"[]", SAMPLED), received(1, message("poison", "m-9"), SAMPLED)]
    outputs = await classify(traces, *records)
    assert [dict(output.headers)["traceparent"] for output in outputs] == [SAMPLED[1], SAMPLED[1]]
    spans = exporter.get_finished_spans()
    assert [(span.attributes or {})["error.type"] for span in spans] == ["not_object", "model_error"]
    assert all(span.status.status_code is StatusCode.ERROR for span in spans)
    (line,) = [line for line in caplog.records if "becomes a dead letter" in line.message]
    logged = json.loads(JsonFormatter(with_text=False).format(line))
    assert logged["message_id"] == "m-9"
    assert (logged["trace_id"], logged["span_id"]) == (TRACE, f"{spans[1].context.span_id:016x}")


async def test_with_a_sampler_messages_without_a_trace_start_one(
    exporter: InMemorySpanExporter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "parentbased_always_on")
    with tracing.started("worker", "g", SimpleSpanProcessor(exporter)) as traces:
        outputs = await classify(traces, received(0, message("aa")), received(1, message("aa"), NOT_SAMPLED))
    span = only_span(exporter)
    assert span.parent is None
    parent = dict(outputs[0].headers)["traceparent"]
    assert parent is not None
    assert parent.split(b"-")[2] == f"{span.context.span_id:016x}".encode()
    assert dict(outputs[1].headers)["traceparent"] == NOT_SAMPLED[1]


class FakeEndpoint:
    """An LLM endpoint that answers, after some failures."""

    def __init__(self, *failures: Exception) -> None:
        self._failures = list(failures)

    async def complete(self, body: dict[str, object], timeout_s: float) -> Completion:
        if self._failures:
            raise self._failures.pop()
        return Completion("WISMO", 80, 4)


class RetryingDecider:
    """Asks an endpoint, and once more after a failure."""

    down: str | None = None

    def __init__(self, endpoint: TracedEndpoint) -> None:
        self._endpoint = endpoint

    async def available(self) -> None:
        pass

    async def decide(self, event: FallbackEvent) -> Decided:
        try:
            await self._endpoint.complete({}, 1.0)
        except UnavailableError:
            logging.getLogger("triage_worker").warning("The LLM is not available")
            await self._endpoint.complete({}, 1.0)
        return Decided("WISMO", 0.9)


async def decide(traces: Traces, endpoint: FakeEndpoint, message: ConsumerRecord) -> Output:
    """Let the fallback decide a message; returns its output, which is acknowledged."""
    decider = RetryingDecider(TracedEndpoint(endpoint, "small", traces))
    async with fallback_harness(decider, concurrency=1, partition=A, traces=traces) as harness:
        await harness.process({A: [message]})
        (output,) = await harness.wait_for_outputs(1)
        harness.in_flight.acknowledge(output)
        return output


async def test_spans_of_llm_calls_are_children_of_their_messages_span(
    traces: Traces,
    exporter: InMemorySpanExporter,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    formatter, lines = JsonFormatter(with_text=False), list[str]()
    monkeypatch.setattr(caplog.handler, "emit", lambda line: lines.append(formatter.format(line)))
    output = await decide(traces, FakeEndpoint(UnavailableError("secret")), received(0, event().write(), SAMPLED))
    failed, answered, asked = exporter.get_finished_spans()
    assert [span.name for span in (failed, answered, asked)] == ["chat small", "chat small", "process in"]
    assert failed.parent == answered.parent == asked.context
    assert (failed.attributes or {})["error.type"] == "UnavailableError"
    assert "secret" not in failed.to_json()
    assert (answered.attributes or {})["gen_ai.usage.input_tokens"] == 80
    passed_on = f"00-{TRACE}-{asked.context.span_id:016x}-01".encode()
    assert output.companion is not None
    assert dict(output.headers)["traceparent"] == dict(output.companion.headers)["traceparent"] == passed_on
    logged = json.loads(lines[0])
    assert logged["message_id"] == "m-0"
    assert (logged["trace_id"], logged["span_id"]) == (TRACE, f"{asked.context.span_id:016x}")


async def test_a_call_for_a_message_without_a_span_has_none(traces: Traces, exporter: InMemorySpanExporter) -> None:
    await decide(traces, FakeEndpoint(), received(0, event().write(), NOT_SAMPLED))
    assert exporter.get_finished_spans() == ()


async def test_the_routers_span_joins_the_senders_trace(traces: Traces, exporter: InMemorySpanExporter) -> None:
    broker = router_fakes.FakeBroker()
    service = TicketService(
        RouterContext(router_fakes.TOPICS, broker.send, lambda: ROUTES, RouterMetrics(), lambda: 1_000.0),
        broker,
        traces,
    )
    intent = router_fakes.intent_record(0, intent_event(0))
    intent.headers = [*(intent.headers or ()), SAMPLED]
    await service.process([intent])
    span = only_span(exporter)
    assert (span.attributes or {})["triage.outcome"] == "filed"
    ticket = broker.of("tickets")[0]
    assert dict(ticket.headers)["traceparent"] == f"00-{TRACE}-{span.context.span_id:016x}-01".encode()


def test_nothing_is_imported_unless_an_endpoint_is_set() -> None:
    code = (
        "import sys; from triage_worker.classify import service\n"
        "from triage_worker.observability import tracing\n"
        "with tracing.started('worker', 'g') as traces: assert traces is None\n"
        "sys.exit(any(name.startswith('opentelemetry') for name in sys.modules))"
    )
    environment = {"PATH": "", "OTEL_EXPORTER_OTLP_ENDPOINT": "", "OTEL_TRACES_SAMPLER": "always_on"}
    assert subprocess.run([sys.executable, "-c", code], env=environment, check=False).returncode == 0


@pytest.mark.parametrize("name", tracing.ENDPOINTS)
def test_an_endpoint_turns_tracing_on_or_warns_without_the_extra(
    name: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv(name, "http://localhost:1")
    with tracing.started("worker", "g") as traces:
        assert traces is not None
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)
    with tracing.started("worker", "g") as traces:
        assert traces is None
    assert "[otel]" in caplog.text
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    with tracing.started("worker", "g") as traces:
        assert traces is None


def test_a_service_name_of_the_environment_is_used(
    exporter: InMemorySpanExporter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_SERVICE_NAME", "support-triage")
    with tracing.started("worker", "g", SimpleSpanProcessor(exporter)) as traces:
        assert traces is not None
        span = traces.begin(received(0, b"{}", SAMPLED))
        assert span is not None
        span.end("accepted", "WISMO")
    assert only_span(exporter).resource.attributes["service.name"] == "support-triage"

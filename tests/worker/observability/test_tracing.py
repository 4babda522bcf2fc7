"""Spans as an exporter gets them: joined to the sender's trace, handed on, and none where nobody asked."""

import asyncio
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
from triage_schemas.input.message import InputShape
from triage_schemas.records import IntentWriter
from triage_worker.classify.batching import Limits
from triage_worker.classify.loaded_bundle import LoadedBundle
from triage_worker.classify.outputs import OutputWriter
from triage_worker.classify.processor import ClassificationProcessor
from triage_worker.fallback.client import Completion, UnavailableError
from triage_worker.fallback.llm_decider import Decided
from triage_worker.fallback.traced_endpoint import TracedEndpoint
from triage_worker.observability import tracing
from triage_worker.observability.logs import JsonFormatter
from triage_worker.observability.metrics import Metrics
from triage_worker.observability.tracing import Traces
from triage_worker.router.context import RouterContext
from triage_worker.router.metrics import RouterMetrics
from triage_worker.router.ticket_service import TicketService
from triage_worker.streaming.async_processor import AsyncDecisionProcessor
from triage_worker.streaming.tracking.dead_letters import DeadLetters
from triage_worker.streaming.tracking.in_flight import InFlightMessages
from triage_worker.streaming.tracking.output import Output

from tests.worker.fakes import FakeModel, Harness, Published, record
from tests.worker.fallback.events import event
from tests.worker.router import fakes as router_fakes
from tests.worker.router.intents import intent_event
from tests.worker.router.test_ticket_service import ROUTES
from tests.worker.streaming.test_async_processor import OUTPUTS

A = TopicPartition("in", 0)
TRACE, SENDER = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
RECORDED = ("traceparent", f"00-{TRACE}-{SENDER}-01".encode())
NOT_RECORDED = ("traceparent", f"00-{TRACE}-{SENDER}-00".encode())
STATE = ("tracestate", b"shop=1")


@pytest.fixture
def exporter() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def traces(exporter: InMemorySpanExporter) -> Iterator[Traces]:
    with tracing.started("worker", "g", SimpleSpanProcessor(exporter)) as traces:
        assert traces is not None
        yield traces


def came(offset: int, value: bytes | None, *headers: tuple[str, bytes], topic: TopicPartition = A) -> ConsumerRecord:
    made = record(topic, offset, value)
    made.headers = headers
    return made


async def classified(traces: Traces | None, *records: ConsumerRecord) -> list[Output]:
    """What a worker publishes, each acknowledged."""
    events = IntentWriter(name="m", version="1", threshold=0.5, descriptions={"WISMO": "where"}, include_text=False)
    model = FakeModel(lambda texts: any("poison" in text for text in texts))
    in_flight = InFlightMessages(Metrics())
    in_flight.offsets.assign(A)
    processor = ClassificationProcessor(
        LoadedBundle(model, OutputWriter(events, "out", "fallback"), Limits(threads=1, budget=256)),
        DeadLetters("dlq"),
        InputShape(),
        in_flight,
        metrics=Metrics(),
        traces=traces,
    )
    processor.start()
    published = Published(in_flight)
    try:
        await Harness(processor, in_flight).accept({A: list(records)})
        outputs = await published.wait(len(records))
    finally:
        processor.close()
        published.close()
    for output in outputs:
        in_flight.acknowledge(output)
    return outputs


def message(text: str, name: str = "m-1") -> bytes:
    return orjson.dumps({"text": text, "message_id": name})


def only(exporter: InMemorySpanExporter) -> ReadableSpan:
    (span,) = exporter.get_finished_spans()
    return span


async def test_a_message_has_a_span_under_its_senders_and_hands_its_own_on(
    traces: Traces, exporter: InMemorySpanExporter
) -> None:
    (output,) = await classified(traces, came(7, message("aa"), RECORDED, STATE))
    span = only(exporter)
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


async def test_an_unrecorded_trace_and_none_at_all_make_no_span_and_pass_through(
    traces: Traces, exporter: InMemorySpanExporter
) -> None:
    records = [came(0, message("aa"), NOT_RECORDED, STATE), came(1, message("aa")), came(2, b"[]")]
    outputs = await classified(traces, *records)
    assert exporter.get_finished_spans() == ()
    assert [dict(output.headers).get("traceparent") for output in outputs] == [NOT_RECORDED[1], None, None]
    assert dict(outputs[0].headers)["tracestate"] == b"shop=1"


@pytest.mark.parametrize("broken", [b"", b"00", b"00-1-2-01", b"\xff\xfe-01", b"00-zz-zz-zz", b"x" * 5_000])
async def test_a_broken_traceparent_stops_nothing(
    traces: Traces, exporter: InMemorySpanExporter, broken: bytes
) -> None:
    (output,) = await classified(traces, came(0, message("aa"), ("traceparent", broken)))
    assert exporter.get_finished_spans() == ()
    assert dict(output.headers)["traceparent"] == broken


async def test_a_dead_letter_keeps_its_headers_and_its_span_says_why(
    traces: Traces, exporter: InMemorySpanExporter, caplog: pytest.LogCaptureFixture
) -> None:
    records = [came(0, b"[]", RECORDED), came(1, message("poison", "m-9"), RECORDED)]
    outputs = await classified(traces, *records)
    assert [dict(output.headers)["traceparent"] for output in outputs] == [RECORDED[1], RECORDED[1]]
    spans = exporter.get_finished_spans()
    assert [(span.attributes or {})["error.type"] for span in spans] == ["not_object", "model_error"]
    assert all(span.status.status_code is StatusCode.ERROR for span in spans)
    (line,) = [line for line in caplog.records if "becomes a dead letter" in line.message]
    said = json.loads(JsonFormatter(with_text=False).format(line))
    assert said["message_id"] == "m-9"
    assert (said["trace_id"], said["span_id"]) == (TRACE, f"{spans[1].context.span_id:016x}")


async def test_a_sampler_lets_messages_without_a_trace_begin_one(
    exporter: InMemorySpanExporter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "parentbased_always_on")
    with tracing.started("worker", "g", SimpleSpanProcessor(exporter)) as traces:
        outputs = await classified(traces, came(0, message("aa")), came(1, message("aa"), NOT_RECORDED))
    span = only(exporter)
    assert span.parent is None
    parent = dict(outputs[0].headers)["traceparent"]
    assert parent is not None
    assert parent.split(b"-")[2] == f"{span.context.span_id:016x}".encode()
    assert dict(outputs[1].headers)["traceparent"] == NOT_RECORDED[1]


class Endpoint:
    """Answers, or does not."""

    def __init__(self, *failures: Exception) -> None:
        self._failures = list(failures)

    async def complete(self, body: dict[str, object], timeout_s: float) -> Completion:
        if self._failures:
            raise self._failures.pop()
        return Completion("WISMO", 80, 4)


async def consulted(traces: Traces, endpoint: Endpoint, *records: ConsumerRecord) -> Output:
    traced = TracedEndpoint(endpoint, "small", traces)

    class FakeDecider:
        down: str | None = None

        async def decide(self, event: FallbackEvent) -> Decided:
            try:
                await traced.complete({}, 1.0)
            except UnavailableError:
                logging.getLogger("triage_worker").warning("The LLM was away")
                await traced.complete({}, 1.0)
            return Decided("WISMO", 0.9)

    in_flight = InFlightMessages(Metrics())
    in_flight.offsets.assign(A)
    processor = AsyncDecisionProcessor(
        FallbackEvent, FakeDecider(), OUTPUTS.build, DeadLetters("dlq"), in_flight, concurrency=1, traces=traces
    )
    ended = processor.start()
    published = Published(in_flight)
    await Harness(processor, in_flight).accept({A: list(records)})
    (output,) = await published.wait(1)
    in_flight.acknowledge(output)
    processor.close()
    published.close()
    await asyncio.gather(ended, return_exceptions=True)
    return output


async def test_calls_of_the_llm_are_seen_under_their_message(
    traces: Traces,
    exporter: InMemorySpanExporter,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    formatter, lines = JsonFormatter(with_text=False), list[str]()
    monkeypatch.setattr(caplog.handler, "emit", lambda line: lines.append(formatter.format(line)))
    output = await consulted(traces, Endpoint(UnavailableError("secret")), came(0, event().write(), RECORDED))
    failed, answered, asked = exporter.get_finished_spans()
    assert [span.name for span in (failed, answered, asked)] == ["chat small", "chat small", "process in"]
    assert failed.parent == answered.parent == asked.context
    assert (failed.attributes or {})["error.type"] == "UnavailableError"
    assert "secret" not in failed.to_json()
    assert (answered.attributes or {})["gen_ai.usage.input_tokens"] == 80
    hand_on = f"00-{TRACE}-{asked.context.span_id:016x}-01".encode()
    assert output.companion is not None
    assert dict(output.headers)["traceparent"] == dict(output.companion.headers)["traceparent"] == hand_on
    said = json.loads(lines[0])
    assert said["message_id"] == "m-0"
    assert (said["trace_id"], said["span_id"]) == (TRACE, f"{asked.context.span_id:016x}")


async def test_a_call_for_a_message_without_a_span_has_none(traces: Traces, exporter: InMemorySpanExporter) -> None:
    await consulted(traces, Endpoint(), came(0, event().write(), NOT_RECORDED))
    assert exporter.get_finished_spans() == ()


async def test_the_router_files_under_the_senders_trace(traces: Traces, exporter: InMemorySpanExporter) -> None:
    broker = router_fakes.FakeBroker()
    service = TicketService(
        RouterContext(router_fakes.TOPICS, broker.send, lambda: ROUTES, RouterMetrics(), lambda: 1_000.0),
        broker,
        traces,
    )
    intent = router_fakes.intent_record(0, intent_event(0))
    intent.headers = [*(intent.headers or ()), RECORDED]
    await service.process([intent])
    span = only(exporter)
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
def test_an_endpoint_is_a_wish_and_without_the_extra_a_warning(
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


def test_a_name_of_the_service_that_is_given_is_kept(
    exporter: InMemorySpanExporter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_SERVICE_NAME", "support-triage")
    with tracing.started("worker", "g", SimpleSpanProcessor(exporter)) as traces:
        assert traces is not None
        span = traces.begin(came(0, b"{}", RECORDED))
        assert span is not None
        span.end("accepted", "WISMO")
    assert only(exporter).resource.attributes["service.name"] == "support-triage"

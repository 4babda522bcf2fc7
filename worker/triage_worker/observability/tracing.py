"""Makes OpenTelemetry spans: one for each message whose sender's trace is sampled, from poll to acknowledgement.

Tracing is off, and OpenTelemetry is not imported, unless the extra ``[otel]`` is installed and an endpoint is set. The
standard ``OTEL_…`` variables configure it. A message without a trace has no span, unless ``OTEL_TRACES_SAMPLER`` sets
how many of them start one.
"""

import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Protocol

from triage_schemas.cloudevents import Headers, RecordHeaders, trace_headers

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import SpanProcessor
    from opentelemetry.trace import Span, Tracer

log = logging.getLogger(__name__)

ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
SAMPLER = "OTEL_TRACES_SAMPLER"
SAMPLED = 0x01
TRACEPARENT_PARTS = 4


class Read(Protocol):
    """The part of a consumer record that spans are made from."""

    topic: str
    partition: int
    offset: int
    headers: Any


class MessageSpan:
    """The span of one message; several threads use it, one after the other."""

    __slots__ = ("_span", "_traces")

    def __init__(self, span: "Span", traces: "Traces") -> None:
        self._span = span
        self._traces = traces

    @property
    def traceparent(self) -> bytes:
        """The ``traceparent`` header that makes this span the parent of the next ones."""
        context = self._span.get_span_context()
        return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}".encode()

    def about(self, message_id: str) -> None:
        """Set the id of the message, once it is known."""
        self._span.set_attribute("messaging.message.id", message_id)

    def mark(self, event: str, **attributes: int | str) -> None:
        """Record the time of a step."""
        self._span.add_event(event, attributes)

    def end(self, outcome: str, label: str) -> None:
        """End the span: the broker has the message's output."""
        self._span.set_attribute("triage.outcome", outcome)
        self._span.set_attribute("triage.label", label)
        if outcome == "dead_letter":
            self._traces.failed(self._span, label)
        self._span.end()

    def current(self) -> AbstractContextManager[object]:
        """Make spans of calls children of this one within the context."""
        return self._traces.within(self._span)


class Traces:
    """Makes spans; created by `started`.

    Args:
        tracer: of OpenTelemetry.
        group: the consumer group that reads the messages.
        begins: whether messages without a sampled trace may start one.
    """

    def __init__(self, tracer: "Tracer", group: str, *, begins: bool = False) -> None:
        from opentelemetry import trace  # noqa: PLC0415 (only where spans are asked for)
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator  # noqa: PLC0415

        self._api = trace
        self._tracer = tracer
        self._group = group
        self._begins = begins
        self._extract = TraceContextTextMapPropagator().extract

    def begin(self, record: Read) -> MessageSpan | None:
        """Start the span of a message that was just read; None if its trace is not sampled."""
        came = trace_headers(record.headers or ())
        if not (self._begins or _sampled(came)):
            return None
        span = self._tracer.start_span(
            f"process {record.topic}",
            self._extract({name: value.decode("latin-1") for name, value in came}),
            self._api.SpanKind.CONSUMER,
            {
                "messaging.system": "kafka",
                "messaging.operation.name": "process",
                "messaging.operation.type": "process",
                "messaging.destination.name": record.topic,
                "messaging.destination.partition.id": str(record.partition),
                "messaging.kafka.offset": record.offset,
                "messaging.consumer.group.name": self._group,
            },
        )
        return MessageSpan(span, self) if span.is_recording() else None

    @contextmanager
    def call(self, name: str, attributes: Mapping[str, str]) -> "Iterator[Span]":
        """Make a span of a call to another service, if the message has a span; an exception marks it as failed."""
        message = self._api.get_current_span()
        if not message.is_recording():
            yield message
            return
        # Only the kind of the exception is recorded: its text can contain what was sent.
        with self._tracer.start_as_current_span(
            name,
            kind=self._api.SpanKind.CLIENT,
            attributes=attributes,
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            try:
                yield span
            except BaseException as error:
                self.failed(span, type(error).__name__)
                raise

    def failed(self, span: "Span", kind: str) -> None:
        """Mark a span as failed."""
        span.set_attribute("error.type", kind)
        span.set_status(self._api.StatusCode.ERROR)

    def within(self, span: "Span") -> "AbstractContextManager[object]":
        """Make a span the parent of those that start within the context."""
        return self._api.use_span(span, record_exception=False, set_status_on_exception=False)


def begin(traces: Traces | None, record: Read) -> MessageSpan | None:
    """Call `Traces.begin` if tracing is on."""
    return None if traces is None else traces.begin(record)


def current(span: MessageSpan | None) -> AbstractContextManager[object]:
    """Call `MessageSpan.current` if the message has a span."""
    return nullcontext() if span is None else span.current()


def outgoing(headers: RecordHeaders, span: MessageSpan | None) -> Headers:
    """Return the trace headers for records that a message leads to: as it came, or with our span as the parent."""
    came = trace_headers(headers)
    if span is None:
        return came
    return [("traceparent", span.traceparent), *(header for header in came if header[0] != "traceparent")]


def ids(headers: RecordHeaders, span: MessageSpan | None = None) -> dict[str, str]:
    """Return the ids of a message's trace, and of our span if there is one, for the ``extra`` of log lines."""
    parts = dict(outgoing(headers, span)).get("traceparent", b"").decode("latin-1").split("-")
    if len(parts) < TRACEPARENT_PARTS:
        return {}
    return {"trace_id": parts[1]} | ({} if span is None else {"span_id": parts[2]})


@contextmanager
def started(service: str, group: str, processor: "SpanProcessor | None" = None) -> Iterator[Traces | None]:
    """Turn tracing on within the context, if the environment asks for it; spans that remain are sent at its end.

    Args:
        service: its name, unless ``OTEL_SERVICE_NAME`` sets another.
        group: its consumer group.
        processor: replaces the exporter, in tests.
    """
    processor = processor or _exporter()
    if processor is None:
        yield None
        return
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415 (only where spans are asked for)
    from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ParentBased  # noqa: PLC0415

    begins = SAMPLER in os.environ
    sampler = None if begins else ParentBased(ALWAYS_OFF)  # None: what the environment says
    provider = TracerProvider(sampler, resource=_resource(service), shutdown_on_exit=False)
    provider.add_span_processor(processor)
    try:
        yield Traces(provider.get_tracer("triage", version("triage-worker")), group, begins=begins)
    finally:
        provider.shutdown()


def _exporter() -> "SpanProcessor | None":
    """Return the exporter, if the environment asks for it and the extra is installed."""
    asked = any(os.environ.get(name) for name in ENDPOINTS)
    if not asked or os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return None
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415
    except ModuleNotFoundError:
        log.warning("An OTEL_…_ENDPOINT is set, but tracing is not installed: install Triage with its extra [otel]")
        return None
    return BatchSpanProcessor(OTLPSpanExporter())


def _resource(service: str) -> Any:
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415

    found = Resource.create()
    if not str(found.attributes["service.name"]).startswith("unknown_service"):
        return found
    return found.merge(Resource({"service.name": f"triage-{service}", "service.version": version("triage-worker")}))


def _sampled(came: Headers) -> bool:
    flags = next((value.rpartition(b"-")[2] for name, value in came if name == "traceparent"), b"00")
    try:
        return bool(int(flags, 16) & SAMPLED)
    except ValueError:
        return False

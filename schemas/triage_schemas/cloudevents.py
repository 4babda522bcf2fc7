"""CloudEvents 1.0 in binary mode: what an event is, in Kafka headers, so that nobody has to open its value.

An event's id is made of where its message was read and of its type: whoever sees an id twice has a repeat.
"""

from collections.abc import Sequence
from datetime import UTC, datetime

from triage_schemas.input.message import Source

Headers = list[tuple[str, bytes]]
RecordHeaders = Sequence[tuple[str, bytes | None]]
"""Of any record: names may come twice, and a value may be none."""

EVENT_SOURCE = "/triage"
"""``ce_source`` of every event, whichever process wrote it: a repeat must carry the same source and id."""

CONTENT_TYPE = "application/json"
TRACE_HEADERS = ("traceparent", "tracestate")


def event_id(event_type: str, source: Source) -> str:
    """The id of the event of a type that the message read at ``source`` gives rise to."""
    return f"{event_type}:{source.topic}:{source.partition}:{source.offset}"


def event_headers(event_type: str, event_id: str, time: str, subject: str, trace: Headers) -> Headers:
    """The headers of one event: CloudEvents attributes, content type, and the trace it belongs to."""
    return [
        ("ce_specversion", b"1.0"),
        ("ce_id", event_id.encode()),
        ("ce_source", EVENT_SOURCE.encode()),
        ("ce_type", event_type.encode()),
        ("ce_time", time.encode()),
        ("ce_subject", subject.encode()),
        ("content-type", CONTENT_TYPE.encode()),
        *trace,
    ]


def trace_of(headers: RecordHeaders) -> Headers:
    """The W3C trace context among a record's headers, as it came."""
    return [(name, value) for name, value in headers if name in TRACE_HEADERS and value is not None]


def timestamp(seconds: float) -> str:
    """Seconds since the epoch as RFC 3339 in UTC, to the millisecond."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")

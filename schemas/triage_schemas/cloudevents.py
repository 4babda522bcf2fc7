"""CloudEvents 1.0 in binary mode: an event's attributes as Kafka headers, readable without parsing the value.

An event's id is derived from its type and the position of its input record, so a repeated event has the same id.
"""

from collections.abc import Sequence
from datetime import UTC, datetime

from triage_schemas.messages.message import Source

Headers = list[tuple[str, bytes]]
RecordHeaders = Sequence[tuple[str, bytes | None]]
"""The headers of any Kafka record: a name may occur twice, and a value may be null."""

EVENT_SOURCE = "/triage"
"""``ce_source`` of every event. It does not name the process, since a repeat must have the same source and id."""

CONTENT_TYPE = "application/json"
TRACE_HEADERS = ("traceparent", "tracestate")


def event_id(event_type: str, source: Source) -> str:
    """The id of the event of this type for the record at ``source``."""
    return f"{event_type}:{source.topic}:{source.partition}:{source.offset}"


def event_headers(
    event_type: str, event_id: str, time: str, subject: str, trace: Headers, content_type: str = CONTENT_TYPE
) -> Headers:
    """The headers of one event: CloudEvents attributes, content type and trace context."""
    return [
        ("ce_specversion", b"1.0"),
        ("ce_id", event_id.encode()),
        ("ce_source", EVENT_SOURCE.encode()),
        ("ce_type", event_type.encode()),
        ("ce_time", time.encode()),
        ("ce_subject", subject.encode()),
        ("content-type", content_type.encode()),
        *trace,
    ]


def trace_headers(headers: RecordHeaders) -> Headers:
    """The W3C trace context among a record's headers, unchanged."""
    return [(name, value) for name, value in headers if name in TRACE_HEADERS and value is not None]


def timestamp(seconds: float) -> str:
    """Seconds since the epoch as RFC 3339 in UTC, to the millisecond."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")

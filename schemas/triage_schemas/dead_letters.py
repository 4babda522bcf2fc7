"""Dead letters: the original bytes, and headers that say where they came from and what is wrong with them."""

from triage_schemas.cloudevents import Headers, RecordHeaders
from triage_schemas.input.message import Source

VERSION = "1"


def dead_letter_headers(
    original: RecordHeaders, source: Source, code: str, message: str, time: str
) -> list[tuple[str, bytes | None]]:
    """The record's own headers untouched, then ours. A record that was a dead letter before has both sets."""
    ours: Headers = [
        ("dlq.topic", source.topic.encode()),
        ("dlq.partition", str(source.partition).encode()),
        ("dlq.offset", str(source.offset).encode()),
        ("dlq.error", code.encode()),
        ("dlq.message", message.encode()),
        ("dlq.time", time.encode()),
        ("dlq.version", VERSION.encode()),
    ]
    return [*original, *ours]

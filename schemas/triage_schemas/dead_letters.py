"""The headers of dead letters: where the record was read, and why it could not be processed."""

from triage_schemas.cloudevents import Headers, RecordHeaders
from triage_schemas.messages.message import Source

VERSION = "1"


def dead_letter_headers(
    original: RecordHeaders, source: Source, code: str, message: str, time: str
) -> list[tuple[str, bytes | None]]:
    """The record's own headers unchanged, followed by the ``dlq.`` headers.

    A record that was a dead letter before has both sets; the last one counts.

    Args:
        original: the record's headers.
        source: where the record was read.
        code: a stable code for the reason.
        message: the reason in words, without the customer's text.
        time: when the record became a dead letter, RFC 3339.
    """
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

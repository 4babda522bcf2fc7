"""The headers of dead letters: where the record was read, and why it could not be processed.

They are written in one of three styles: Triage's own, that of Kafka Connect, and that of Spring for Apache Kafka, whose
numbers are big-endian integers. The styles of others have no place for our code, so there it is the name of the
exception, after `EXCEPTION`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from triage_schemas.cloudevents import RecordHeaders
from triage_schemas.messages.message import Source

VERSION = "1"

HeaderStyle = Literal["triage", "connect", "spring"]

EXCEPTION = "triage."
"""What the name of an exception begins with, in the styles that have one; the code follows."""

TIMESTAMP_TYPES = {0: "CreateTime", 1: "LogAppendTime"}
"""Kafka's names of the types of a record's timestamp."""


@dataclass(frozen=True, slots=True)
class Origin:
    """What the style of Spring says besides the position of a record.

    Attributes:
        timestamp_ms: of the record, in milliseconds since the epoch; -1 if it has none.
        timestamp_type: 0 if its producer set it, 1 if the broker did.
        group: the consumer group that read the record.
    """

    timestamp_ms: int = -1
    timestamp_type: int | None = None
    group: str = "triage"


class DeadLetterInfo(NamedTuple):
    """What the headers of a dead letter say.

    Attributes:
        source: where the record was read.
        code: a stable code for the reason.
        time: when it became a dead letter, RFC 3339; None in a style without it.
        start: the index of the first of these headers; those before are the record's own.
    """

    source: Source
    code: str
    time: str | None
    start: int


def dead_letter_headers(
    original: RecordHeaders,
    source: Source,
    code: str,
    message: str,
    time: str,
    *,
    style: HeaderStyle = "triage",
    origin: Origin = Origin(),
) -> list[tuple[str, bytes | None]]:
    """The record's own headers unchanged, followed by those of the dead letter.

    A record that was a dead letter before has both sets; the last one counts.

    Args:
        original: the record's headers.
        source: where the record was read.
        code: a stable code for the reason.
        message: the reason in words, without the customer's text.
        time: when the record became a dead letter, RFC 3339.
        style: the names and types of the headers.
        origin: what Spring's headers also say.
    """
    if style == "connect":
        return [*original, *_connect(source, code, message, origin)]
    if style == "spring":
        return [*original, *_spring(source, code, message, origin)]
    ours: list[tuple[str, bytes | None]] = [
        ("dlq.topic", source.topic.encode()),
        ("dlq.partition", str(source.partition).encode()),
        ("dlq.offset", str(source.offset).encode()),
        ("dlq.error", code.encode()),
        ("dlq.message", message.encode()),
        ("dlq.time", time.encode()),
        ("dlq.version", VERSION.encode()),
    ]
    return [*original, *ours]


def read_dead_letter(headers: RecordHeaders) -> DeadLetterInfo | None:
    """Read the last set of a dead letter's headers, in any style; None if Triage wrote none of them."""
    start = max((index for index, (name, _) in enumerate(headers) if name in _READERS), default=None)
    if start is None:
        return None
    ours = {name: value or b"" for name, value in headers[start:]}
    try:
        source, code, time = _READERS[headers[start][0]](ours)
    except (KeyError, ValueError):
        return None
    return DeadLetterInfo(source, code, time, start)


def _connect(source: Source, code: str, message: str, origin: Origin) -> Sequence[tuple[str, bytes]]:
    texts = {
        "topic": source.topic,
        "partition": str(source.partition),
        "offset": str(source.offset),
        "connector.name": origin.group,
        "task.id": "0",
        "stage": "TASK_PUT",
        "class.name": "triage",
        "exception.class.name": EXCEPTION + code,
        "exception.message": message,
    }
    return [(f"__connect.errors.{name}", text.encode()) for name, text in texts.items()]


def _spring(source: Source, code: str, message: str, origin: Origin) -> Sequence[tuple[str, bytes]]:
    timestamp_type = TIMESTAMP_TYPES.get(-1 if origin.timestamp_type is None else origin.timestamp_type)
    values = {
        "original-topic": source.topic.encode(),
        "original-partition": source.partition.to_bytes(4, "big", signed=True),
        "original-offset": source.offset.to_bytes(8, "big", signed=True),
        "original-timestamp": origin.timestamp_ms.to_bytes(8, "big", signed=True),
        "original-timestamp-type": (timestamp_type or "NoTimestampType").encode(),
        "original-consumer-group": origin.group.encode(),
        "exception-fqcn": (EXCEPTION + code).encode(),
        "exception-message": message.encode(),
    }
    return [(f"kafka_dlt-{name}", value) for name, value in values.items()]


_Read = tuple[Source, str, str | None]


def _read_triage(ours: dict[str, bytes]) -> _Read:
    texts = {name: value.decode(errors="replace") for name, value in ours.items()}
    source = Source(texts["dlq.topic"], int(texts["dlq.partition"]), int(texts["dlq.offset"]))
    return source, texts["dlq.error"], texts.get("dlq.time")


def _read_connect(ours: dict[str, bytes]) -> _Read:
    names = ("topic", "partition", "offset", "exception.class.name")
    topic, partition, offset, exception = (ours[f"__connect.errors.{name}"].decode() for name in names)
    return Source(topic, int(partition), int(offset)), _code(exception), None


def _read_spring(ours: dict[str, bytes]) -> _Read:
    topic = ours["kafka_dlt-original-topic"].decode()
    partition, offset = (_integer(ours[f"kafka_dlt-original-{name}"]) for name in ("partition", "offset"))
    return Source(topic, partition, offset), _code(ours["kafka_dlt-exception-fqcn"].decode()), None


def _integer(value: bytes) -> int:
    if len(value) not in {4, 8}:
        raise ValueError(f"an integer of {len(value)} bytes")
    return int.from_bytes(value, "big", signed=True)


def _code(exception: str) -> str:
    if not exception.startswith(EXCEPTION):
        raise ValueError("another program wrote it")
    return exception.removeprefix(EXCEPTION)


_READERS = {
    "dlq.topic": _read_triage,
    "__connect.errors.topic": _read_connect,
    "kafka_dlt-original-topic": _read_spring,
}
"""By the first header of each style."""

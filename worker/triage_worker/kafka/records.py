"""The types of records that are read and sent, and where a record was read from."""

from typing import Any, NamedTuple, Protocol

from triage_schemas.cloudevents import RecordHeaders
from triage_schemas.messages.message import Source


class InputRecord(Protocol):
    """A record as it was read, by aiokafka or by Faust."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Any
    """As `RecordHeaders`, or None; the clients annotate it differently."""


class OutgoingRecord(NamedTuple):
    """A record to send."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: RecordHeaders


def source_of(record: InputRecord) -> Source:
    """Return the topic, partition and offset of a record."""
    return Source(record.topic, record.partition, record.offset)

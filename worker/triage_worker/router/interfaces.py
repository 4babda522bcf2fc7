"""The router's records and state as plain types, so that its logic can be tested without a broker."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol

from triage_schemas.cloudevents import RecordHeaders, timestamp
from triage_schemas.dead_letters import dead_letter_headers
from triage_schemas.input.message import Source


class InputRecord(Protocol):
    """A record as it was read."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: RecordHeaders | None


class OutgoingRecord(NamedTuple):
    """A record to send."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: RecordHeaders


class StateKey(NamedTuple):
    """A key of the state store, and the partition that it belongs to."""

    partition: int
    key: bytes


class StateChange(NamedTuple):
    """A new value for a key of the state store; None removes the key."""

    partition: int
    key: bytes
    value: bytes | None


class Sender(Protocol):
    """Sends records."""

    async def __call__(self, records: Sequence[OutgoingRecord]) -> None:
        """Send records; return when the broker has acknowledged all of them.

        Raises:
            KafkaError: the broker does not accept them.
        """


class StateStore(Protocol):
    """A key-value table with a changelog topic, partitioned like the router's input."""

    def get(self, partition: int, key: bytes) -> bytes | None:
        """Return the value of a key; None if there is none."""
        ...

    async def write(self, changes: Sequence[StateChange]) -> None:
        """Apply changes; return when the changelog has all of them.

        Raises:
            KafkaError: the broker does not accept them.
        """

    def values(self) -> Iterator[bytes]:
        """All values of the assigned partitions."""
        ...


def dead_letter(topic: str, record: InputRecord, code: str, reason: str, now: float) -> OutgoingRecord:
    """Make the dead letter of a record.

    Args:
        topic: the dead-letter topic.
        record: the record that cannot be processed.
        code: a stable code for the reason.
        reason: the reason in words, without the customer's text.
        now: seconds since the epoch.
    """
    source = Source(record.topic, record.partition, record.offset)
    headers = dead_letter_headers(record.headers or (), source, code, reason, timestamp(now))
    return OutgoingRecord(topic, record.key, record.value, headers)

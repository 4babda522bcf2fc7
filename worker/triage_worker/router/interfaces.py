"""What the router's services need of a broker, as protocols, so that they can be tested without one."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol

from triage_worker.kafka.records import OutgoingRecord


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

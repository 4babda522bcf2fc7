"""What the router reads, sends and keeps, without a broker's types: so that its work can be tested without one."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol

from triage_schemas.cloudevents import RecordHeaders, timestamp
from triage_schemas.dead_letters import dead_letter_headers
from triage_schemas.input.message import Source


class Message(Protocol):
    """A record as it was read."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: RecordHeaders | None


class Outgoing(NamedTuple):
    """A record to send."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: RecordHeaders


class Change(NamedTuple):
    """A new value of the store, or None to forget the key."""

    partition: int
    key: bytes
    value: bytes | None


class Sender(Protocol):
    """Sends records."""

    async def __call__(self, outgoing: Sequence[Outgoing]) -> None:
        """Return when the broker has all of them.

        Raises:
            KafkaError: it has not, and never will.
        """


class Store(Protocol):
    """A table by partition and key, whose changes are on a changelog."""

    def get(self, partition: int, key: bytes) -> bytes | None:
        """What is kept under a key."""

    async def write(self, changes: Sequence[Change]) -> None:
        """Keep what is new and forget what is None; return when the changelog has all of it.

        Raises:
            KafkaError: it has not, and never will.
        """

    def values(self) -> Iterator[bytes]:
        """All that is kept, of the partitions that are ours."""


def dead_letter(topic: str, message: Message, code: str, reason: str, now: float) -> Outgoing:
    """The dead letter of a record."""
    source = Source(message.topic, message.partition, message.offset)
    headers = dead_letter_headers(message.headers or (), source, code, reason, timestamp(now))
    return Outgoing(topic, message.key, message.value, headers)

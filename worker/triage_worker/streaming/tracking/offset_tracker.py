"""What was read of each partition, what became of it, and up to where it may be committed. Bookkeeping only, no I/O.

A message is handed out when it is read, completed when its output is known, released when every message before it
in its partition is completed too, and acknowledged when the broker has its output. A partition may be committed up
to its first message that is not acknowledged.
"""

from collections import Counter, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

from aiokafka.structs import TopicPartition

Outcome = Literal["accepted", "fallback", "review", "dead_letter"]
Output = TypeVar("Output")


@dataclass(slots=True, eq=False)
class _Entry(Generic[Output]):
    offset: int
    timestamp_ms: int
    size: int
    output: Output | None = None
    acknowledged: bool = False


class PartitionLedger(Generic[Output]):
    """One partition for as long as one assignment of it lasts.

    When the partition is revoked the ledger is closed, and whatever still comes in for it is ignored: the partition's
    next assignment, here or elsewhere, has a ledger of its own.
    """

    def __init__(self, partition: TopicPartition) -> None:
        self.partition = partition
        self.active = True
        self.last_offset = -1
        self.in_flight_bytes = 0
        self.read = 0
        self.outcomes: Counter[Outcome] = Counter()
        self._entries: dict[int, _Entry[Output]] = {}
        self._unreleased: deque[_Entry[Output]] = deque()
        self._unacknowledged: deque[_Entry[Output]] = deque()

    @property
    def in_flight(self) -> int:
        """Messages handed out and not acknowledged."""
        return len(self._entries)

    @property
    def oldest_timestamp_ms(self) -> int | None:
        """When the first message that is not acknowledged was produced; None when there is none."""
        return self._unacknowledged[0].timestamp_ms if self._unacknowledged else None

    @property
    def committable(self) -> int | None:
        """The offset to go on from: that of the first message not acknowledged; None when nothing was read."""
        if self._unacknowledged:
            return self._unacknowledged[0].offset
        return self.last_offset + 1 if self.read else None

    def hand_out(self, offset: int, *, timestamp_ms: int = 0, size: int = 0) -> None:
        """Enter a message that was read; offsets rise, not always by one.

        Raises:
            ValueError: the offset is not above the last one.
        """
        if offset <= self.last_offset:
            raise ValueError(f"offset {offset} of {self.partition} after {self.last_offset}")
        entry = _Entry[Output](offset, timestamp_ms, size)
        self._entries[offset] = entry
        self._unreleased.append(entry)
        self._unacknowledged.append(entry)
        self.last_offset = offset
        self.in_flight_bytes += size
        self.read += 1

    def complete(self, offset: int, output: Output) -> list[Output]:
        """Set a message's output; returns all that may be published now, in the order of their offsets."""
        entry = self._entries.get(offset)
        if entry is None:
            return []
        entry.output = output
        released = []
        while self._unreleased and self._unreleased[0].output is not None:
            released.append(self._unreleased.popleft().output)
        return [output for output in released if output is not None]

    def acknowledge(self, offset: int, outcome: Outcome) -> bool:
        """Note that the broker has a message's output; False when that no longer matters here."""
        entry = self._entries.pop(offset, None)
        if entry is None:
            return False
        entry.acknowledged = True
        self.in_flight_bytes -= entry.size
        self.outcomes[outcome] += 1
        while self._unacknowledged and self._unacknowledged[0].acknowledged:
            self._unacknowledged.popleft()
        return True

    def close(self) -> int:
        """End the assignment; returns how many messages are given back unfinished."""
        given_back = len(self._entries)
        self.active = False
        self._entries.clear()
        self.in_flight_bytes = 0
        return given_back


@dataclass(frozen=True, slots=True)
class Conservation:
    """The law: after a drain, what was read is what was answered or given back with its partition."""

    read: int
    accepted: int
    fallback: int
    review: int
    dead_letter: int
    given_back: int
    in_flight: int

    @property
    def holds(self) -> bool:
        """Whether every message read is accounted for."""
        answered = self.accepted + self.fallback + self.review + self.dead_letter
        return self.read == answered + self.given_back + self.in_flight


class Ledger(Generic[Output]):
    """The ledgers of all partitions assigned now, and the counts of those that were."""

    def __init__(self) -> None:
        self._partitions: dict[TopicPartition, PartitionLedger[Output]] = {}
        self._committed: dict[TopicPartition, int] = {}
        self._read = 0
        self._given_back = 0
        self._outcomes: Counter[Outcome] = Counter()

    def __getitem__(self, partition: TopicPartition) -> PartitionLedger[Output]:
        return self._partitions[partition]

    def __contains__(self, partition: TopicPartition) -> bool:
        return partition in self._partitions

    def __iter__(self) -> Iterator[PartitionLedger[Output]]:
        return iter(self._partitions.values())

    @property
    def in_flight(self) -> int:
        """Messages handed out and not acknowledged, over all partitions."""
        return sum(partition.in_flight for partition in self)

    @property
    def in_flight_bytes(self) -> int:
        """The size of their values and keys."""
        return sum(partition.in_flight_bytes for partition in self)

    def assign(self, partition: TopicPartition) -> PartitionLedger[Output]:
        """Begin an assignment of a partition; one that was still open is closed."""
        self.revoke([partition])
        opened = self._partitions[partition] = PartitionLedger[Output](partition)
        return opened

    def revoke(self, partitions: Iterable[TopicPartition]) -> int:
        """End assignments; returns how many messages are given back unfinished."""
        given_back = 0
        for partition in partitions:
            closed = self._partitions.pop(partition, None)
            if closed is not None:
                given_back += closed.close()
                self._read += closed.read
                self._outcomes += closed.outcomes
            self._committed.pop(partition, None)
        self._given_back += given_back
        return given_back

    def to_commit(self) -> dict[TopicPartition, int]:
        """Offsets that moved on since the last `committed`."""
        offsets = {ledger.partition: ledger.committable for ledger in self}
        return {
            partition: offset
            for partition, offset in offsets.items()
            if offset is not None and offset != self._committed.get(partition)
        }

    def committed(self, offsets: dict[TopicPartition, int]) -> None:
        """Note what was committed."""
        self._committed.update(offsets)

    def conservation(self) -> Conservation:
        """The counts since the start, over all assignments."""
        outcomes = sum((ledger.outcomes for ledger in self), self._outcomes)
        return Conservation(
            read=self._read + sum(ledger.read for ledger in self),
            accepted=outcomes["accepted"],
            fallback=outcomes["fallback"],
            review=outcomes["review"],
            dead_letter=outcomes["dead_letter"],
            given_back=self._given_back,
            in_flight=self.in_flight,
        )

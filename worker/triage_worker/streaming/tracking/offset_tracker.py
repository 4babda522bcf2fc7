"""Tracks which offsets were read, answered and acknowledged, and which may be committed. Pure bookkeeping, no I/O.

A message is tracked when it is read, completed when its output is known, released when every earlier message of its
partition is completed too, and acknowledged when the broker has its output. A partition may be committed up to its
first message that is not acknowledged. If there is none, it may be committed up to the position of the reader, which is
behind what is no message: the markers of transactions, and records of aborted ones.
"""

from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

from aiokafka.structs import TopicPartition

Outcome = Literal["accepted", "fallback", "review", "dead_letter", "skipped"]
Output = TypeVar("Output")


@dataclass(slots=True, eq=False)
class _Entry(Generic[Output]):
    offset: int
    timestamp_ms: int
    size: int
    output: Output | None = None
    acknowledged: bool = False


@dataclass(slots=True)
class InFlightTotals:
    """What is in flight of several partitions; kept, since adding up hundreds of partitions takes long.

    Attributes:
        messages: read and not yet acknowledged.
        size: of their values and keys, in bytes.
    """

    messages: int = 0
    size: int = 0


class PartitionTracker(Generic[Output]):
    """Tracks the offsets of one partition during one assignment.

    When the partition is revoked, the tracker is closed. Results that arrive after that are discarded: the next
    assignment of the partition, in this process or another, has a tracker of its own.

    Args:
        partition: what is tracked.
        totals: where its messages are counted, too.
    """

    def __init__(self, partition: TopicPartition, totals: InFlightTotals | None = None) -> None:
        self.partition = partition
        self._totals = InFlightTotals() if totals is None else totals
        self.active = True
        self.last_offset = -1
        self.in_flight_bytes = 0
        self.read = 0
        self.outcomes: Counter[Outcome] = Counter()
        self._position: int | None = None
        self._entries: dict[int, _Entry[Output]] = {}
        self._unreleased: deque[_Entry[Output]] = deque()
        self._unacknowledged: deque[_Entry[Output]] = deque()

    @property
    def in_flight(self) -> int:
        """Messages read and not yet acknowledged."""
        return len(self._entries)

    @property
    def oldest_timestamp_ms(self) -> int | None:
        """Timestamp of the first message that is not acknowledged; None when there is none."""
        return self._unacknowledged[0].timestamp_ms if self._unacknowledged else None

    @property
    def committable(self) -> int | None:
        """The offset to resume from: that of the first unacknowledged message, or the position if there is none.

        None while neither is known.
        """
        if self._unacknowledged:
            return self._unacknowledged[0].offset
        read = self.last_offset + 1 if self.read else None
        return max((offset for offset in (read, self._position) if offset is not None), default=None)

    def reach(self, position: int) -> None:
        """Note the position of the reader: every message before it was tracked.

        Args:
            position: the offset that is read next.
        """
        self._position = position

    def track(self, offset: int, *, timestamp_ms: int = 0, size: int = 0) -> None:
        """Add a message that was read; offsets increase, not always by one.

        Args:
            offset: of the message.
            timestamp_ms: of the message, in milliseconds since the epoch.
            size: of its value and key, in bytes.

        Raises:
            ValueError: the offset is not above the last one.
        """
        if offset <= self.last_offset:
            raise ValueError(f"offset {offset} of {self.partition} after {self.last_offset}")
        entry: _Entry[Output] = _Entry(offset, timestamp_ms, size)  # not _Entry[Output](…), which is slow
        self._entries[offset] = entry
        self._unreleased.append(entry)
        self._unacknowledged.append(entry)
        self.last_offset = offset
        self.in_flight_bytes += size
        self._totals.messages += 1
        self._totals.size += size
        self.read += 1

    def complete(self, offset: int, output: Output) -> list[Output]:
        """Set the output of a message; returns all outputs that may be published now, in offset order."""
        entry = self._entries.get(offset)
        if entry is None:
            return []
        entry.output = output
        released = []
        while self._unreleased and self._unreleased[0].output is not None:
            released.append(self._unreleased.popleft().output)
        return [output for output in released if output is not None]

    def acknowledge(self, offset: int, outcome: Outcome) -> bool:
        """Record that the broker has the output of a message; False if the message is no longer tracked here."""
        entry = self._entries.pop(offset, None)
        if entry is None:
            return False
        entry.acknowledged = True
        self.in_flight_bytes -= entry.size
        self._totals.messages -= 1
        self._totals.size -= entry.size
        self.outcomes[outcome] += 1
        while self._unacknowledged and self._unacknowledged[0].acknowledged:
            self._unacknowledged.popleft()
        return True

    def close(self) -> int:
        """End the assignment; returns how many messages were read and not acknowledged."""
        returned = len(self._entries)
        self.active = False
        self._totals.messages -= returned
        self._totals.size -= self.in_flight_bytes
        self._entries.clear()
        self.in_flight_bytes = 0
        return returned


@dataclass(frozen=True, slots=True)
class MessageCounts:
    """Counts of messages by outcome. After a drain, every message read has an outcome or was returned.

    Attributes:
        read: messages read from the topic.
        accepted, fallback, review, dead_letter: messages by outcome.
        skipped: records that are no new message, such as heartbeats.
        returned: messages whose partition was revoked first; the partition's next owner reads them again.
        in_flight: messages read and not yet acknowledged.
    """

    read: int
    accepted: int
    fallback: int
    review: int
    dead_letter: int
    skipped: int
    returned: int
    in_flight: int


class OffsetTracker(Generic[Output]):
    """Tracks all assigned partitions, and counts the messages of earlier assignments."""

    def __init__(self) -> None:
        self._partitions: dict[TopicPartition, PartitionTracker[Output]] = {}
        self._totals = InFlightTotals()
        self._committed: dict[TopicPartition, int] = {}
        self._read = 0
        self._returned = 0
        self._outcomes: Counter[Outcome] = Counter()

    def __getitem__(self, partition: TopicPartition) -> PartitionTracker[Output]:
        return self._partitions[partition]

    def __contains__(self, partition: TopicPartition) -> bool:
        return partition in self._partitions

    def __iter__(self) -> Iterator[PartitionTracker[Output]]:
        return iter(self._partitions.values())

    @property
    def in_flight(self) -> int:
        """Messages read and not yet acknowledged, over all partitions."""
        return self._totals.messages

    @property
    def in_flight_by_topic(self) -> Counter[str]:
        """The same for each topic that has some."""
        counts: Counter[str] = Counter()
        for tracker in self:
            counts[tracker.partition.topic] += tracker.in_flight
        return counts

    @property
    def in_flight_bytes(self) -> int:
        """The size of their values and keys."""
        return self._totals.size

    def assign(self, partition: TopicPartition) -> PartitionTracker[Output]:
        """Begin an assignment of a partition; an assignment that is still open is closed first."""
        self.revoke([partition])
        opened = self._partitions[partition] = PartitionTracker[Output](partition, self._totals)
        return opened

    def revoke(self, partitions: Iterable[TopicPartition]) -> int:
        """End assignments; returns how many messages were read and not acknowledged."""
        returned = 0
        for partition in partitions:
            closed = self._partitions.pop(partition, None)
            if closed is not None:
                returned += closed.close()
                self._read += closed.read
                self._outcomes += closed.outcomes
            self._committed.pop(partition, None)
        self._returned += returned
        return returned

    def reach(self, positions: Mapping[TopicPartition, int]) -> None:
        """Note the reader's positions (`PartitionTracker.reach`) in partitions that are tracked."""
        for partition, position in positions.items():
            if partition in self._partitions:
                self._partitions[partition].reach(position)

    def to_commit(self) -> dict[TopicPartition, int]:
        """Offsets that changed since the last call of `committed`."""
        offsets = {tracker.partition: tracker.committable for tracker in self}
        return {
            partition: offset
            for partition, offset in offsets.items()
            if offset is not None and offset != self._committed.get(partition)
        }

    def committed(self, offsets: dict[TopicPartition, int]) -> None:
        """Record what was committed."""
        self._committed.update(offsets)

    def counts(self) -> MessageCounts:
        """Message counts since the start, over all assignments."""
        outcomes = sum((tracker.outcomes for tracker in self), self._outcomes)
        return MessageCounts(
            read=self._read + sum(tracker.read for tracker in self),
            accepted=outcomes["accepted"],
            fallback=outcomes["fallback"],
            review=outcomes["review"],
            dead_letter=outcomes["dead_letter"],
            skipped=outcomes["skipped"],
            returned=self._returned,
            in_flight=self.in_flight,
        )

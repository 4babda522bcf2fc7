"""The offset tracker, compared with a model that stores everything."""

from collections import defaultdict

import pytest
from aiokafka.structs import TopicPartition
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, multiple, rule
from triage_worker.streaming.tracking.offset_tracker import OffsetTracker, Outcome, PartitionTracker

from tests.worker.message_counts import is_balanced

PARTITIONS = [TopicPartition("in", number) for number in range(3)]
OUTCOMES: list[Outcome] = ["accepted", "fallback", "review", "dead_letter"]
Message = tuple[PartitionTracker[int], int]


class TrackerMachine(RuleBasedStateMachine):
    """Partitions are assigned and revoked while messages are read, completed and acknowledged in any order."""

    read = Bundle("read")
    released = Bundle("released")

    def __init__(self) -> None:
        super().__init__()
        self.offsets: OffsetTracker[int] = OffsetTracker()
        self.tracked: dict[PartitionTracker[int], list[int]] = defaultdict(list)
        self.published: dict[PartitionTracker[int], list[int]] = defaultdict(list)
        self.acknowledged: dict[PartitionTracker[int], set[int]] = defaultdict(set)

    @rule(partition=st.sampled_from(PARTITIONS))
    def assign(self, partition: TopicPartition) -> None:
        before = [tracker for tracker in self.offsets if tracker.partition == partition]
        opened = self.offsets.assign(partition)
        assert opened.active
        assert not any(tracker.active for tracker in before)

    @rule(partition=st.sampled_from(PARTITIONS))
    def revoke(self, partition: TopicPartition) -> None:
        if partition not in self.offsets:
            assert self.offsets.revoke([partition]) == 0
            return
        tracker = self.offsets[partition]
        assert self.offsets.revoke([partition]) == len(self.tracked[tracker]) - len(self.acknowledged[tracker])
        assert (tracker.in_flight, tracker.in_flight_bytes) == (0, 0)

    @rule(target=read, partition=st.sampled_from(PARTITIONS), gap=st.integers(1, 3), size=st.integers(0, 9))
    def track(self, partition: TopicPartition, gap: int, size: int) -> object:
        if partition not in self.offsets:
            return multiple()
        tracker = self.offsets[partition]
        offset = tracker.last_offset + gap
        tracker.track(offset, timestamp_ms=offset, size=size)
        self.tracked[tracker].append(offset)
        return (tracker, offset)

    @rule(target=released, message=consumes(read))
    def complete(self, message: Message) -> object:
        tracker, offset = message
        offsets = tracker.complete(offset, offset)
        assert tracker.active or not offsets
        self.published[tracker] += offsets
        return multiple(*((tracker, published) for published in offsets))

    @rule(message=consumes(released), outcome=st.sampled_from(OUTCOMES))
    def acknowledge(self, message: Message, outcome: Outcome) -> None:
        tracker, offset = message
        assert tracker.acknowledge(offset, outcome) == tracker.active
        if tracker.active:
            self.acknowledged[tracker].add(offset)

    @rule()
    def commit(self) -> None:
        offsets = self.offsets.to_commit()
        self.offsets.committed(offsets)
        assert self.offsets.to_commit() == {}

    @invariant()
    def published_in_order(self) -> None:
        for tracker, offsets in self.published.items():
            assert offsets == self.tracked[tracker][: len(offsets)]

    @invariant()
    def committable_is_the_first_unacknowledged(self) -> None:
        for tracker in self.offsets:
            open_offsets = [offset for offset in self.tracked[tracker] if offset not in self.acknowledged[tracker]]
            expected = open_offsets[0] if open_offsets else (tracker.last_offset + 1 if self.tracked[tracker] else None)
            assert tracker.committable == expected
            assert tracker.in_flight == len(open_offsets)
            assert tracker.oldest_timestamp_ms == (open_offsets[0] if open_offsets else None)

    @invariant()
    def the_counts_are_balanced(self) -> None:
        counts = self.offsets.counts()
        assert is_balanced(counts)
        assert counts.read == sum(len(offsets) for offsets in self.tracked.values())
        answered = counts.accepted + counts.fallback + counts.review + counts.dead_letter
        assert answered == sum(len(offsets) for offsets in self.acknowledged.values())

    @invariant()
    def bytes_are_those_in_flight(self) -> None:
        assert self.offsets.in_flight > 0 or self.offsets.in_flight_bytes == 0
        assert self.offsets.in_flight == sum(tracker.in_flight for tracker in self.offsets)
        assert self.offsets.in_flight_bytes == sum(tracker.in_flight_bytes for tracker in self.offsets)


TrackerMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestOffsetTracker = TrackerMachine.TestCase


def test_an_offset_that_does_not_increase_is_refused() -> None:
    tracker: PartitionTracker[str] = PartitionTracker(PARTITIONS[0])
    tracker.track(5)
    with pytest.raises(ValueError, match="offset 5"):
        tracker.track(5)


def test_offsets_without_messages_are_committed_once_all_messages_before_them_are_acknowledged() -> None:
    tracker: PartitionTracker[str] = PartitionTracker(PARTITIONS[0])
    assert tracker.committable is None
    tracker.track(5)
    tracker.reach(7)  # the marker of a transaction is at offset 6
    assert tracker.committable == 5
    tracker.acknowledge(5, "accepted")
    assert tracker.committable == 7
    tracker.track(7)
    tracker.acknowledge(7, "accepted")
    assert tracker.committable == 8, "the position is known later"


def test_a_partition_with_nothing_but_aborted_messages_is_committed() -> None:
    offsets: OffsetTracker[str] = OffsetTracker()
    offsets.assign(PARTITIONS[0])
    assert offsets.to_commit() == {}
    offsets.reach({PARTITIONS[0]: 31, PARTITIONS[1]: 3})
    assert offsets.to_commit() == {PARTITIONS[0]: 31}
    offsets.committed({PARTITIONS[0]: 31})
    assert offsets.to_commit() == {}


def test_a_late_acknowledgement_does_not_change_the_next_assignment() -> None:
    tracker: OffsetTracker[str] = OffsetTracker()
    first = tracker.assign(PARTITIONS[0])
    first.track(7)
    second = tracker.assign(PARTITIONS[0])
    second.track(7)
    assert not first.acknowledge(7, "accepted")
    assert second.committable == 7


def test_a_message_is_acknowledged_once() -> None:
    tracker: PartitionTracker[str] = PartitionTracker(PARTITIONS[0])
    tracker.track(1)
    assert tracker.acknowledge(1, "accepted")
    assert not tracker.acknowledge(1, "accepted")
    assert tracker.outcomes["accepted"] == 1


def test_each_assignment_commits_its_own_offsets() -> None:
    """A topic that was deleted and created again has the same offsets once more."""
    tracker: OffsetTracker[str] = OffsetTracker()
    for _ in range(2):
        opened = tracker.assign(PARTITIONS[0])
        opened.track(0)
        opened.acknowledge(0, "accepted")
        assert tracker.to_commit() == {PARTITIONS[0]: 1}
        tracker.committed({PARTITIONS[0]: 1})
        assert tracker.to_commit() == {}

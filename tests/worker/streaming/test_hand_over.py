"""Partitions that move between workers, with the real offset tracker and a model of the broker.

Whatever happens, only answered messages are committed, and the first answers of a partition are in the order of its
messages.
"""

from collections import defaultdict
from dataclasses import dataclass, field

from aiokafka.structs import TopicPartition
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from triage_worker.streaming.tracking.offset_tracker import OffsetTracker, PartitionTracker

from tests.worker.message_counts import is_balanced

PARTITIONS = [TopicPartition("in", number) for number in range(2)]
partitions = st.sampled_from(PARTITIONS)
workers = st.integers(0, 1)


@dataclass
class Worker:
    """A worker, which may not know yet that it has lost a partition.

    Attributes:
        offsets: its offset tracker.
        waiting: offsets of messages that are read and not answered.
        outgoing: outputs to publish, in order.
        unacknowledged: outputs that the broker has, and whose acknowledgements have not arrived.
    """

    offsets: OffsetTracker[int] = field(default_factory=OffsetTracker)
    waiting: dict[PartitionTracker[int], list[int]] = field(default_factory=lambda: defaultdict(list))
    outgoing: list[tuple[PartitionTracker[int], int]] = field(default_factory=list)
    unacknowledged: list[tuple[PartitionTracker[int], int]] = field(default_factory=list)


class HandOver(RuleBasedStateMachine):
    """Two workers, two partitions, and what the broker has committed and published."""

    def __init__(self) -> None:
        super().__init__()
        self.workers = [Worker() for _ in range(2)]
        self.owner: dict[TopicPartition, int] = {}
        self.produced = dict.fromkeys(PARTITIONS, 4)
        self.committed: dict[TopicPartition, int] = defaultdict(int)
        self.published: dict[TopicPartition, list[int]] = defaultdict(list)
        for partition in PARTITIONS:
            self.hand_over(partition, 0, notified=True)

    @rule(partition=partitions, count=st.integers(1, 5))
    def produce(self, partition: TopicPartition, count: int) -> None:
        self.produced[partition] += count

    @rule(partition=partitions, successor=workers, notified=st.booleans())
    def hand_over(self, partition: TopicPartition, successor: int, notified: bool) -> None:
        """The owner commits and closes its tracker if it is notified; a frozen owner learns of it later."""
        before = self.owner.get(partition)
        if before is not None and (notified or before == successor):
            self.commit(before)
            self.workers[before].offsets.revoke([partition])
        self.owner[partition] = successor
        self.workers[successor].offsets.assign(partition)

    @rule(partition=partitions, worker=workers)
    def learn_of_loss(self, partition: TopicPartition, worker: int) -> None:
        """A worker learns that it does not own a partition any more."""
        if self.owner.get(partition) != worker:
            self.workers[worker].offsets.revoke([partition])

    @rule(worker=workers)
    def die(self, worker: int) -> None:
        """A worker is killed: it commits nothing, and its unsent outputs are gone."""
        self.workers[worker] = Worker()
        for partition in [partition for partition, owner in self.owner.items() if owner == worker]:
            del self.owner[partition]

    @rule(count=st.integers(1, 4), data=st.data())
    def read(self, count: int, data: st.DataObject) -> None:
        """A worker that believes that it owns a partition reads more messages."""
        choices = [(number, tracker) for number, worker in enumerate(self.workers) for tracker in worker.offsets]
        if choices:
            number, tracker = data.draw(st.sampled_from(choices))
            self.read_on(number, tracker, count)

    def read_on(self, worker: int, tracker: PartitionTracker[int], count: int) -> None:
        begin = tracker.last_offset + 1 if tracker.read else self.committed[tracker.partition]
        for offset in range(begin, min(begin + count, self.produced[tracker.partition])):
            tracker.track(offset)
            self.workers[worker].waiting[tracker].append(offset)

    @rule(worker=workers, data=st.data())
    def answer(self, worker: int, data: st.DataObject) -> None:
        """Any waiting message is answered, also if its tracker is closed."""
        waiting = self.workers[worker].waiting
        choices = [(tracker, offset) for tracker, offsets in waiting.items() for offset in offsets]
        if choices:
            tracker, offset = data.draw(st.sampled_from(choices))
            waiting[tracker].remove(offset)
            self.workers[worker].outgoing += [(tracker, released) for released in tracker.complete(offset, offset)]

    @rule(worker=workers, acknowledged=st.booleans())
    def publish(self, worker: int, acknowledged: bool) -> None:
        """The broker accepts the next output; the acknowledgement arrives now, later or never."""
        publishing = self.workers[worker]
        if not publishing.outgoing:
            return
        tracker, offset = publishing.outgoing.pop(0)
        if not tracker.active:
            return
        self.published[tracker.partition].append(offset)
        if acknowledged:
            tracker.acknowledge(offset, "accepted")
        else:
            publishing.unacknowledged.append((tracker, offset))

    @rule(worker=workers)
    def receive_acknowledgements(self, worker: int) -> None:
        """All late acknowledgements arrive, also for trackers that were closed meanwhile."""
        for tracker, offset in self.workers[worker].unacknowledged:
            tracker.acknowledge(offset, "accepted")
        self.workers[worker].unacknowledged.clear()

    @rule(worker=workers)
    def fail(self, worker: int) -> None:
        """The producer fails: unacknowledged outputs are sent again, in the order in which they were sent."""
        failing = self.workers[worker]
        again = [*failing.unacknowledged, *failing.outgoing]
        failing.outgoing = [(tracker, offset) for tracker, offset in again if tracker.active]
        failing.unacknowledged = []

    @rule(worker=workers)
    def commit(self, worker: int) -> None:
        """The group accepts commits of a partition's owner only."""
        tracked = self.workers[worker].offsets
        offsets = {
            partition: offset
            for partition, offset in tracked.to_commit().items()
            if self.owner.get(partition) == worker
        }
        self.committed.update(offsets)
        tracked.committed(offsets)

    @precondition(lambda self: self.owner)
    @rule()
    def drain(self) -> None:
        """Without further faults, the owners answer and commit all messages."""
        for partition, owner in self.owner.items():
            self.fail(owner)
            self.read_on(owner, self.workers[owner].offsets[partition], self.produced[partition])
            for tracker, offsets in list(self.workers[owner].waiting.items()):
                for offset in reversed(offsets):
                    released = tracker.complete(offset, offset)
                    self.workers[owner].outgoing += [(tracker, output) for output in released]
                offsets.clear()
            while self.workers[owner].outgoing:
                self.publish(owner, acknowledged=True)
            self.commit(owner)
            assert self.committed[partition] == self.produced[partition]

    @invariant()
    def committed_messages_are_answered(self) -> None:
        for partition, offset in self.committed.items():
            assert set(range(offset)) <= set(self.published[partition])

    @invariant()
    def first_answers_are_in_order(self) -> None:
        for offsets in self.published.values():
            firsts = list(dict.fromkeys(offsets))
            assert firsts == sorted(firsts)

    @invariant()
    def the_counts_are_balanced(self) -> None:
        assert all(is_balanced(worker.offsets.counts()) for worker in self.workers)


HandOver.TestCase.settings = settings(max_examples=80, stateful_step_count=60, deadline=None)
TestHandOver = HandOver.TestCase

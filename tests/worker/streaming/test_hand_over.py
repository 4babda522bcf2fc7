"""Partitions that go from worker to worker, in order or not, with the real books and a broker that only remembers.

What must hold, whatever happens: nothing is committed that the broker has no answer to, and the first answers of a
partition come in the order of its messages.
"""

from collections import defaultdict
from dataclasses import dataclass, field

from aiokafka.structs import TopicPartition
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from triage_worker.streaming.tracking.offset_tracker import Ledger, PartitionLedger

PARTITIONS = [TopicPartition("in", number) for number in range(2)]
partitions = st.sampled_from(PARTITIONS)
workers = st.integers(0, 1)


@dataclass
class Worker:
    """A worker with its books, and what it has to publish, in order; it may not know yet what it has lost."""

    ledger: Ledger[int] = field(default_factory=Ledger)
    waiting: dict[PartitionLedger[int], list[int]] = field(default_factory=lambda: defaultdict(list))
    outgoing: list[tuple[PartitionLedger[int], int]] = field(default_factory=list)
    unacknowledged: list[tuple[PartitionLedger[int], int]] = field(default_factory=list)


class HandOver(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.workers = [Worker() for _ in range(2)]
        self.owner: dict[TopicPartition, int] = {}
        self.produced = dict.fromkeys(PARTITIONS, 4)
        self.committed: dict[TopicPartition, int] = defaultdict(int)
        self.published: dict[TopicPartition, list[int]] = defaultdict(list)
        for partition in PARTITIONS:
            self.hand_over(partition, 0, told=True)

    @rule(partition=partitions, count=st.integers(1, 5))
    def produce(self, partition: TopicPartition, count: int) -> None:
        self.produced[partition] += count

    @rule(partition=partitions, heir=workers, told=st.booleans())
    def hand_over(self, partition: TopicPartition, heir: int, told: bool) -> None:
        """The owner commits and closes its books if it is told; a frozen one finds out later."""
        before = self.owner.get(partition)
        if before is not None and (told or before == heir):
            self.commit(before)
            self.workers[before].ledger.revoke([partition])
        self.owner[partition] = heir
        self.workers[heir].ledger.assign(partition)

    @rule(partition=partitions, worker=workers)
    def find_out(self, partition: TopicPartition, worker: int) -> None:
        """A worker that does not own a partition learns so."""
        if self.owner.get(partition) != worker:
            self.workers[worker].ledger.revoke([partition])

    @rule(worker=workers)
    def die(self, worker: int) -> None:
        """kill -9: nothing is committed, and what was on its way to the broker is gone."""
        self.workers[worker] = Worker()
        for partition in [partition for partition, owner in self.owner.items() if owner == worker]:
            del self.owner[partition]

    @rule(count=st.integers(1, 4), data=st.data())
    def read(self, count: int, data: st.DataObject) -> None:
        """Whoever thinks that a partition is its own reads on."""
        choices = [(number, books) for number, worker in enumerate(self.workers) for books in worker.ledger]
        if choices:
            number, books = data.draw(st.sampled_from(choices))
            self.read_on(number, books, count)

    def read_on(self, worker: int, books: PartitionLedger[int], count: int) -> None:
        begin = books.last_offset + 1 if books.read else self.committed[books.partition]
        for offset in range(begin, min(begin + count, self.produced[books.partition])):
            books.hand_out(offset)
            self.workers[worker].waiting[books].append(offset)

    @rule(worker=workers, data=st.data())
    def answer(self, worker: int, data: st.DataObject) -> None:
        """Any message that waits is answered next, also when its books are closed."""
        waiting = self.workers[worker].waiting
        choices = [(books, offset) for books, offsets in waiting.items() for offset in offsets]
        if choices:
            books, offset = data.draw(st.sampled_from(choices))
            waiting[books].remove(offset)
            self.workers[worker].outgoing += [(books, released) for released in books.complete(offset, offset)]

    @rule(worker=workers, acknowledged=st.booleans())
    def publish(self, worker: int, acknowledged: bool) -> None:
        """The broker takes the next output; that it has may be known at once, later or never."""
        publishing = self.workers[worker]
        if not publishing.outgoing:
            return
        books, offset = publishing.outgoing.pop(0)
        if not books.active:
            return
        self.published[books.partition].append(offset)
        if acknowledged:
            books.acknowledge(offset, "accepted")
        else:
            publishing.unacknowledged.append((books, offset))

    @rule(worker=workers)
    def hear(self, worker: int) -> None:
        """All acknowledgements that were late arrive, also for books that were closed meanwhile."""
        for books, offset in self.workers[worker].unacknowledged:
            books.acknowledge(offset, "accepted")
        self.workers[worker].unacknowledged.clear()

    @rule(worker=workers)
    def fail(self, worker: int) -> None:
        """The producer fails: what is not acknowledged is sent again, in the order in which it was sent."""
        failing = self.workers[worker]
        again = [*failing.unacknowledged, *failing.outgoing]
        failing.outgoing = [(books, offset) for books, offset in again if books.active]
        failing.unacknowledged = []

    @rule(worker=workers)
    def commit(self, worker: int) -> None:
        """The group takes commits of a partition's owner only."""
        ledger = self.workers[worker].ledger
        offsets = {
            partition: offset for partition, offset in ledger.to_commit().items() if self.owner.get(partition) == worker
        }
        self.committed.update(offsets)
        ledger.committed(offsets)

    @precondition(lambda self: self.owner)
    @rule()
    def drain(self) -> None:
        """Left alone, the owners answer all there is."""
        for partition, owner in self.owner.items():
            self.fail(owner)
            self.read_on(owner, self.workers[owner].ledger[partition], self.produced[partition])
            for books, offsets in list(self.workers[owner].waiting.items()):
                for offset in reversed(offsets):
                    released = books.complete(offset, offset)
                    self.workers[owner].outgoing += [(books, output) for output in released]
                offsets.clear()
            while self.workers[owner].outgoing:
                self.publish(owner, acknowledged=True)
            self.commit(owner)
            assert self.committed[partition] == self.produced[partition]

    @invariant()
    def what_is_committed_is_answered(self) -> None:
        for partition, offset in self.committed.items():
            assert set(range(offset)) <= set(self.published[partition])

    @invariant()
    def first_answers_are_in_order(self) -> None:
        for offsets in self.published.values():
            firsts = list(dict.fromkeys(offsets))
            assert firsts == sorted(firsts)

    @invariant()
    def the_books_are_balanced(self) -> None:
        assert all(worker.ledger.conservation().holds for worker in self.workers)


HandOver.TestCase.settings = settings(max_examples=80, stateful_step_count=60, deadline=None)
TestHandOver = HandOver.TestCase

"""The ledger against a model that remembers everything."""

from collections import defaultdict

import pytest
from aiokafka.structs import TopicPartition
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, multiple, rule
from triage_worker.streaming.tracking.offset_tracker import Ledger, Outcome, PartitionLedger

PARTITIONS = [TopicPartition("in", number) for number in range(3)]
OUTCOMES: list[Outcome] = ["accepted", "fallback", "review", "dead_letter"]
Message = tuple[PartitionLedger[int], int]


class LedgerMachine(RuleBasedStateMachine):
    """Partitions come and go while messages are read, completed and acknowledged in any order."""

    read = Bundle("read")
    released = Bundle("released")

    def __init__(self) -> None:
        super().__init__()
        self.ledger: Ledger[int] = Ledger()
        self.handed: dict[PartitionLedger[int], list[int]] = defaultdict(list)
        self.published: dict[PartitionLedger[int], list[int]] = defaultdict(list)
        self.acknowledged: dict[PartitionLedger[int], set[int]] = defaultdict(set)

    @rule(partition=st.sampled_from(PARTITIONS))
    def assign(self, partition: TopicPartition) -> None:
        before = [ledger for ledger in self.ledger if ledger.partition == partition]
        opened = self.ledger.assign(partition)
        assert opened.active
        assert not any(ledger.active for ledger in before)

    @rule(partition=st.sampled_from(PARTITIONS))
    def revoke(self, partition: TopicPartition) -> None:
        if partition not in self.ledger:
            assert self.ledger.revoke([partition]) == 0
            return
        ledger = self.ledger[partition]
        assert self.ledger.revoke([partition]) == len(self.handed[ledger]) - len(self.acknowledged[ledger])
        assert (ledger.in_flight, ledger.in_flight_bytes) == (0, 0)

    @rule(target=read, partition=st.sampled_from(PARTITIONS), gap=st.integers(1, 3), size=st.integers(0, 9))
    def hand_out(self, partition: TopicPartition, gap: int, size: int) -> object:
        if partition not in self.ledger:
            return multiple()
        ledger = self.ledger[partition]
        offset = ledger.last_offset + gap
        ledger.hand_out(offset, timestamp_ms=offset, size=size)
        self.handed[ledger].append(offset)
        return (ledger, offset)

    @rule(target=released, message=consumes(read))
    def complete(self, message: Message) -> object:
        ledger, offset = message
        offsets = ledger.complete(offset, offset)
        assert ledger.active or not offsets
        self.published[ledger] += offsets
        return multiple(*((ledger, published) for published in offsets))

    @rule(message=consumes(released), outcome=st.sampled_from(OUTCOMES))
    def acknowledge(self, message: Message, outcome: Outcome) -> None:
        ledger, offset = message
        assert ledger.acknowledge(offset, outcome) == ledger.active
        if ledger.active:
            self.acknowledged[ledger].add(offset)

    @rule()
    def commit(self) -> None:
        offsets = self.ledger.to_commit()
        self.ledger.committed(offsets)
        assert self.ledger.to_commit() == {}

    @invariant()
    def published_in_order(self) -> None:
        for ledger, offsets in self.published.items():
            assert offsets == self.handed[ledger][: len(offsets)]

    @invariant()
    def committable_is_the_first_unacknowledged(self) -> None:
        for ledger in self.ledger:
            open_offsets = [offset for offset in self.handed[ledger] if offset not in self.acknowledged[ledger]]
            expected = open_offsets[0] if open_offsets else (ledger.last_offset + 1 if self.handed[ledger] else None)
            assert ledger.committable == expected
            assert ledger.in_flight == len(open_offsets)
            assert ledger.oldest_timestamp_ms == (open_offsets[0] if open_offsets else None)

    @invariant()
    def the_law_holds(self) -> None:
        counts = self.ledger.conservation()
        assert counts.holds
        assert counts.read == sum(len(offsets) for offsets in self.handed.values())
        answered = counts.accepted + counts.fallback + counts.review + counts.dead_letter
        assert answered == sum(len(offsets) for offsets in self.acknowledged.values())

    @invariant()
    def bytes_are_those_of_what_is_in_flight(self) -> None:
        assert self.ledger.in_flight > 0 or self.ledger.in_flight_bytes == 0


LedgerMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestLedger = LedgerMachine.TestCase


def test_an_offset_that_does_not_rise_is_refused() -> None:
    ledger: PartitionLedger[str] = PartitionLedger(PARTITIONS[0])
    ledger.hand_out(5)
    with pytest.raises(ValueError, match="offset 5"):
        ledger.hand_out(5)


def test_a_late_acknowledgement_does_not_move_the_next_assignment() -> None:
    ledger: Ledger[str] = Ledger()
    first = ledger.assign(PARTITIONS[0])
    first.hand_out(7)
    second = ledger.assign(PARTITIONS[0])
    second.hand_out(7)
    assert not first.acknowledge(7, "accepted")
    assert second.committable == 7


def test_an_acknowledgement_counts_once() -> None:
    ledger: PartitionLedger[str] = PartitionLedger(PARTITIONS[0])
    ledger.hand_out(1)
    assert ledger.acknowledge(1, "accepted")
    assert not ledger.acknowledge(1, "accepted")
    assert ledger.outcomes["accepted"] == 1


def test_what_an_assignment_has_read_is_committed_whatever_the_one_before_had() -> None:
    """As of a topic that was deleted and made again, whose offsets begin anew."""
    ledger: Ledger[str] = Ledger()
    for _ in range(2):
        opened = ledger.assign(PARTITIONS[0])
        opened.hand_out(0)
        opened.acknowledge(0, "accepted")
        assert ledger.to_commit() == {PARTITIONS[0]: 1}
        ledger.committed({PARTITIONS[0]: 1})
        assert ledger.to_commit() == {}

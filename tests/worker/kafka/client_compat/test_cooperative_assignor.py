"""The cooperative assignor: nobody gets a partition that another member still holds, and all get their share soon."""

from types import SimpleNamespace
from typing import Any

from aiokafka.coordinator.protocol import ConsumerProtocolMemberMetadata
from aiokafka.structs import TopicPartition
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from triage_worker.kafka.client_compat.cooperative_assignor import (
    FOLLOWED,
    CooperativeAssignor,
    cooperative_strategy,
    without_moves,
)

A, B, C = (TopicPartition("in", number) for number in range(3))
TOPICS = ("in", "other")
MAX_ROUNDS = 3
"""One takes partitions away, one gives them to others, and one finds that there is nothing left to do."""


def test_a_partition_that_another_member_holds_is_left_out() -> None:
    held = {"old": frozenset({A, B}), "new": frozenset[TopicPartition]()}
    assert without_moves({"old": [A], "new": [B, C]}, held) == {"old": [A], "new": [C]}


def test_a_partition_that_two_members_hold_goes_to_neither() -> None:
    held = {"one": frozenset({A}), "two": frozenset({A})}
    assert without_moves({"one": [A], "two": [B]}, held) == {"one": [], "two": [B]}


def test_what_a_member_holds_travels_with_its_request_to_join() -> None:
    assignor = CooperativeAssignor()
    assignor.hold([B, TopicPartition("other", 4), A], 7)
    wire = assignor.metadata(TOPICS).encode()
    (assigned,) = assignor.assign(cluster(3), {"m": ConsumerProtocolMemberMetadata.decode(wire)}).values()
    assert assigned.partitions() == [TopicPartition(topic, number) for topic in TOPICS for number in range(3)]


def test_each_consumer_has_an_assignor_of_its_own_and_one_that_earlier_versions_know() -> None:
    first, second = cooperative_strategy(), cooperative_strategy()
    assert first[0] is not second[0]
    assert [assignor.name for assignor in first] == ["triage-cooperative", "roundrobin"]


def cluster(partitions: int) -> Any:
    return SimpleNamespace(topics=lambda: set(TOPICS), partitions_for_topic=lambda _: set(range(partitions)))


class Group(RuleBasedStateMachine):
    """A group whose members come, leave, die and are removed, and which rebalances after that."""

    def __init__(self) -> None:
        super().__init__()
        self.partitions = 1
        self.numbers = iter(range(10_000))
        self.members: dict[str, CooperativeAssignor] = {}
        self.held: dict[str, frozenset[TopicPartition]] = {}

    @initialize(partitions=st.integers(1, 8), members=st.integers(1, 4))
    def start(self, partitions: int, members: int) -> None:
        self.partitions = partitions
        for _ in range(members):
            self.join()

    @rule()
    def join(self) -> None:
        name = f"member-{next(self.numbers)}"
        self.members[name] = CooperativeAssignor()
        self.held[name] = frozenset()

    @precondition(lambda self: len(self.members) > 1)
    @rule(data=st.data())
    def leave(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.members)))
        del self.members[name], self.held[name]

    @precondition(lambda self: self.members)
    @rule(data=st.data())
    def be_removed(self, data: st.DataObject) -> None:
        """A member that was frozen comes back under another name, and has given up what it held."""
        name = data.draw(st.sampled_from(sorted(self.members)))
        del self.members[name], self.held[name]
        self.join()

    @rule(more=st.integers(1, 3))
    def add_partitions(self, more: int) -> None:
        self.partitions = min(self.partitions + more, 12)

    @precondition(lambda self: self.members)
    @rule()
    def rebalance_once(self) -> None:
        self.rebalance()

    def rebalance(self) -> bool:
        """One rebalance; returns whether another one must follow, since partitions were taken from their owners."""
        metadata = {}
        for name, assignor in self.members.items():
            assignor.hold(self.held[name], 1)
            metadata[name] = ConsumerProtocolMemberMetadata.decode(assignor.metadata(TOPICS).encode())
        leader = next(iter(self.members.values()))
        before = self.held
        assignments = leader.assign(cluster(self.partitions), metadata)
        self.held = {name: frozenset(assignment.partitions()) for name, assignment in assignments.items()}
        for name, partitions in self.held.items():
            others = frozenset[TopicPartition]().union(*(held for other, held in before.items() if other != name))
            assert not others & partitions, "its owner may not have finished with it yet"
        given = sum(len(partitions) for partitions in self.held.values())
        said = {assignment.user_data for assignment in assignments.values()}
        assert said == {FOLLOWED if given < len(TOPICS) * self.partitions else b""}
        return any(before[name] - self.held[name] for name in self.members)

    @precondition(lambda self: self.members)
    @rule()
    def settle(self) -> None:
        rounds = 1
        while self.rebalance():
            rounds += 1
        assert rounds <= MAX_ROUNDS
        counts = sorted(len(partitions) for partitions in self.held.values())
        assert sum(counts) == len(TOPICS) * self.partitions
        assert counts[-1] - counts[0] <= 1
        before = dict(self.held)
        assert not self.rebalance()
        assert self.held == before, "nothing moves without a reason"

    @invariant()
    def no_partition_has_two_owners(self) -> None:
        held = [partition for partitions in self.held.values() for partition in partitions]
        assert len(held) == len(set(held))


Group.TestCase.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
TestGroup = Group.TestCase

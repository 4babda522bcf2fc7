"""Assigns partitions so that members can go on with what they keep while their group rebalances.

aiokafka's sticky assignor moves as few partitions as it can. This one also lets no partition go from one member to
another within one rebalance: the first rebalance takes it from its owner, who finishes, commits and joins again, and
the second one gives it to the next owner. Java's cooperative assignor does the same (KIP-429); its protocol has a
version of its own for that, which aiokafka lacks, so what a member holds travels as the assignor's own data.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from aiokafka.coordinator.assignors.sticky.sticky_assignor import StickyPartitionAssignor
from aiokafka.coordinator.protocol import ConsumerProtocolMemberAssignment
from aiokafka.structs import TopicPartition

VERSION = 0
NO_GENERATION = -1
FOLLOWED = b"followed"
"""What an assignment says to all members if another rebalance will give away what was left out of it."""


class CooperativeAssignor:
    """An assignor of aiokafka's kind, for one consumer: it remembers what the consumer holds."""

    name = "triage-cooperative"

    def __init__(self) -> None:
        self._held: list[TopicPartition] = []
        self._generation = NO_GENERATION

    def hold(self, partitions: Iterable[TopicPartition], generation: int = NO_GENERATION) -> None:
        """Set what the consumer goes on with while it joins, and the generation that gave it."""
        self._held = sorted(partitions)
        self._generation = generation

    def metadata(self, topics: Iterable[str]) -> Any:
        """What a member tells the leader: its topics, and what it holds."""
        return StickyPartitionAssignor._metadata(sorted(topics), self._held, self._generation)

    def assign(self, cluster: Any, members: Mapping[str, Any]) -> dict[str, Any]:
        """Assign partitions to members, as the leader; what another member holds is left out."""
        held = {
            member: frozenset(StickyPartitionAssignor.parse_member_metadata(metadata).partitions)
            for member, metadata in members.items()
        }
        wanted = {
            member: assignment.partitions()
            for member, assignment in StickyPartitionAssignor.assign(cluster, members).items()
        }
        given = without_moves(wanted, held)
        data = FOLLOWED if any(len(given[member]) < len(wanted[member]) for member in wanted) else b""
        return {member: _encoded(partitions, data) for member, partitions in given.items()}

    def on_assignment(self, assignment: Any) -> None:
        """Nothing is to be done."""


def without_moves(
    wanted: Mapping[str, Iterable[TopicPartition]], held: Mapping[str, Collection[TopicPartition]]
) -> dict[str, list[TopicPartition]]:
    """Leave out of each member's wanted partitions those that another member holds."""
    owners: dict[TopicPartition, set[str]] = {}
    for member, partitions in held.items():
        for partition in partitions:
            owners.setdefault(partition, set()).add(member)
    return {
        member: [partition for partition in partitions if owners.get(partition, {member}) == {member}]
        for member, partitions in wanted.items()
    }


def cooperative_strategy() -> tuple[Any, ...]:
    """The assignors of one consumer, by preference: a group takes the first one that all its members know.

    Members of earlier versions know only the second one.
    """
    return CooperativeAssignor(), RoundRobinPartitionAssignor


def _encoded(partitions: Iterable[TopicPartition], data: bytes) -> Any:
    topics: dict[str, list[int]] = {}
    for topic, number in sorted(partitions):
        topics.setdefault(topic, []).append(number)
    return ConsumerProtocolMemberAssignment(VERSION, sorted(topics.items()), data)

"""A consumer in a group that rebalances: what it keeps, it reads on; what it cannot be sure of, it gives up."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from aiokafka.coordinator.assignors.sticky.sticky_assignor import StickyPartitionAssignor
from aiokafka.coordinator.protocol import ConsumerProtocolMemberAssignment, ConsumerProtocolMemberMetadata
from aiokafka.errors import IllegalGenerationError, RebalanceInProgressError, UnknownMemberIdError
from triage_worker.kafka.client_compat.cooperative_assignor import FOLLOWED, CooperativeAssignor, cooperative_strategy
from triage_worker.kafka.client_compat.patches import apply_patches

from tests.worker.classify.raw_batches import builder
from tests.worker.kafka.client_compat.scripted_broker import TOPIC, ScriptedBroker, eventually

A, B = TopicPartition(TOPIC, 0), TopicPartition(TOPIC, 1)
COOPERATIVE = CooperativeAssignor.name
BATCH = bytes(builder([(b"k", b"v", [])]).build())


class Group:
    """The coordinator of a group that the consumer does not lead.

    Attributes:
        assigned: the partitions that the consumer gets.
        protocol: the name of the assignor that all members know.
        complete: whether all other members have joined; a request to join waits for it.
        rebalances: whether the consumer must join again; heartbeats tell it.
        followed: whether the leader expects another rebalance.
        removed: whether the group has removed the consumer.
        held: what the consumer held, by its own account, at each join.
    """

    def __init__(self, broker: ScriptedBroker, *assigned: TopicPartition) -> None:
        self.assigned: Iterable[TopicPartition] = assigned
        self.protocol = COOPERATIVE
        self.complete = asyncio.Event()
        self.complete.set()
        self.rebalances = self.removed = self.followed = False
        self.held: list[set[TopicPartition]] = []
        self.requests: list[Any] = []
        self._generation = 0
        broker.script |= {
            "JoinGroupRequest": self._join,
            "SyncGroupRequest": self._sync,
            "HeartbeatRequest": self._heartbeat,
            "FetchRequest": fetched,
        }

    async def _join(self, request: Any) -> tuple[Any, ...]:
        self.requests.append(request)
        protocols = dict(request.group_protocols)
        metadata = ConsumerProtocolMemberMetadata.decode(protocols[COOPERATIVE])
        self.held.append(set(StickyPartitionAssignor.parse_member_metadata(metadata).partitions))
        self.rebalances = False
        if self.removed and request.member_id:
            return 0, UnknownMemberIdError.errno, -1, "", "", "", []
        self.removed = False
        await self.complete.wait()
        self._generation += 1
        member = request.member_id or f"me-{self._generation}"
        return 0, 0, self._generation, self.protocol, "leader", member, []

    def _sync(self, _: Any) -> tuple[Any, ...]:
        numbers = [partition.partition for partition in self.assigned]
        data = FOLLOWED if self.followed else b""
        return 0, 0, ConsumerProtocolMemberAssignment(0, [(TOPIC, numbers)], data).encode()

    def _heartbeat(self, _: Any) -> tuple[Any, ...]:
        if self.removed:
            return 0, UnknownMemberIdError.errno
        return 0, RebalanceInProgressError.errno if self.rebalances else 0


async def fetched(request: Any) -> tuple[Any, ...]:
    """One record for each partition, at the offset that was asked for."""
    await asyncio.sleep(0.01)
    answer: list[Any] = [
        (topic, [(number, 0, 9**9, 9**9, 0, [], offset.to_bytes(8) + BATCH[8:]) for number, _, offset, *_ in parts])
        for topic, parts in request.topics
    ]
    return 0, 0, 0, answer


class Listener(ConsumerRebalanceListener):
    """Notes what it is told.

    Attributes:
        calls: what was revoked or assigned, in order.
        finished: whether it is done with what is revoked.
        keeps_partitions: whether the consumer may keep some.
    """

    def __init__(self) -> None:
        self.calls: list[tuple[str, set[TopicPartition]]] = []
        self.finished = asyncio.Event()
        self.finished.set()
        self.keeps_partitions = True

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        self.calls.append(("revoked", set(revoked)))
        await self.finished.wait()

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        self.calls.append(("assigned", set(assigned)))


class Member:
    """A consumer that reads all the time.

    Attributes:
        offsets: what it has read of each partition.
    """

    def __init__(self, broker: ScriptedBroker, group: Group, listener: Listener, heartbeat_ms: int) -> None:
        self.group = group
        self.listener = listener
        self.offsets: dict[TopicPartition, list[int]] = {A: [], B: []}
        self.consumer = AIOKafkaConsumer(
            bootstrap_servers=broker.address,
            group_id="group",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            heartbeat_interval_ms=heartbeat_ms,
            session_timeout_ms=90_000,
            partition_assignment_strategy=cooperative_strategy(),
        )

    async def read(self) -> None:
        while True:
            for partition, records in (await self.consumer.getmany(timeout_ms=50)).items():
                self.offsets[partition] += [record.offset for record in records]

    async def reads_on(self, partition: TopicPartition) -> None:
        """Wait until three more records are read."""
        enough = len(self.offsets[partition]) + 3
        await eventually(lambda: len(self.offsets[partition]) >= enough)

    async def rebalance(self) -> None:
        """Let the group rebalance, and wait until the consumer has asked to join."""
        before = len(self.group.held)
        self.group.rebalances = True
        await eventually(lambda: len(self.group.held) > before)

    async def is_called_with(self, *events: tuple[str, set[TopicPartition]]) -> None:
        """Wait until the listener was told of events, the first assignment aside; and of no others."""
        expected = list(events)
        await eventually(lambda: len(self.listener.calls) > len(expected) + 1)
        assert self.listener.calls[2:] == expected

    def forget(self) -> None:
        self.listener.calls = self.listener.calls[:2]


@asynccontextmanager
async def member_of(broker: ScriptedBroker, group: Group, *, heartbeat_ms: int = 20) -> AsyncIterator[Member]:
    """Start a consumer that reads until the context ends; it has its first assignment."""
    apply_patches()
    member = Member(broker, group, Listener(), heartbeat_ms)
    await member.consumer.start()
    member.consumer.subscribe([TOPIC], listener=member.listener)
    reading = asyncio.create_task(member.read())
    try:
        await eventually(lambda: len(member.listener.calls) == 2)
        assert member.listener.calls == [("revoked", set()), ("assigned", set(group.assigned))]
        yield member
    finally:
        group.complete.set()
        member.listener.finished.set()
        reading.cancel()
        await asyncio.wait([reading])
        await member.consumer.stop()
    for offsets in member.offsets.values():
        assert offsets == list(range(len(offsets))), "each record was read once"


async def test_what_it_keeps_is_read_while_the_group_waits_for_other_members(broker: ScriptedBroker) -> None:
    group = Group(broker, A, B)
    async with member_of(broker, group) as member:
        await member.reads_on(A)
        group.complete.clear()
        await member.rebalance()
        assert group.held[-1] == {A, B}
        await member.reads_on(A)
        await member.reads_on(B)
        group.complete.set()
        await member.is_called_with(("assigned", set()))
        await member.reads_on(A)
        await member.reads_on(B)


async def test_what_it_loses_is_revoked_and_then_it_joins_again(broker: ScriptedBroker) -> None:
    group = Group(broker, A, B)
    async with member_of(broker, group) as member:
        await member.reads_on(B)
        member.listener.finished.clear()
        group.assigned = [A]
        await member.rebalance()
        await eventually(lambda: member.listener.calls[2:] == [("revoked", {B})])
        await asyncio.sleep(0.05)
        read = len(member.offsets[B])
        await member.reads_on(A)
        assert len(member.offsets[B]) == read, "it goes to another member"
        assert len(group.held) == 2, "the other may not have it yet"
        member.listener.finished.set()
        await eventually(lambda: len(group.held) == 3)
        assert group.held[-1] == {A}
        await eventually(lambda: member.listener.calls[2:] == [("revoked", {B}), *[("assigned", set())] * 2])
        await member.reads_on(A)
        assert member.consumer.assignment() == {A}


async def test_what_is_added_is_read_beside_what_it_has(broker: ScriptedBroker) -> None:
    group = Group(broker, A)
    async with member_of(broker, group) as member:
        await member.reads_on(A)
        group.assigned = [A, B]
        await member.rebalance()
        await member.is_called_with(("assigned", {B}))
        await member.reads_on(B)
        await member.reads_on(A)


async def test_an_expected_rebalance_is_joined_without_delay(broker: ScriptedBroker) -> None:
    group = Group(broker, A)
    group.followed = True
    async with member_of(broker, group, heartbeat_ms=30_000) as member:
        await member.rebalance()
        await member.is_called_with(("assigned", set()))
        group.followed = False
        await member.rebalance()
        await eventually(lambda: len(member.listener.calls) == 4)
        asked = len(broker.asked("HeartbeatRequest"))
        await asyncio.sleep(0.3)
        assert len(broker.asked("HeartbeatRequest")) == asked


async def test_what_is_paused_stays_paused(broker: ScriptedBroker) -> None:
    group = Group(broker, A, B)
    async with member_of(broker, group) as member:
        await member.reads_on(B)
        member.consumer.pause(B)
        await asyncio.sleep(0.05)
        read = len(member.offsets[B])
        await member.rebalance()
        await member.is_called_with(("assigned", set()))
        await member.reads_on(A)
        assert len(member.offsets[B]) == read
        member.consumer.resume(B)
        await member.reads_on(B)


def refuse_generation(broker: ScriptedBroker, _: Group) -> None:
    broker.script["HeartbeatRequest"] = lambda _: (0, IllegalGenerationError.errno)


def remove(_: ScriptedBroker, group: Group) -> None:
    group.removed = True


@pytest.mark.parametrize("lose_membership", [remove, refuse_generation])
async def test_a_member_that_was_removed_gives_up_all(
    lose_membership: Callable[[ScriptedBroker, Group], None], broker: ScriptedBroker
) -> None:
    """Others may have got its partitions."""
    group = Group(broker, A)
    async with member_of(broker, group) as member:
        member.consumer.pause(A)  # or it would be read again: nothing is committed here
        lose_membership(broker, group)
        await eventually(lambda: len(group.held) == 2)
        broker.script["HeartbeatRequest"] = lambda _: (0, 0)
        assert group.held[-1] == set()
        await member.is_called_with(("revoked", {A}), ("assigned", {A}))
        member.offsets[A].clear()


async def test_a_member_that_is_removed_while_it_joins_gives_up_all(broker: ScriptedBroker) -> None:
    group = Group(broker, A)
    async with member_of(broker, group) as member:
        member.consumer.pause(A)
        broker.script["HeartbeatRequest"] = lambda _: (0, RebalanceInProgressError.errno if group.rebalances else 0)
        group.removed = True
        await member.rebalance()
        await member.is_called_with(("revoked", {A}), ("assigned", {A}))
        assert group.held == [set(), {A}, set()]
        member.offsets[A].clear()


async def test_a_group_with_an_earlier_version_rebalances_as_that_does(broker: ScriptedBroker) -> None:
    """The assignor of earlier versions may give a partition to another member at once."""
    group = Group(broker, A)
    async with member_of(broker, group) as member:
        member.consumer.pause(A)
        group.protocol = RoundRobinPartitionAssignor.name
        await member.rebalance()
        await member.is_called_with(("revoked", {A}), ("assigned", {A}))
        member.consumer.pause(A)
        member.forget()
        group.protocol = COOPERATIVE
        await member.rebalance()
        await member.is_called_with(("revoked", {A}), ("assigned", {A}))
        assert group.held == [set(), {A}, set()]
        member.consumer.pause(A)
        member.forget()
        await member.rebalance()
        await member.is_called_with(("assigned", set()))
        assert group.held[-1] == {A}
        member.offsets[A].clear()


async def test_a_listener_that_cannot_keep_partitions_is_told_to_give_up_all(broker: ScriptedBroker) -> None:
    group = Group(broker, A)
    async with member_of(broker, group) as member:
        member.consumer.pause(A)
        member.listener.keeps_partitions = False
        await member.rebalance()
        await member.is_called_with(("revoked", {A}), ("assigned", {A}))
        member.offsets[A].clear()


async def test_other_topics_are_another_assignment(broker: ScriptedBroker) -> None:
    group = Group(broker, A)
    async with member_of(broker, group) as member:
        member.consumer.pause(A)
        member.consumer.subscribe([TOPIC], listener=member.listener)
        await member.is_called_with(("revoked", {A}), ("assigned", {A}))
        assert group.held == [set(), set()]
        member.offsets[A].clear()


async def test_commits_wait_until_the_member_has_joined(broker: ScriptedBroker) -> None:
    """The coordinator would answer them after the join, and refuse them: they are of the generation before."""
    group = Group(broker, A)
    async with member_of(broker, group) as member:
        await member.reads_on(A)
        group.complete.clear()
        await member.rebalance()
        committing = asyncio.create_task(member.consumer.commit({A: 1}))
        asking = asyncio.create_task(member.consumer.committed(A))
        await member.reads_on(A)
        assert not broker.asked("OffsetCommitRequest")
        group.complete.set()
        async with asyncio.timeout(10):
            await asyncio.gather(committing, asking)
        assert [request.consumer_group_generation_id for request in broker.asked("OffsetCommitRequest")] == [2]


async def test_a_member_joins_once_with_both_assignors(broker: ScriptedBroker) -> None:
    group = Group(broker, A)
    async with member_of(broker, group):
        (request,) = group.requests
        assert [name for name, _ in request.group_protocols] == [COOPERATIVE, RoundRobinPartitionAssignor.name]


async def test_aiokafka_alone_joins_once_for_each_assignor(unpatched: None, broker: ScriptedBroker) -> None:
    broker.script["JoinGroupRequest"] = lambda _: (0, 0, 1, RoundRobinPartitionAssignor.name, "leader", "me", [])
    broker.script["SyncGroupRequest"] = lambda _: (0, 0, ConsumerProtocolMemberAssignment(0, [], b"").encode())
    strategy = (RoundRobinPartitionAssignor, StickyPartitionAssignor)
    consumer = AIOKafkaConsumer(
        TOPIC, bootstrap_servers=broker.address, group_id="group", partition_assignment_strategy=strategy
    )
    await consumer.start()
    await consumer.stop()
    assert [len(request.group_protocols) for request in broker.asked("JoinGroupRequest")] == [1, 2]

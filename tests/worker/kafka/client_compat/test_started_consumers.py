"""Consumers that are started against a broker with faults: each patch is in force, and each bug is there without it."""

import asyncio
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import (
    GroupLoadInProgressError,
    MemberIdRequired,
    NotLeaderForPartitionError,
    OffsetOutOfRangeError,
    RebalanceInProgressError,
)
from triage_worker.kafka.client_compat.fetch import FOLLOWER_VERSION
from triage_worker.kafka.client_compat.patches import apply_patches

from tests.worker.classify.raw_batches import builder
from tests.worker.kafka.client_compat.scripted_broker import (
    TOPIC,
    Answer,
    ScriptedBroker,
    all_assigned,
    eventually,
    never,
)

PLACE = TopicPartition(TOPIC, 0)
COMMITTED = 17
JOIN_S = 1.0


@pytest.fixture
def patched() -> None:
    """Apply the patches, as the makers of clients do."""
    apply_patches()


def moving_coordinator() -> Answer:
    """At first the new coordinator is still loading the group, and says so for all partitions together."""
    answers: list[Any] = [(0, [], GroupLoadInProgressError.errno)]

    def answer(_: Any) -> tuple[Any, ...]:
        return answers.pop() if answers else (0, [(TOPIC, [(0, COMMITTED, "", 0)])], 0)

    return answer


async def slow_join(_: Any) -> tuple[Any, ...]:
    """The coordinator waits for another member."""
    await asyncio.sleep(JOIN_S)
    return 0, 0, 1, "roundrobin", "leader", "me", []


def odd_names() -> Answer:
    """The first fetch brings a record whose header's name is not UTF-8."""
    batch = bytes(builder([(b"k", b"v", [(b"caf\xe9", b"1")])]).build())

    async def answer(request: Any) -> tuple[Any, ...]:
        await asyncio.sleep(0.01)
        preferred = (-1,) if request.API_VERSION >= FOLLOWER_VERSION else ()
        fetched: list[Any] = [
            (
                topic,
                [
                    (number, 0, 1, 1, 0, [], *preferred, batch if offset == 0 else b"")
                    for number, _, offset, *_ in parts
                ],
            )
            for topic, parts in request.topics
        ]
        return 0, 0, 0, fetched

    return answer


def moving_leader() -> Answer:
    """After the first record, three fetches go to a broker that does not lead any more, and whose copy is shorter.

    Up to version 10 of the request it says so. From version 11 on it answers as followers do.
    """
    left = 3

    def of_partition(number: int, offset: int, version: int) -> tuple[Any, ...]:
        nonlocal left
        error, data = 0, b""
        if offset == 1 and left:
            left -= 1
            error = OffsetOutOfRangeError.errno if version >= FOLLOWER_VERSION else NotLeaderForPartitionError.errno
        elif offset < 2:
            batch = bytes(builder([(b"k", b"v%d" % offset, [])]).build())
            data = offset.to_bytes(8) + batch[8:]
        preferred = (-1,) if version >= FOLLOWER_VERSION else ()
        return (number, error, 2, 2, 0, [], *preferred, data)

    async def answer(request: Any) -> tuple[Any, ...]:
        await asyncio.sleep(0.01)
        fetched: list[Any] = [
            (topic, [of_partition(number, offset, request.API_VERSION) for number, _, offset, *_ in partitions])
            for topic, partitions in request.topics
        ]
        return 0, 0, 0, fetched

    return answer


async def committed(broker: ScriptedBroker) -> int | None:
    """What a consumer takes for its group's offset while the coordinator moves."""
    broker.script["OffsetFetchRequest"] = moving_coordinator()
    async with AIOKafkaConsumer(bootstrap_servers=broker.address, group_id="group") as consumer:
        consumer.assign([PLACE])
        return await consumer.committed(PLACE)


async def read_two(broker: ScriptedBroker) -> list[bytes | None]:
    """The values that a consumer reads from a partition whose leader moves after the first record."""
    broker.script["FetchRequest"] = moving_leader()
    async with AIOKafkaConsumer(bootstrap_servers=broker.address, auto_offset_reset="earliest") as consumer:
        consumer.assign([PLACE])
        return [(await asyncio.wait_for(consumer.getone(), 10)).value for _ in range(2)]


def joining(broker: ScriptedBroker) -> AIOKafkaConsumer:
    """A member that joins a slow group, whose requests time out in a fifth of the time."""
    broker.script |= {"JoinGroupRequest": slow_join, "SyncGroupRequest": all_assigned}
    return AIOKafkaConsumer(
        TOPIC, bootstrap_servers=broker.address, group_id="group", request_timeout_ms=int(JOIN_S * 200)
    )


async def test_the_offset_of_a_moving_group_is_asked_for_again(patched: None, broker: ScriptedBroker) -> None:
    assert await committed(broker) == COMMITTED


async def test_aiokafka_alone_takes_a_moving_group_for_a_new_one(unpatched: None, broker: ScriptedBroker) -> None:
    assert await committed(broker) is None


async def test_a_member_waits_for_a_slow_group(patched: None, broker: ScriptedBroker) -> None:
    async with asyncio.timeout(20), joining(broker) as member:
        await eventually(member.assignment)
        assert len(broker.asked("JoinGroupRequest")) == 1


async def test_aiokafka_alone_gives_up_a_slow_join_and_begins_again(unpatched: None, broker: ScriptedBroker) -> None:
    member = joining(broker)
    starting = asyncio.create_task(member.start())
    await broker.wait_for_requests("JoinGroupRequest", 3)
    assert not member.assignment()
    starting.cancel()
    await asyncio.wait([starting])
    await member.stop()


def waiting_member(broker: ScriptedBroker, **arguments: Any) -> AIOKafkaConsumer:
    """A member that has its id, and whose group waits for a member that died."""
    answers: list[Any] = [(0, MemberIdRequired.errno, -1, "", "", "me", [])]

    async def join(request: Any) -> Any:
        return answers.pop() if answers else await never(request)

    broker.script["JoinGroupRequest"] = join
    return AIOKafkaConsumer(TOPIC, bootstrap_servers=broker.address, group_id="group", **arguments)


async def test_a_member_leaves_a_group_that_it_is_joining(patched: None, broker: ScriptedBroker) -> None:
    member = waiting_member(broker)
    starting = asyncio.create_task(member.start())
    await broker.wait_for_requests("JoinGroupRequest", 2)
    async with asyncio.timeout(5):
        await member.stop()
    assert [request.member_id for request in broker.asked("LeaveGroupRequest")] == ["me"]
    starting.cancel()
    await asyncio.wait([starting])


async def test_a_member_leaves_a_group_that_it_is_joining_again(patched: None, broker: ScriptedBroker) -> None:
    broker.script |= {
        "SyncGroupRequest": all_assigned,
        "HeartbeatRequest": lambda _: (0, RebalanceInProgressError.errno),
    }
    member = AIOKafkaConsumer(
        TOPIC,
        bootstrap_servers=broker.address,
        group_id="group",
        heartbeat_interval_ms=100,
        enable_auto_commit=False,  # as by all consumers here
    )
    await member.start()
    broker.script["JoinGroupRequest"] = never
    await broker.wait_for_requests("JoinGroupRequest", 2)
    async with asyncio.timeout(5):
        await member.stop()
    assert [request.member_id for request in broker.asked("LeaveGroupRequest")] == ["me"]


async def test_a_static_member_stops_joining_and_stays_in_the_group(patched: None, broker: ScriptedBroker) -> None:
    member = waiting_member(broker, group_instance_id="name")
    starting = asyncio.create_task(member.start())
    await broker.wait_for_requests("JoinGroupRequest", 2)
    async with asyncio.timeout(5):
        await member.stop()
    assert broker.asked("LeaveGroupRequest") == []
    starting.cancel()
    await asyncio.wait([starting])


async def test_aiokafka_alone_waits_for_the_group_before_it_leaves(unpatched: None, broker: ScriptedBroker) -> None:
    member = waiting_member(broker)
    starting = asyncio.create_task(member.start())
    await broker.wait_for_requests("JoinGroupRequest", 2)
    stopping = asyncio.create_task(member.stop())
    await asyncio.wait([stopping], timeout=0.5)
    assert not stopping.done()
    assert broker.asked("LeaveGroupRequest") == []
    await broker.hang_up()
    for task in (starting, stopping):
        task.cancel()
    await asyncio.wait([starting, stopping])


async def test_a_former_leader_is_left_for_the_new_one(patched: None, broker: ScriptedBroker) -> None:
    assert await read_two(broker) == [b"v0", b"v1"]


async def test_aiokafka_alone_begins_again_where_a_follower_has_less(unpatched: None, broker: ScriptedBroker) -> None:
    assert await read_two(broker) == [b"v0", b"v0"]


async def test_header_names_are_read_as_javas_client_reads_them(patched: None, broker: ScriptedBroker) -> None:
    broker.script["FetchRequest"] = odd_names()
    async with AIOKafkaConsumer(bootstrap_servers=broker.address, auto_offset_reset="earliest") as consumer:
        consumer.assign([PLACE])
        record = await asyncio.wait_for(consumer.getone(), 10)
    assert record.headers == (("caf\ufffd", b"1"),)


async def test_aiokafka_alone_never_gets_past_such_a_record(unpatched: None, broker: ScriptedBroker) -> None:
    broker.script["FetchRequest"] = odd_names()
    async with AIOKafkaConsumer(bootstrap_servers=broker.address, auto_offset_reset="earliest") as consumer:
        consumer.assign([PLACE])
        for _ in range(3):
            with pytest.raises(UnicodeDecodeError):
                await asyncio.wait_for(consumer.getone(), 10)
        assert await consumer.position(PLACE) == 0

"""A right on a topic that the broker refuses is raised, whichever request of a consumer finds it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.consumer.fetcher import Fetcher
from aiokafka.errors import KafkaConnectionError, KafkaError, TopicAuthorizationFailedError
from triage_worker.kafka.client_compat.patches import apply_patches
from triage_worker.kafka.client_compat.topic_access import PatchedFetcher

from tests.worker.kafka.client_compat.hidden_topic import REFUSED, grant, refused_offsets, refused_positions, revoke
from tests.worker.kafka.client_compat.scripted_broker import (
    NODE,
    PARTITIONS,
    TOPIC,
    USUAL,
    ScriptedBroker,
    all_assigned,
    scripted_broker,
)

PLACES = [TopicPartition(TOPIC, number) for number in range(PARTITIONS)]
METADATA_MAX_AGE_MS = 50
RETRY_BACKOFF_MS = 50


@pytest.fixture
def patched() -> None:
    """Apply the patches, as whoever makes a client does."""
    apply_patches()


def member(broker: ScriptedBroker, **arguments: Any) -> AIOKafkaConsumer:
    """A consumer that gets all partitions of its group's topic."""
    broker.script["SyncGroupRequest"] = all_assigned
    return AIOKafkaConsumer(
        TOPIC,
        bootstrap_servers=broker.address,
        group_id="group",
        enable_auto_commit=False,
        **{"metadata_max_age_ms": METADATA_MAX_AGE_MS, **arguments},
    )


def reader(broker: ScriptedBroker, **arguments: Any) -> AIOKafkaConsumer:
    """A consumer without a group."""
    return AIOKafkaConsumer(bootstrap_servers=broker.address, auto_offset_reset="earliest", **arguments)


async def poll(consumer: AIOKafkaConsumer, until: Callable[[], object] = lambda: False) -> None:
    """Poll until a condition is met."""
    async with asyncio.timeout(20):
        while not until():
            assert await consumer.getmany(timeout_ms=50) == {}


async def test_a_member_finds_it_in_metadata(patched: None, broker: ScriptedBroker) -> None:
    async with member(broker) as consumer:
        await poll(consumer, lambda: broker.asked("FetchRequest"))
        revoke(broker, "MetadataRequest")
        with pytest.raises(TopicAuthorizationFailedError) as caught:
            await poll(consumer)
    assert caught.value.args == ({TOPIC},)


@pytest.mark.parametrize("found_by", ["OffsetRequest", "OffsetFetchRequest"])
async def test_a_member_finds_it_as_it_looks_for_its_position(
    patched: None, broker: ScriptedBroker, found_by: str
) -> None:
    """Between the assignment and the first fetch. Metadata are not due again for minutes."""
    consumer = member(broker, metadata_max_age_ms=300_000)
    revoke(broker, found_by)
    with pytest.raises(TopicAuthorizationFailedError) as caught:
        async with consumer:
            await poll(consumer)
    assert caught.value.args == ({TOPIC},)


async def test_a_member_without_a_subscription_asks_for_its_offsets_in_vain(
    patched: None, broker: ScriptedBroker
) -> None:
    broker.script["OffsetFetchRequest"] = refused_offsets
    async with AIOKafkaConsumer(bootstrap_servers=broker.address, group_id="group") as consumer:
        with pytest.raises(TopicAuthorizationFailedError) as caught:
            await consumer.committed(PLACES[0])
    assert caught.value.args == ({TOPIC},)


async def test_a_reader_continues_once_the_topic_is_visible(patched: None, broker: ScriptedBroker) -> None:
    async with reader(broker, metadata_max_age_ms=300_000) as consumer:
        consumer.assign(PLACES)
        revoke(broker, "OffsetRequest")
        with pytest.raises(TopicAuthorizationFailedError):
            await poll(consumer)
        assert broker.asked("FetchRequest") == []
        grant(broker)
        async with asyncio.timeout(20):
            while not broker.asked("FetchRequest"):
                try:
                    await consumer.getmany(timeout_ms=50)
                except TopicAuthorizationFailedError:
                    await asyncio.sleep(0.05)


async def test_the_ends_of_a_hidden_topic_name_it(patched: None, broker: ScriptedBroker) -> None:
    async with reader(broker) as consumer:
        consumer.assign(PLACES)
        broker.script["OffsetRequest"] = refused_positions
        with pytest.raises(TopicAuthorizationFailedError) as caught:
            await consumer.end_offsets(PLACES)
    assert caught.value.args == (TOPIC,)


async def test_a_topic_of_other_members_is_not_missed(patched: None, broker: ScriptedBroker) -> None:
    """The leader of a group looks up the topics of all members, which may have other names during an upgrade."""

    def metadata(request: Any) -> tuple[Any, ...]:
        answer = USUAL["MetadataRequest"](request)
        return *answer[:3], [*answer[3], (REFUSED, "theirs", False, [])]

    broker.script["MetadataRequest"] = metadata
    async with member(broker) as consumer:
        await poll(consumer, lambda: len(broker.asked("FetchRequest")) > 3)
        assert consumer._client.cluster.unauthorized_topics == {"theirs"}


async def test_a_hidden_topic_is_looked_up_at_intervals(patched: None, broker: ScriptedBroker) -> None:
    assert await lookups(broker, polls=10) < 5


async def test_aiokafka_alone_looks_a_hidden_topic_up_without_a_pause(unpatched: None, broker: ScriptedBroker) -> None:
    async with reader(broker) as consumer:
        consumer.assign(PLACES)
        revoke(broker, "MetadataRequest")
        await consumer._client.force_metadata_update()
        await poll(consumer, lambda: len(broker.asked("MetadataRequest")) > 100)


async def test_a_leader_is_looked_for_at_intervals(patched: None, broker: ScriptedBroker) -> None:
    async with leaderless(broker) as consumer:
        before = len(broker.asked("MetadataRequest"))
        await consumer.getmany(timeout_ms=500)
        assert 2 <= len(broker.asked("MetadataRequest")) - before <= 1 + 500 / RETRY_BACKOFF_MS


async def test_brokers_that_are_gone_are_looked_for_at_intervals(
    patched: None, broker: ScriptedBroker, caplog: pytest.LogCaptureFixture
) -> None:
    async with leaderless(broker) as consumer:
        await broker.hang_up()
        await consumer.getmany(timeout_ms=500)
    failed = [record for record in caplog.records if record.getMessage().startswith("Unable to update metadata")]
    assert 2 <= len(failed) <= 1 + 500 / RETRY_BACKOFF_MS


async def test_aiokafka_alone_looks_for_a_leader_without_a_pause(unpatched: None, broker: ScriptedBroker) -> None:
    async with leaderless(broker) as consumer:
        await poll(consumer, lambda: len(broker.asked("MetadataRequest")) > 100)


async def test_aiokafka_alone_waits_for_ever_for_a_hidden_topic(unpatched: None, broker: ScriptedBroker) -> None:
    async with member(broker) as consumer:
        await poll(consumer, lambda: broker.asked("FetchRequest"))
        revoke(broker, "MetadataRequest")
        broker.script["SyncGroupRequest"] = USUAL["SyncGroupRequest"]
        await poll(consumer, lambda: consumer._client.cluster.unauthorized_topics)
        fetches = len(broker.asked("FetchRequest"))
        hidden_since = len(broker.asked("MetadataRequest"))
        await poll(consumer, lambda: len(broker.asked("MetadataRequest")) > hidden_since + 10)
        assert len(broker.asked("FetchRequest")) <= fetches + 1


async def test_aiokafka_alone_lists_offsets_for_ever(unpatched: None, broker: ScriptedBroker) -> None:
    consumer = member(broker, metadata_max_age_ms=300_000)
    revoke(broker, "OffsetRequest")
    async with consumer:
        await poll(consumer, lambda: len(broker.asked("OffsetRequest")) > 3)


async def test_aiokafka_alone_does_not_name_the_topic_of_offsets(unpatched: None, broker: ScriptedBroker) -> None:
    consumer = member(broker, metadata_max_age_ms=300_000)
    broker.script["OffsetFetchRequest"] = refused_offsets
    with pytest.raises(KafkaError) as caught:
        async with consumer:
            await poll(consumer)
    assert type(caught.value) is KafkaError
    assert TOPIC not in str(caught.value)


async def lookups(broker: ScriptedBroker, polls: int) -> int:
    """How often a consumer without a group looks a hidden topic up while it is polled."""
    async with reader(broker) as consumer:
        consumer.assign(PLACES)
        revoke(broker, "MetadataRequest")
        await consumer._client.force_metadata_update()
        before = len(broker.asked("MetadataRequest"))
        for _ in range(polls):
            with pytest.raises(TopicAuthorizationFailedError):
                await consumer.getmany(timeout_ms=0)
            await asyncio.sleep(0.02)
        return len(broker.asked("MetadataRequest")) - before


@asynccontextmanager
async def leaderless(broker: ScriptedBroker) -> AsyncIterator[AIOKafkaConsumer]:
    """A consumer of partitions whose leader is gone."""
    consumer = reader(broker, retry_backoff_ms=RETRY_BACKOFF_MS)
    async with consumer:
        partitions: list[Any] = [(0, place.partition, -1, [NODE], [], []) for place in PLACES]
        broker.script["MetadataRequest"] = lambda _: (0, "cluster", NODE, [(0, TOPIC, False, partitions)])
        await consumer._client.force_metadata_update()
        consumer.assign(PLACES)
        yield consumer


async def closed_in_its_pause(kind: type[Fetcher]) -> None:
    """Close a fetcher while it pauses after a fetch whose connection was closed."""
    fetcher: Any = kind.__new__(kind)
    failed = asyncio.Event()

    async def send(*_: object) -> None:
        failed.set()
        raise KafkaConnectionError("closed")

    fetcher._client, fetcher._retry_backoff = SimpleNamespace(send=send), 60
    fetcher._fetch_task = asyncio.create_task(asyncio.sleep(60))
    fetcher._fetch_waiters = set()
    fetcher._pending_tasks = {asyncio.create_task(fetcher._proc_fetch_request(None, 1, SimpleNamespace(topics=[])))}
    await failed.wait()
    async with asyncio.timeout(20):
        await fetcher.close()


async def test_a_consumer_is_closed_while_it_pauses_after_a_failed_fetch() -> None:
    await closed_in_its_pause(PatchedFetcher)


async def test_aiokafka_alone_cancels_who_closes_it() -> None:
    closing = asyncio.create_task(closed_in_its_pause(Fetcher))
    await asyncio.wait([closing])
    assert closing.cancelled()


@pytest.mark.usefixtures("patched")
async def test_offsets_of_many_unknown_topics_need_one_look() -> None:
    """aiokafka asks for one topic more in each attempt, and gives up on a cluster with some hundred topics."""
    names = [f"topic-{number}" for number in range(50)]

    def metadata(request: Any) -> tuple[Any, ...]:
        partition: tuple[Any, ...] = (0, 0, NODE, [NODE], [NODE], [])
        return 0, "cluster", NODE, [(0, name, False, [partition]) for name in request.topics or ()]

    async with scripted_broker(MetadataRequest=metadata) as broker, reader(broker) as consumer:
        places = [TopicPartition(name, 0) for name in names]
        before = len(broker.asked("MetadataRequest"))
        assert await consumer.end_offsets(places) == dict.fromkeys(places, 0)
        assert len(broker.asked("MetadataRequest")) == before + 1

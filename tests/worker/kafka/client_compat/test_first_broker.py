"""Clients that start while the cluster names no broker: each way to ask for one goes on once there is one."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError, NodeNotReadyError
from triage_worker.kafka.client_compat.consumer_group import stop_consumer
from triage_worker.kafka.client_compat.first_broker import PatchedAdminClient
from triage_worker.kafka.client_compat.patches import apply_patches
from triage_worker.kafka.client_compat.producer import abandon
from triage_worker.kafka.client_compat.transaction_inspector import NO_STATE, TransactionInspector

from tests.worker.kafka.client_compat.scripted_broker import (
    NODE,
    TOPIC,
    ScriptedBroker,
    all_assigned,
    eventually,
    scripted_broker,
)

TOPICS = [NewTopic(TOPIC, 1, 1)]
SHORT_MS = 10


@pytest.fixture
def patched() -> None:
    """Apply the patches, as the makers of clients do."""
    apply_patches()


@pytest.fixture
async def nameless() -> AsyncIterator[ScriptedBroker]:
    """A broker that is fenced: it answers, and the metadata name no broker."""
    async with scripted_broker(
        SyncGroupRequest=all_assigned,
        CreateTopicsRequest=lambda _: (0, [(TOPIC, 0, None)]),
        DescribeTransactionsRequest=lambda _: (0, [(105, "id", "", 0, 0, 0, 0, [], {})], {}),
    ) as broker:
        broker.named = False
        yield broker


@asynccontextmanager
async def producing(broker: ScriptedBroker, **arguments: Any) -> AsyncIterator[AIOKafkaProducer]:
    """Make a producer, and stop it at the end, in whatever state it is."""
    producer = AIOKafkaProducer(bootstrap_servers=broker.address, retry_backoff_ms=SHORT_MS, **arguments)
    try:
        yield producer
    finally:
        await abandon(producer, 0.1)


@asynccontextmanager
async def administering(broker: ScriptedBroker, kind: type[AIOKafkaAdminClient]) -> AsyncIterator[AIOKafkaAdminClient]:
    """Run an admin client."""
    admin = kind(bootstrap_servers=broker.address)
    await admin.start()
    try:
        yield admin
    finally:
        await admin.close()


async def once_named(broker: ScriptedBroker, waiting: Awaitable[Any]) -> Any:
    """Check that something waits while no broker is named, and return what it gives once one is."""
    task = asyncio.ensure_future(waiting)
    asked = len(broker.asked("MetadataRequest"))
    await eventually(lambda: task.done() or len(broker.asked("MetadataRequest")) > asked + 3)
    if not task.done():
        broker.named = True
    async with asyncio.timeout(10):
        return await task


@pytest.mark.usefixtures("patched")
@pytest.mark.parametrize("arguments", [{"transactional_id": "id"}, {"enable_idempotence": True}, {}], ids=str)
async def test_a_producer_starts_and_sends_once_there_is_a_broker(
    nameless: ScriptedBroker, arguments: dict[str, Any]
) -> None:
    async def produce(producer: AIOKafkaProducer) -> None:
        await producer.start()
        if "transactional_id" in arguments:
            await producer.begin_transaction()
        await producer.send_and_wait(TOPIC, b"value")

    async with producing(nameless, **arguments) as producer:
        await once_named(nameless, produce(producer))
    assert nameless.asked("ProduceRequest")


@pytest.mark.usefixtures("patched")
async def test_what_an_id_left_is_found_out_once_there_is_a_broker(nameless: ScriptedBroker) -> None:
    async with producing(nameless, transactional_id="id") as producer:
        assert await once_named(nameless, TransactionInspector(producer).start()) == NO_STATE


@pytest.mark.usefixtures("patched")
async def test_a_member_joins_its_group_once_there_is_a_broker(nameless: ScriptedBroker) -> None:
    async with reading(nameless) as consumer:
        await once_named(nameless, joined(consumer))


@pytest.mark.usefixtures("patched")
async def test_an_admin_client_asks_once_there_is_a_broker(nameless: ScriptedBroker) -> None:
    async with administering(nameless, PatchedAdminClient) as admin:
        for ask in (admin.list_topics, lambda: admin.find_coordinator("group"), lambda: admin.create_topics(TOPICS)):
            with pytest.raises(NodeNotReadyError, match=r"the cluster names no (broker|controller) at present"):
                await ask()
        nameless.named = True
        assert await admin.list_topics() == [TOPIC]
        assert await admin.find_coordinator("group") == NODE
        assert (await admin.create_topics(TOPICS)).topic_errors == [(TOPIC, 0, None)]


@pytest.mark.usefixtures("patched")
async def test_an_admin_client_creates_topics_once_there_is_a_controller(nameless: ScriptedBroker) -> None:
    async with administering(nameless, PatchedAdminClient) as admin:
        nameless.named = True
        assert (await admin.create_topics(TOPICS)).topic_errors == [(TOPIC, 0, None)]


@pytest.mark.usefixtures("patched")
async def test_a_client_that_lost_its_only_connection_connects_again(nameless: ScriptedBroker) -> None:
    async with producing(nameless) as producer:
        await producer.start()
        await nameless.disconnect()
        await eventually(lambda: not any(one.connected() for one in producer.client._conns.values()))
        assert not await producer.client.force_metadata_update()
        await nameless.disconnect()
        nameless.named = True
        async with asyncio.timeout(10):
            await producer.send_and_wait(TOPIC, b"value")


@pytest.mark.usefixtures("patched")
async def test_a_client_goes_on_to_ask_after_its_bootstrap_server_was_away(nameless: ScriptedBroker) -> None:
    async with producing(nameless) as producer:
        await producer.start()
        await nameless.hang_up()
        await eventually(lambda: not any(one.connected() for one in producer.client._conns.values()))
        assert not await producer.client.force_metadata_update()
        assert not await producer.client.force_metadata_update()
        nameless.named = True
        await nameless.start(nameless.port)
        async with asyncio.timeout(10):
            await producer.send_and_wait(TOPIC, b"value")


@pytest.mark.usefixtures("unpatched")
async def test_aiokafka_alone_fails_an_assertion_in_a_producer(nameless: ScriptedBroker) -> None:
    async with producing(nameless, transactional_id="id") as producer:
        with pytest.raises(AssertionError, match="bootstrap"):
            await once_named(nameless, producer.start())


@pytest.mark.usefixtures("unpatched")
async def test_aiokafka_alone_ends_a_consumers_group(nameless: ScriptedBroker) -> None:
    async with reading(nameless) as consumer:
        with pytest.raises(KafkaError, match="Unexpected error during coordination"):
            await once_named(nameless, joined(consumer))


@pytest.mark.usefixtures("unpatched")
async def test_aiokafka_alone_reads_the_id_of_no_controller(nameless: ScriptedBroker) -> None:
    async with administering(nameless, AIOKafkaAdminClient) as admin:
        with pytest.raises(AttributeError, match="nodeId"):
            await admin.create_topics(TOPICS)


@pytest.mark.usefixtures("unpatched")
async def test_aiokafka_alone_never_connects_again(nameless: ScriptedBroker) -> None:
    async with producing(nameless) as producer:
        await producer.start()
        await nameless.disconnect()
        await eventually(lambda: not any(one.connected() for one in producer.client._conns.values()))
        nameless.named = True
        for _ in range(3):
            assert not await producer.client.force_metadata_update()
        assert producer.client._conns == {}


@asynccontextmanager
async def reading(broker: ScriptedBroker) -> AsyncIterator[AIOKafkaConsumer]:
    """Run a consumer that is a member of a group."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=broker.address, group_id="group", retry_backoff_ms=SHORT_MS, enable_auto_commit=False
    )
    await consumer.start()
    consumer.subscribe([TOPIC])
    try:
        yield consumer
    finally:
        await stop_consumer(consumer)


async def joined(consumer: AIOKafkaConsumer) -> None:
    """Poll until partitions are assigned."""
    while not consumer.assignment():
        await consumer.getmany(timeout_ms=20)

"""Topics and partitions are looked up without creating a topic."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import TopicAuthorizationFailedError
from triage_worker.kafka.client_compat.metadata import partitions, positions, topic_configs, unauthorized_topics

from tests.worker.kafka.client_compat.scripted_broker import NODE, TOPIC, ScriptedBroker, scripted_broker

HIDDEN = "hidden"


def metadata(request: Any) -> tuple[Any, ...]:
    """One topic exists, and another is hidden from this user."""
    there: list[Any] = [(0, number, NODE, [NODE], [NODE], []) for number in (1, 0, 2)]
    topics = [(0, TOPIC, False, there)] if request.topics is None or TOPIC in request.topics else []
    if HIDDEN in (request.topics or ()):
        topics.append((TopicAuthorizationFailedError.errno, HIDDEN, False, []))
    return 0, "cluster", NODE, topics


@pytest.fixture
async def broker() -> AsyncIterator[ScriptedBroker]:
    async with scripted_broker(MetadataRequest=metadata) as running:
        yield running


@pytest.fixture
async def admin(broker: ScriptedBroker) -> AsyncIterator[AIOKafkaAdminClient]:
    client = AIOKafkaAdminClient(bootstrap_servers=broker.address)
    await client.start()
    yield client
    await client.close()


@pytest.fixture
async def consumer(broker: ScriptedBroker) -> AsyncIterator[AIOKafkaConsumer]:
    async with AIOKafkaConsumer(bootstrap_servers=broker.address) as started:
        yield started


def named(broker: ScriptedBroker) -> list[tuple[list[str], bool]]:
    """The topics that were asked for by name, and whether the broker may create them."""
    return [
        (request.topics, request.allow_auto_topic_creation)
        for request in broker.asked("MetadataRequest")
        if request.topics
    ]


async def test_partitions_are_in_order(broker: ScriptedBroker, consumer: AIOKafkaConsumer) -> None:
    assert await partitions(consumer, TOPIC) == [TopicPartition(TOPIC, number) for number in range(3)]


async def test_positions_are_those_that_are_known(consumer: AIOKafkaConsumer) -> None:
    assert positions(consumer) == {}
    consumer.assign([TopicPartition(TOPIC, 0), TopicPartition(TOPIC, 1)])
    consumer.seek(TopicPartition(TOPIC, 1), 7)
    assert positions(consumer)[TopicPartition(TOPIC, 1)] == 7


async def test_a_topic_that_is_missing_is_not_asked_for(broker: ScriptedBroker, consumer: AIOKafkaConsumer) -> None:
    assert await partitions(consumer, "missing") == []
    assert named(broker) == []


async def test_a_hidden_topic_is_asked_for_without_being_created(
    broker: ScriptedBroker, admin: AIOKafkaAdminClient
) -> None:
    assert await unauthorized_topics(admin, [TOPIC, HIDDEN, "missing"]) == {HIDDEN}
    assert named(broker) == [([TOPIC, HIDDEN, "missing"], False)]
    assert await unauthorized_topics(admin, []) == set()
    assert len(named(broker)) == 1


async def test_configurations_are_read_and_hidden_ones_are_none(
    broker: ScriptedBroker, admin: AIOKafkaAdminClient
) -> None:
    def described(request: Any) -> tuple[Any, ...]:
        entry: tuple[Any, ...] = ("cleanup.policy", "compact", False, 1, False, [])
        refused = TopicAuthorizationFailedError.errno
        return 0, [(0, None, 2, TOPIC, [entry]), (refused, "no", 2, HIDDEN, [])]

    broker.script["DescribeConfigsRequest"] = described
    assert await topic_configs(admin, [TOPIC, HIDDEN]) == {TOPIC: {"cleanup.policy": "compact"}, HIDDEN: None}
    assert await topic_configs(admin, []) == {}
    assert len(broker.asked("DescribeConfigsRequest")) == 1


async def test_aiokafka_alone_lets_the_broker_create_what_it_describes(
    unpatched: None, broker: ScriptedBroker, admin: AIOKafkaAdminClient
) -> None:
    await admin.describe_topics(["missing"])
    assert named(broker) == [(["missing"], True)]


async def test_aiokafka_alone_knows_no_partitions_without_a_subscription(consumer: AIOKafkaConsumer) -> None:
    assert await consumer.topics() == {TOPIC}
    assert consumer.partitions_for_topic(TOPIC) is None

"""A started client asks for topics without letting the broker create them; aiokafka alone does not."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from triage_worker.kafka.client_compat.patches import apply_patches

from tests.worker.kafka.client_compat.scripted_broker import NODE, TOPIC, ScriptedBroker, scripted_broker


def metadata(request: Any) -> tuple[Any, ...]:
    """Only a request with names is answered with a topic, so that a producer has to ask for it."""
    partitions: list[Any] = [(0, 0, NODE, [NODE], [NODE], [])]
    return 0, "cluster", NODE, [(0, topic, False, partitions) for topic in request.topics or ()]


@pytest.fixture
async def broker() -> AsyncIterator[ScriptedBroker]:
    async with scripted_broker(MetadataRequest=metadata) as running:
        yield running


async def creation_allowed(broker: ScriptedBroker) -> list[bool]:
    """Whether the broker may create the topic: as a producer asks for it, and then as an admin client does."""
    async with AIOKafkaProducer(bootstrap_servers=broker.address) as producer:
        await producer.partitions_for(TOPIC)
    admin = AIOKafkaAdminClient(bootstrap_servers=broker.address)
    await admin.start()
    await admin.describe_topics([TOPIC])
    await admin.close()
    named = [request for request in broker.asked("MetadataRequest") if request.topics]
    assert [request.topics for request in named] == [[TOPIC], [TOPIC]]
    return [request.allow_auto_topic_creation for request in named]


async def test_no_client_asks_to_create_a_topic(broker: ScriptedBroker) -> None:
    apply_patches()
    assert await creation_allowed(broker) == [False, False]


async def test_aiokafka_alone_asks_to_create_topics(unpatched: None, broker: ScriptedBroker) -> None:
    assert await creation_allowed(broker) == [True, True]

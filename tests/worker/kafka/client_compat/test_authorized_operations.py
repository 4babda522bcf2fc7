"""Brokers that do not tell what a user may do; what those that do tell is tested on a real one."""

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from triage_worker.kafka.client_compat.authorized_operations import (
    GroupOperationsRequest,
    TopicOperationsRequest,
    topic_operations,
)

from tests.worker.kafka.client_compat.scripted_broker import TOPIC, scripted_broker


async def test_an_older_broker_does_not_tell() -> None:
    async with scripted_broker() as broker:
        admin = AIOKafkaAdminClient(bootstrap_servers=broker.address)
        await admin.start()
        try:
            assert await topic_operations(admin, [TOPIC]) is None
        finally:
            await admin.close()


def test_the_requests_have_the_versions_that_ask_for_rights() -> None:
    topics = TopicOperationsRequest(["topic"]).prepare({TopicOperationsRequest.API_KEY: (0, 13)})
    assert (topics.API_VERSION, topics.RESPONSE_TYPE.API_VERSION, topics.topics) == (8, 8, ["topic"])
    assert (topics.allow_auto_topic_creation, topics.include_topic_authorized_operations) == (False, True)
    groups = GroupOperationsRequest(["group"], True).prepare({GroupOperationsRequest.API_KEY: (0, 6)})
    assert (groups.API_VERSION, groups.RESPONSE_TYPE.API_VERSION) == (3, 3)
    assert groups.include_authorized_operations is True


def test_brokers_without_them_are_asked_nothing() -> None:
    with pytest.raises(NotImplementedError):
        TopicOperationsRequest(["topic"]).prepare({TopicOperationsRequest.API_KEY: (0, 7)})
    with pytest.raises(NotImplementedError):
        GroupOperationsRequest(["group"], True).prepare({GroupOperationsRequest.API_KEY: (0, 2)})

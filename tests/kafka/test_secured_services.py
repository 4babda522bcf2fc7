"""Moving a group past the records of other tests, which all tests of one broker share."""

from collections.abc import Collection

import pytest
from aiokafka import AIOKafkaConsumer
from aiokafka.structs import TopicPartition

from tests.kafka import admin
from tests.kafka.harness import Record
from tests.kafka.secured_services import SecuredServices

pytestmark = pytest.mark.kafka

RECORDS: list[Record] = [(b"k", b"v", []), (b"k", b"v", [])]


async def test_a_group_is_moved_although_the_consumer_knows_where_it_was(
    services: SecuredServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    end_offsets = AIOKafkaConsumer.end_offsets

    async def after_position(
        client: AIOKafkaConsumer, partitions: Collection[TopicPartition]
    ) -> dict[TopicPartition, int]:
        for partition in partitions:
            await client.position(partition)
        return await end_offsets(client, partitions)

    bootstrap, partition = services.kafka.bootstrap, TopicPartition("skipped", 0)
    await admin.create_topics(bootstrap, [partition.topic], 1, 1, {})
    await services.kafka.send(partition.topic, RECORDS)
    async with AIOKafkaConsumer(
        bootstrap_servers=bootstrap, group_id="triage-skipping", enable_auto_commit=False
    ) as consumer:
        consumer.assign([partition])
        await consumer.commit({partition: 0})
        monkeypatch.setattr(AIOKafkaConsumer, "end_offsets", after_position)
        await services.skip("skipping", partition.topic)
        assert await consumer.committed(partition) == len(RECORDS)

"""What an administrator does to topics and partitions while others use them."""

import random
from collections.abc import AsyncIterator, Container, Iterable, Mapping
from contextlib import asynccontextmanager

from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, NewTopic, RecordsToDelete
from aiokafka.protocol.admin import AlterPartitionReassignmentsRequest
from aiokafka.structs import TopicPartition

from tests.kafka.processes import eventually

Tags = dict[int, bytes]
"""A request's tagged fields, by number."""


@asynccontextmanager
async def administrator(bootstrap: str) -> AsyncIterator[AIOKafkaAdminClient]:
    """An admin client, for as long as the block lasts."""
    client = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await client.start()
    try:
        yield client
    finally:
        await client.close()


async def create(
    bootstrap: str,
    topics: Iterable[str],
    partitions: int = 3,
    replicas: int = 1,
    configs: Mapping[str, Mapping[str, str]] | None = None,
) -> None:
    """Make topics, as soon as those of the same name that are being deleted are gone.

    Args:
        bootstrap: the servers.
        topics: their names.
        partitions: of each.
        replicas: of each partition.
        configs: of topics, by their names.
    """
    new = [NewTopic(topic, partitions, replicas, topic_configs=(configs or {}).get(topic, {})) for topic in topics]
    async with administrator(bootstrap) as client:

        async def made() -> bool:
            response = await client.create_topics(new)
            return all(code == 0 for _, code, *_ in response.topic_errors)

        await eventually(made, 30)


async def delete(bootstrap: str, topic: str) -> None:
    """Delete a topic, and wait until it is gone."""
    async with administrator(bootstrap) as client:
        await client.delete_topics([topic])

        async def gone() -> bool:
            return topic not in await client.list_topics()

        await eventually(gone, 30)


async def grow(bootstrap: str, topic: str, partitions: int) -> None:
    """Have a topic so many partitions in all, and wait until whoever asks is told of them."""
    async with administrator(bootstrap) as client:
        await client.create_partitions({topic: NewPartitions(partitions)})

        async def there() -> bool:
            (described,) = await client.describe_topics([topic])
            return len(described["partitions"]) == partitions

        await eventually(there, 30)


async def delete_before(bootstrap: str, partition: TopicPartition, offset: int) -> None:
    """Delete the records of a partition up to an offset, as retention would."""
    async with administrator(bootstrap) as client:
        await client.delete_records({partition: RecordsToDelete(before_offset=offset)})


async def in_sync(bootstrap: str) -> None:
    """Wait until every partition of every topic has all its replicas in sync."""
    async with administrator(bootstrap) as client:

        async def all_in_sync() -> bool:
            return all(
                len(partition["isr"]) == len(partition["replicas"])
                for topic in await client.describe_topics()
                for partition in topic["partitions"]
            )

        await eventually(all_in_sync, 60)


async def move_leaders(bootstrap: str, dice: random.Random, *, spared: Container[str] = ()) -> None:
    """Give all partitions their replicas in another order, and one in three a replica less than there are brokers.

    Topics that are ``spared`` stay as they are.

    The first replica is the preferred leader, which the controller elects when it looks next
    (``leader.imbalance.check.interval.seconds``). A leader that is left out has to go at once.
    """
    async with administrator(bootstrap) as client:
        nodes = sorted(node["node_id"] for node in (await client.describe_cluster())["brokers"])
        moves: list[tuple[str, list[tuple[int, list[int], Tags]], Tags]] = [
            (
                topic["topic"],
                [
                    (partition["partition"], dice.sample(nodes, len(nodes) - (dice.random() < 1 / 3)), {})
                    for partition in topic["partitions"]
                ],
                {},
            )
            for topic in await client.describe_topics()
            if topic["topic"] not in spared
        ]
        response = await client._send_to_controller(AlterPartitionReassignmentsRequest(10_000, moves, {}))
        codes = [code for _, partitions, _ in response.responses for _, code, *_ in partitions]
        assert {response.error_code, *codes} == {0}, response


async def leaders(bootstrap: str, topic: str) -> list[int]:
    """Who leads each partition of a topic."""
    async with administrator(bootstrap) as client:
        (described,) = await client.describe_topics([topic])
        return [partition["leader"] for partition in sorted(described["partitions"], key=lambda one: one["partition"])]

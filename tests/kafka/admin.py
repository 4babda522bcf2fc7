"""Changes that an administrator makes to topics and partitions while others use them."""

import random
from collections.abc import AsyncIterator, Container, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, NewTopic, RecordsToDelete
from aiokafka.protocol.admin import AlterPartitionReassignmentsRequest
from aiokafka.structs import TopicPartition

from tests.kafka.processes import eventually

Tags = dict[int, bytes]
"""The tagged fields of a request, by number."""


@asynccontextmanager
async def admin_client(bootstrap: str) -> AsyncIterator[AIOKafkaAdminClient]:
    """Open an admin client within the context."""
    client = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await client.start()
    try:
        yield client
    finally:
        await client.close()


async def create_topics(
    bootstrap: str,
    topics: Iterable[str],
    partitions: int = 3,
    replicas: int = 1,
    configs: Mapping[str, Mapping[str, str]] | None = None,
) -> None:
    """Create topics; waits for topics of the same name that are being deleted.

    Args:
        bootstrap: the servers.
        topics: their names.
        partitions: of each topic.
        replicas: of each partition.
        configs: of topics, by their names.
    """
    new = [NewTopic(topic, partitions, replicas, topic_configs=(configs or {}).get(topic, {})) for topic in topics]
    async with admin_client(bootstrap) as client:

        async def created() -> bool:
            response = await client.create_topics(new)
            return all(code == 0 for _, code, *_ in response.topic_errors)

        await eventually(created, 30)


async def delete_topic(bootstrap: str, topic: str) -> None:
    """Delete a topic, and wait until it is gone."""
    async with admin_client(bootstrap) as client:
        await client.delete_topics([topic])

        async def gone() -> bool:
            return topic not in await client.list_topics()

        await eventually(gone, 30)


async def set_partitions(bootstrap: str, topic: str, partitions: int) -> None:
    """Raise a topic's number of partitions, and wait until clients see them."""
    async with admin_client(bootstrap) as client:
        await client.create_partitions({topic: NewPartitions(partitions)})

        async def visible() -> bool:
            (described,) = await client.describe_topics([topic])
            return len(described["partitions"]) == partitions

        await eventually(visible, 30)


async def delete_records_before(bootstrap: str, partition: TopicPartition, offset: int) -> None:
    """Delete the records of a partition before an offset, as retention does."""
    async with admin_client(bootstrap) as client:
        await client.delete_records({partition: RecordsToDelete(before_offset=offset)})


async def wait_until_in_sync(bootstrap: str) -> None:
    """Wait until every partition of every topic has all its replicas in sync."""
    async with admin_client(bootstrap) as client:

        async def all_in_sync() -> bool:
            return all(
                len(partition["isr"]) == len(partition["replicas"])
                for topic in await client.describe_topics()
                for partition in topic["partitions"]
            )

        await eventually(all_in_sync, 60)


async def move_leaders(
    bootstrap: str, rng: random.Random, *, excluded: Container[str] = (), only: Container[str] | None = None
) -> None:
    """Shuffle the replicas of all partitions, and remove one replica of every third partition.

    The first replica is the preferred leader, which the controller elects at its next check
    (``leader.imbalance.check.interval.seconds``). A leader whose replica is removed is replaced at once.

    Args:
        bootstrap: the servers.
        rng: chooses.
        excluded: topics that stay as they are.
        only: topics that are moved; None for all others.
    """
    async with admin_client(bootstrap) as client:
        nodes = sorted(node["node_id"] for node in (await client.describe_cluster())["brokers"])
        moves: list[tuple[str, list[tuple[int, list[int], Tags]], Tags]] = [
            (
                topic["topic"],
                [
                    (partition["partition"], rng.sample(nodes, len(nodes) - (rng.random() < 1 / 3)), {})
                    for partition in topic["partitions"]
                ],
                {},
            )
            for topic in await client.describe_topics()
            if topic["topic"] not in excluded and (only is None or topic["topic"] in only)
        ]
        response = await client._send_to_controller(AlterPartitionReassignmentsRequest(10_000, moves, {}))
        codes = [code for _, partitions, _ in response.responses for _, code, *_ in partitions]
        assert {response.error_code, *codes} == {0}, response


async def place(bootstrap: str, topic: str, node: int) -> None:
    """Move all partitions of a topic to one broker, as their only replica, and wait until they are there."""
    async with admin_client(bootstrap) as client:
        (described,) = await client.describe_topics([topic])
        moves: list[Any] = [
            (topic, [(partition["partition"], [node], {}) for partition in described["partitions"]], {})
        ]
        response = await client._send_to_controller(AlterPartitionReassignmentsRequest(10_000, moves, {}))
        assert response.error_code == 0, response

        async def placed() -> bool:
            (described,) = await client.describe_topics([topic])
            return all([one["leader"], one["replicas"]] == [node, [node]] for one in described["partitions"])

        await eventually(placed, 60)


async def has_leader(bootstrap: str, topic: str, wanted: bool) -> bool:
    """Whether all partitions of a topic have a leader, or none has, by what is wanted."""
    async with admin_client(bootstrap) as client:
        (described,) = await client.describe_topics([topic])
        return all((partition["leader"] >= 0) is wanted for partition in described["partitions"])

"""Records and offsets that no coordinator knows of are decided by the partition's next owner, on a real broker.

The broker does not verify that a coordinator knows of a transaction, as before KIP-890. So a producer can leave the
same behind as a coordinator that has lost markers (`test_lost_markers`), in a second and on one broker.
"""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer

from tests.kafka import fault_environment
from tests.kafka.harness import KafkaHarness
from tests.kafka.partition_owner import COMMITTED, Partition

pytestmark = pytest.mark.kafka

SETTINGS = {"transaction.partition.verification.enable": "false"}


@pytest.fixture(scope="module")
def unverified(kafka_installed: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with fault_environment.running_cluster(tmp_path_factory.mktemp("kafka"), 1, SETTINGS) as (broker,):
        yield broker.bootstrap


@pytest.fixture
async def partition(unverified: str, tmp_path: Path) -> AsyncIterator[Partition]:
    """A partition whose owner has answered one message."""
    with KafkaHarness(unverified, tmp_path) as harness:
        await harness.create_topics(1)
        created = Partition(harness)
        async with created.owner() as producer:
            await producer.start()
            await created.answer(producer, COMMITTED - 1)
            await producer.commit_transaction()
        yield created


def hide_from_coordinator(producer: AIOKafkaProducer, partition: Partition) -> None:
    """Make a producer take its next transaction for one that the coordinator knows."""
    manager = producer._txn_manager
    assert manager is not None
    manager._txn_partitions.add(partition.output)
    manager._txn_consumer_group = partition.harness.group


async def leave_undecided(partition: Partition, offset: int) -> None:
    """Answer a message in a transaction that is never ended."""
    async with partition.owner() as producer:
        await producer.start()
        hide_from_coordinator(producer, partition)
        await partition.answer(producer, offset)


async def test_an_offset_and_its_outputs_are_decided_together(partition: Partition) -> None:
    await leave_undecided(partition, COMMITTED)
    assert await partition.committed() == COMMITTED
    async with partition.owner() as producer:
        assert await partition.last.start(producer)
        committed = await partition.committed()
        assert committed is not None
        for offset in range(committed, COMMITTED + 2):
            await partition.answer(producer, offset)
            await producer.commit_transaction()
    await expect_answers(partition, COMMITTED - 1, COMMITTED, COMMITTED + 1)


async def test_outputs_of_messages_that_are_read_again_are_aborted(partition: Partition) -> None:
    async with partition.owner() as producer:
        await producer.start()
        hide_from_coordinator(producer, partition)
        await producer.begin_transaction()
        await partition.publish(producer, COMMITTED)
    async with partition.owner() as producer:
        assert await partition.last.start(producer)
        assert await partition.committed() == COMMITTED
        await partition.answer(producer, COMMITTED)
        await producer.commit_transaction()
    await expect_answers(partition, COMMITTED - 1, COMMITTED)


async def test_outputs_of_messages_that_are_not_read_again_are_committed(partition: Partition) -> None:
    async with partition.owner() as producer:
        await producer.start()
        hide_from_coordinator(producer, partition)
        await producer.begin_transaction()
        await partition.publish(producer, COMMITTED - 1)
    async with partition.owner() as producer:
        assert await partition.last.start(producer)
    await expect_answers(partition, COMMITTED - 1, COMMITTED - 1)


async def test_a_client_that_only_starts_a_producer_commits_them_with_its_next_transaction(
    partition: Partition,
) -> None:
    await leave_undecided(partition, COMMITTED)
    async with partition.owner() as producer:
        await producer.start()
        await partition.answer(producer, COMMITTED)
        await producer.commit_transaction()
    await expect_answers(partition, COMMITTED - 1, COMMITTED, COMMITTED)


async def expect_answers(partition: Partition, *offsets: int) -> None:
    """Verify which messages are answered, as readers see it, and that nothing is undecided."""
    answers = await partition.answers()
    assert [int(one.rpartition(b":")[2]) for one in answers] == list(offsets)
    async with partition.owner() as producer:
        assert not await partition.last.start(producer)

"""Sets the lag of a consumer group: messages are written, and offsets committed, without a worker."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiokafka import AIOKafkaConsumer
from aiokafka.structs import TopicPartition
from triage_worker.kafka.client_compat.patches import apply_patches

from tests.kafka.harness import KafkaHarness, message


class GroupLag:
    """The lag of a harness's group on its input topic.

    Args:
        harness: whose topic and group it is; the group has no members.
        consumer: a started consumer of the group, without a subscription.
        partitions: of the topic.
    """

    def __init__(self, harness: KafkaHarness, consumer: AIOKafkaConsumer, partitions: list[TopicPartition]) -> None:
        self._harness = harness
        self._consumer = consumer
        self._partitions = partitions

    async def add(self, messages: int) -> None:
        """Write messages, spread over all partitions."""
        await self._harness.produce((f"chat-{number}".encode(), message("hello")) for number in range(messages))

    async def clear(self) -> None:
        """Commit the end of all partitions."""
        await self._consumer.commit(await self._consumer.end_offsets(self._partitions))

    async def now(self) -> int:
        """Return the lag: ends minus committed offsets; a partition without a commit counts from 0."""
        ends = await self._consumer.end_offsets(self._partitions)
        committed = [await self._consumer.committed(partition) or 0 for partition in self._partitions]
        return sum(ends.values()) - sum(committed)


@asynccontextmanager
async def lag_of(harness: KafkaHarness, partitions: int) -> AsyncIterator[GroupLag]:
    """Control the lag of the harness's group within the context; the topic exists."""
    apply_patches()
    parts = [TopicPartition(harness.input, number) for number in range(partitions)]
    consumer = AIOKafkaConsumer(bootstrap_servers=harness.bootstrap, group_id=harness.group, enable_auto_commit=False)
    consumer.assign(parts)
    await consumer.start()
    try:
        yield GroupLag(harness, consumer, parts)
    finally:
        await consumer.stop()

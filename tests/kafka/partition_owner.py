"""The owner of an input partition, exactly once, without the rest of a worker: it answers messages by hand."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.structs import TopicPartition
from triage_worker.kafka.client_compat.producer import abandon
from triage_worker.streaming.delivery.last_transaction import LastTransaction

from tests.kafka.harness import KafkaHarness
from tests.records import headers_of

COMMITTED = 5
"""The offset that a group has committed when a test begins."""


class Partition:
    """An input partition, with one output topic that has one partition."""

    def __init__(self, harness: KafkaHarness) -> None:
        self.harness = harness
        self.source = TopicPartition(harness.input, 0)
        self.output = TopicPartition(harness.output, 0)
        self.last = LastTransaction([harness.output], harness.group, self.source)

    @asynccontextmanager
    async def owner(self) -> AsyncIterator[AIOKafkaProducer]:
        """A producer with the partition's id, not started."""
        producer = AIOKafkaProducer(
            bootstrap_servers=self.harness.bootstrap, transactional_id=f"{self.harness.group}-id", retry_backoff_ms=50
        )
        try:
            yield producer
        finally:
            await abandon(producer)

    async def answer(self, producer: AIOKafkaProducer, offset: int) -> None:
        """Answer one message in a transaction that is not ended."""
        await producer.begin_transaction()
        await self.publish(producer, offset)
        await producer.send_offsets_to_transaction({self.source: offset + 1}, self.harness.group)

    async def publish(self, producer: AIOKafkaProducer, offset: int) -> None:
        """Publish the answer of a message in the open transaction."""
        ce_id = f"triage.intent:{self.source.topic}:{self.source.partition}:{offset}".encode()
        await producer.send_and_wait(self.output.topic, b"answer", headers=[("ce_id", ce_id)])

    async def committed(self) -> int | None:
        """The offset that a consumer would start from."""
        async with AIOKafkaConsumer(bootstrap_servers=self.harness.bootstrap, group_id=self.harness.group) as consumer:
            offset: int | None = await consumer.committed(self.source)
            return offset

    async def answers(self) -> list[bytes]:
        """The ids of the answers that readers see."""
        return [headers_of(record)["ce_id"] for record in await self.harness.read(self.output.topic)]

"""How outputs reach the broker and offsets are committed: what both ways have in common."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.errors import (
    MessageSizeTooLargeError,
    RecordListTooLargeError,
)
from aiokafka.structs import RecordMetadata, TopicPartition
from triage_schemas.cloudevents import RecordHeaders

from triage_worker.streaming.tracking.offset_tracker import PartitionLedger
from triage_worker.streaming.tracking.output import Companion, Output

REFUSALS = (MessageSizeTooLargeError, RecordListTooLargeError)
"""Errors that are about the record itself: sending it again cannot help."""

MAX_REQUEST_BYTES = 64 * 1024 * 1024
"""Only the broker knows how large its topics' records may be, so the client does not guess below this."""

MAX_BATCH_BYTES = 64 * 1024


class Delivery(Protocol):
    """Publishes outputs and commits what they answer. All calls but `publish` belong to the consumer's life."""

    @property
    def outstanding(self) -> int:
        """Outputs given to `publish` that the broker does not have yet."""
        ...

    @property
    def waiting_s(self) -> float:
        """For how long the broker has not taken anything, while there was something to take."""
        ...

    @property
    def problem(self) -> str | None:
        """What went wrong last, until the broker takes something again."""
        ...

    def publish(self, outputs: Sequence[Output]) -> None:
        """Take outputs of one partition, in the order of their offsets."""
        ...

    async def run(self) -> None:
        """Work until cancelled."""
        ...

    def assigned(self, client: AIOKafkaConsumer, ledgers: Iterable[PartitionLedger[Output]]) -> None:
        """Begin with partitions; must not wait, since the group does."""
        ...

    async def settle(self) -> None:
        """Have everything published so far acknowledged and committed."""
        ...

    async def revoked(self, partitions: Iterable[TopicPartition]) -> None:
        """Let go of partitions, finished or not."""
        ...


async def send(producer: AIOKafkaProducer, output: Output) -> "asyncio.Future[Any]":
    """Hand an output to a producer; the future ends when the broker has it, and its companion if it has one.

    Raises:
        KafkaError: it could not even be handed over.
    """
    if output.value is None and output.key is None:
        return await _send_null(producer, output)
    future = await _send(producer, output)
    if output.companion is None:
        return future
    both: asyncio.Future[Any] = asyncio.gather(future, await _send(producer, output.companion))
    return both


async def _send(producer: AIOKafkaProducer, record: Output | Companion) -> "asyncio.Future[RecordMetadata]":
    return await producer.send(record.topic, value=record.value, key=record.key, headers=list(record.headers))


async def _send_null(producer: AIOKafkaProducer, output: Output) -> "asyncio.Future[Any]":
    partitions = sorted(await producer.partitions_for(output.topic))
    partition = partitions[output.offset % len(partitions)]
    return await send_null(producer, output.topic, partition, output.headers)


async def send_null(
    producer: AIOKafkaProducer, topic: str, partition: int, headers: RecordHeaders
) -> "asyncio.Future[Any]":
    """Send a record without key and value: aiokafka's `send` asserts against it, Kafka takes it."""
    batch = producer.create_batch()
    batch.append(key=None, value=None, timestamp=None, headers=list(headers))
    return await producer.send_batch(batch, topic, partition=partition)


async def until(condition: Callable[[], bool]) -> None:
    """Wait for a condition that nothing announces; only used where a partition or the process is being left."""
    while not condition():  # noqa: ASYNC110
        await asyncio.sleep(0.005)

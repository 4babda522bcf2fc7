"""Hands records to a producer, also those without key and value."""

import asyncio
from typing import Any

from aiokafka import AIOKafkaProducer
from triage_schemas.cloudevents import RecordHeaders


async def send_record(
    producer: AIOKafkaProducer,
    topic: str,
    *,
    key: bytes | None,
    value: bytes | None,
    headers: RecordHeaders,
    partition: int | None = None,
    spread: int = 0,
) -> "asyncio.Future[Any]":
    """Hand a record to a producer; the future ends when the broker has it.

    aiokafka's `send` asserts that key and value are not both null. Kafka takes such records, so they are sent by a
    batch of their own.

    Args:
        producer: a started producer.
        topic: where to.
        key: decides the partition where none is given.
        value: as bytes.
        headers: in order.
        partition: where to; None lets the key decide.
        spread: decides the partition of a record without key and value.

    Raises:
        KafkaError: the record could not be handed over.
    """
    if key is not None or value is not None:
        future: asyncio.Future[Any] = await producer.send(
            topic, value=value, key=key, partition=partition, headers=list(headers)
        )
        return future
    if partition is None:
        partitions = sorted(await producer.partitions_for(topic))
        partition = partitions[spread % len(partitions)]
    batch = producer.create_batch()
    batch.append(key=None, value=None, timestamp=None, headers=list(headers))
    sent: asyncio.Future[Any] = await producer.send_batch(batch, topic, partition=partition)
    return sent

"""Reads topics up to their current end, without a consumer group, for commands."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime

from aiokafka import AIOKafkaConsumer
from aiokafka.structs import ConsumerRecord, TopicPartition

from triage_worker.config.errors import TriageError
from triage_worker.config.settings import Settings
from triage_worker.kafka.client_compat.metadata import partitions as list_partitions
from triage_worker.kafka.clients import topic_consumer

POLL_MS = 500
SILENT_POLLS = 60
"""Polls in a row without a record after which a topic that has more counts as unreadable."""


@asynccontextmanager
async def open_reader(settings: Settings) -> AsyncIterator[AIOKafkaConsumer]:
    """Open a consumer of committed records without a group."""
    consumer = topic_consumer(settings)
    await consumer.start()
    try:
        yield consumer
    finally:
        await consumer.stop()


async def read_topic(
    consumer: AIOKafkaConsumer, topic: str, starts: Mapping[TopicPartition, int] | None = None
) -> AsyncIterator[Sequence[ConsumerRecord]]:
    """Read everything that is on a topic now, some records at a time; nothing if there is no such topic.

    Afterwards the consumer stands at that end, and gets what comes later.

    Args:
        consumer: a started consumer.
        topic: its name.
        starts: the offset at which each partition begins to be read; None reads from the beginning.

    Raises:
        TriageError: the broker stops returning records before the end.
    """
    partitions = await list_partitions(consumer, topic)
    if not partitions:
        return
    consumer.assign(partitions)
    # At once: otherwise the client looks for a position of its own, and may set it after this.
    await consumer.seek_to_beginning(*partitions)
    ends = await consumer.end_offsets(partitions)
    for place, offset in (starts or {}).items():
        consumer.seek(place, offset)
    silent = 0
    while open_partitions := [place for place in partitions if await consumer.position(place) < ends[place]]:
        fetched = await consumer.getmany(*open_partitions, timeout_ms=POLL_MS)
        silent = 0 if fetched else silent + 1
        if silent > SILENT_POLLS:
            raise TriageError(f"{topic} cannot be read to its end: see whether all brokers are up, then try again.")
        for partition, records in fetched.items():
            yield [record for record in records if record.offset < ends[partition]]
    for partition, end in ends.items():
        consumer.seek(partition, end)  # records behind the end may have been fetched, and left out above


async def offsets_of_last(consumer: AIOKafkaConsumer, topic: str, count: int) -> dict[TopicPartition, int]:
    """Return the offset of each partition from which about the last ``count`` records are; empty if there is no topic.

    Partitions give equally many, as far as they have them. Deleted records and the marks of transactions take offsets,
    too, so there may be fewer records.
    """
    partitions = await list_partitions(consumer, topic)
    begins = await consumer.beginning_offsets(partitions) if partitions else {}
    ends = await consumer.end_offsets(partitions) if partitions else {}
    return last_offsets(begins, ends, count)


def last_offsets(
    begins: Mapping[TopicPartition, int], ends: Mapping[TopicPartition, int], count: int
) -> dict[TopicPartition, int]:
    """Divide ``count`` records among partitions, so that those that have fewer leave more to the others."""
    starts: dict[TopicPartition, int] = {}
    left = count
    for position, place in enumerate(sorted(ends, key=lambda place: ends[place] - begins[place])):
        own = min(ends[place] - begins[place], -(-left // (len(ends) - position)))
        starts[place] = ends[place] - own
        left -= own
    return starts


async def offsets_since(consumer: AIOKafkaConsumer, topic: str, since: datetime) -> dict[TopicPartition, int]:
    """Return the offset of each partition at which the records begin that are not older than a time.

    Kafka's times begin in 1970; an earlier one means all records that have a time.
    """
    partitions = await list_partitions(consumer, topic)
    if not partitions:
        return {}
    found = await consumer.offsets_for_times(dict.fromkeys(partitions, max(0, int(since.timestamp() * 1000))))
    ends = await consumer.end_offsets(partitions)
    return {place: ends[place] if at is None else at.offset for place, at in found.items()}


async def read_record(consumer: AIOKafkaConsumer, partition: TopicPartition, offset: int) -> ConsumerRecord | None:
    """Read the record at an offset; None if the topic no longer has it."""
    if partition not in await list_partitions(consumer, partition.topic):
        return None
    consumer.assign([partition])
    consumer.seek(partition, offset)
    begin = (await consumer.beginning_offsets([partition]))[partition]
    end = (await consumer.end_offsets([partition]))[partition]
    if not begin <= offset < end:
        return None
    for _ in range(SILENT_POLLS):
        fetched = await consumer.getmany(partition, timeout_ms=POLL_MS, max_records=1)
        for record in fetched.get(partition, ()):
            return record if record.offset == offset else None
    return None

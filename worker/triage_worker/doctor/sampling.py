"""Reads the last records of topics, without a consumer group: nothing is committed, and nothing is written."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiokafka import AIOKafkaConsumer
from aiokafka.structs import ConsumerRecord, TopicPartition

from triage_worker.config.settings import Settings
from triage_worker.kafka.clients import topic_consumer
from triage_worker.kafka.topic_reader import POLL_MS, last_offsets

WIDER = 4
"""How many times as many offsets are read next, where records were deleted by compaction or aborted."""


@dataclass(slots=True)
class Sample:
    """The last records of a topic.

    Attributes:
        topic: its name.
        begins: the first offset of each partition.
        ends: the next offset of each partition, up to which all transactions are complete.
        records: by time, then by partition and offset.
        timed_out: whether there was no time to read as many as were asked for.
    """

    topic: str
    begins: Mapping[TopicPartition, int]
    ends: Mapping[TopicPartition, int]
    records: list[ConsumerRecord] = field(default_factory=list)
    timed_out: bool = False

    @property
    def offsets(self) -> int:
        """How many records the topic has, at most: deleted ones and the marks of transactions count, too."""
        return sum(self.ends[place] - self.begins[place] for place in self.ends)


FETCH_MAX_WAIT_MS = 50
"""A fetch that waits for new records holds up what is asked next, and none are waited for here."""


@asynccontextmanager
async def opened_consumer(settings: Settings) -> AsyncIterator[AIOKafkaConsumer]:
    """Open a consumer of committed records without a group."""
    consumer = topic_consumer(settings, fetch_max_wait_ms=FETCH_MAX_WAIT_MS)
    await consumer.start()
    try:
        yield consumer
    finally:
        await consumer.stop()


async def empty_sample(consumer: AIOKafkaConsumer, topic: str, partitions: Sequence[TopicPartition]) -> Sample:
    """Ask how many records a topic has, and read none.

    Raises:
        KafkaError: the broker refuses it, or does not answer.
    """
    begins = await consumer.beginning_offsets(partitions)
    return Sample(topic, begins, await consumer.end_offsets(partitions))


async def read_last(consumer: AIOKafkaConsumer, sample: Sample, count: int, timeout_s: float) -> None:
    """Read the last records of a topic: from the ends of all partitions backwards, until there are enough.

    Args:
        consumer: started, of committed records and without a group.
        sample: of the topic, to which the records are added.
        count: how many records to read, at most.
        timeout_s: after so many seconds, what was read is enough.

    Raises:
        KafkaError: the broker refuses it, or does not answer.
    """
    try:
        async with asyncio.timeout(timeout_s):
            await _read_backwards(consumer, sample, count)
    except TimeoutError:
        sample.timed_out = True
    sample.records.sort(key=lambda record: (record.timestamp, record.partition, record.offset))
    del sample.records[:-count]


async def _read_backwards(consumer: AIOKafkaConsumer, sample: Sample, count: int) -> None:
    uppers, wanted = dict(sample.ends), count
    consumer.assign(list(uppers))
    await consumer.seek_to_beginning(*uppers)  # otherwise the client looks for positions of its own
    while len(sample.records) < count and any(uppers[place] > sample.begins[place] for place in uppers):
        lowers = last_offsets(sample.begins, uppers, wanted)
        await _read_between(consumer, lowers, uppers, sample.records)
        uppers, wanted = lowers, wanted * WIDER


async def _read_between(
    consumer: AIOKafkaConsumer,
    lowers: Mapping[TopicPartition, int],
    uppers: Mapping[TopicPartition, int],
    records: list[ConsumerRecord],
) -> None:
    """Add what is between two offsets of each partition; the upper ones are no part of it."""
    places = [place for place in uppers if lowers[place] < uppers[place]]
    for place in places:
        consumer.seek(place, lowers[place])
    while places:
        fetched = await consumer.getmany(*places, timeout_ms=POLL_MS)
        for place, found in fetched.items():
            records += [record for record in found if lowers[place] <= record.offset < uppers[place]]
        places = [place for place in places if await consumer.position(place) < uppers[place]]

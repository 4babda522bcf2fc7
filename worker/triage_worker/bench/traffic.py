"""Sends messages and receives answers, as a customer's systems would: a backlog at once, or a steady rate."""

import asyncio
import random
import time
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from itertools import islice

import orjson
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition
from triage_schemas.channels import written_by
from triage_schemas.input.decoder import decode
from triage_schemas.messages.message import CustomerMessage, InputShape, Source

from triage_worker.config.errors import TriageError
from triage_worker.config.settings import Settings
from triage_worker.demo.sample_records import SampleRecord, sample_records
from triage_worker.kafka.clients import producer, topic_consumer

IDLE_TIMEOUT_S = 60.0
SHAPE = InputShape()

PART = 1_000_000
"""How many texts of a part may differ."""

SendTimes = dict[tuple[int, int], float]
"""When each message was sent, in seconds since the epoch, by its partition and offset."""


class Traffic:
    """A producer of the input topic and a consumer of the worker's output topics.

    Create it with `opened`. It reads from the outputs' end at that moment.

    Args:
        settings: the names of the topics.
        producer: a started producer.
        consumer: a started consumer, at the end of the output topics.
    """

    def __init__(self, settings: Settings, producer: AIOKafkaProducer, consumer: AIOKafkaConsumer) -> None:
        self._topic = settings.input_topic
        self._producer = producer
        self._consumer = consumer
        self._ahead: deque[tuple[ConsumerRecord, float]] = deque()

    @classmethod
    @asynccontextmanager
    async def opened(cls, settings: Settings, partitions: int) -> AsyncIterator["Traffic"]:
        """Connect to the topics of these settings; ``partitions`` is the number of partitions of each."""
        outputs = [
            getattr(settings, channel.setting) for channel in written_by("worker") if "worker" not in channel.optional
        ]
        assigned = [TopicPartition(topic, number) for topic in outputs for number in range(partitions)]
        consumer = topic_consumer(settings, fetch_max_wait_ms=settings.fetch_max_wait_ms)
        async with producer(settings) as sender, consumer:
            consumer.assign(assigned)
            await consumer.seek_to_end(*assigned)
            yield cls(settings, sender, consumer)

    async def send(self, messages: Sequence[SampleRecord]) -> None:
        """Send all messages at once; returns when the broker has acknowledged them."""
        for message in messages:
            await self._producer.send(self._topic, key=message.key, value=message.value)
        await self._producer.flush()

    async def all_answered(self, messages: int) -> float:
        """Read the next ``messages`` answers.

        Returns:
            When the last one was written, in seconds since the epoch.

        Raises:
            TriageError: no answer came for a minute.
        """
        written_ms: list[int] = [record.timestamp async for record, _ in self._answers(messages)]
        return max(written_ms) / 1000

    async def latencies(self, messages: Sequence[SampleRecord], per_second: float, seed: int) -> list[float]:
        """Send messages at random moments and measure how long their answers take.

        Args:
            messages: the messages to send.
            per_second: the mean rate.
            seed: seed of the random moments.

        Returns:
            Seconds from the sending of each message to the arrival of its answer here.
        """
        sent: SendTimes = {}
        sending = asyncio.create_task(self._send_at_rate(messages, per_second, random.Random(seed), sent))
        arrived = [(_origin(record), seen) async for record, seen in self._answers(len(messages))]
        await sending
        return [seen - sent[origin] for origin, seen in arrived]

    async def _send_at_rate(
        self, messages: Sequence[SampleRecord], per_second: float, chance: random.Random, sent: SendTimes
    ) -> None:
        at, unacknowledged = time.time(), []
        for message in messages:
            at += chance.expovariate(per_second)
            await asyncio.sleep(at - time.time())
            moment = time.time()
            future = await self._producer.send(self._topic, key=message.key, value=message.value)
            unacknowledged.append((future, moment))
        for future, moment in unacknowledged:
            metadata = await future
            sent[metadata.partition, metadata.offset] = moment

    async def _answers(self, messages: int) -> AsyncIterator[tuple[ConsumerRecord, float]]:
        """The next answers, each with the time of its arrival, in seconds since the epoch."""
        last = time.monotonic()
        for _ in range(messages):
            while not self._ahead:
                if time.monotonic() - last > IDLE_TIMEOUT_S:
                    raise TriageError(
                        f"The worker answered nothing for {IDLE_TIMEOUT_S:.0f} s: run `triage worker` and read its log."
                    )
                for records in (await self._consumer.getmany(timeout_ms=200)).values():
                    seen, last = time.time(), time.monotonic()
                    self._ahead.extend((record, seen) for record in records)
            yield self._ahead.popleft()


def _origin(record: ConsumerRecord) -> tuple[int, int]:
    """Partition and offset of the message that a record answers."""
    source = orjson.loads(record.value or b"")["source"]
    return source["partition"], source["offset"]


def sample(messages: int) -> tuple[list[SampleRecord], list[str]]:
    """The demo's messages that can be decoded, repeated as often as needed, and their texts."""
    decoded = ((record, decode(record.value, Source("", 0, 0), SHAPE)) for record in sample_records())
    readable = ((record, message.text) for record, message in decoded if isinstance(message, CustomerMessage))
    chosen = list(islice(readable, messages))
    return [record for record, _ in chosen], [text for _, text in chosen]


def sample_with_repeats(messages: int, repeats: float, part: int) -> tuple[list[SampleRecord], list[str]]:
    """The same messages, each text with a number of its own, except for those that repeat an earlier one.

    Args:
        messages: how many, at most `PART`.
        repeats: the probability, 0 to 1, that a message repeats the text of one before it in the same part. Which one
            is drawn from all messages so far, so what came often comes ever more often, as in a shop.
        part: no text of one part is in another.

    Raises:
        TriageError: there are too many messages.
    """
    if messages > PART:
        raise TriageError(f"{messages:,} messages cannot all have texts of their own: ask for at most {PART:,}.")
    chance = random.Random(part)
    records: list[SampleRecord] = []
    texts: list[str] = []
    for record, text in zip(*sample(messages), strict=True):
        again = bool(texts) and chance.random() < repeats
        texts.append(chance.choice(texts) if again else f"{text} #{PART * part + len(texts)}")
        value = {**orjson.loads(record.value or b"{}"), "text": texts[-1]}
        records.append(record._replace(value=orjson.dumps(value)))
    return records, texts

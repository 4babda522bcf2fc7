"""Messages in and answers out: a backlog at once, or a trickle, seen from where a customer's systems would see it."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from itertools import islice

import orjson
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition
from triage_schemas.input.decoder import decode
from triage_schemas.input.message import CustomerMessage, InputShape, Source

from triage_worker.config.errors import TriageError
from triage_worker.config.settings import Settings
from triage_worker.demo.sample import Letter, letters
from triage_worker.kafka.clients import producer, topic_consumer

SILENCE_S = 60.0
SHAPE = InputShape()


class Traffic:
    """A producer for the input topic and a consumer of the three outputs.

    Use `opened`. Everything is read from where the outputs end when it is opened.
    """

    def __init__(self, settings: Settings, producer: AIOKafkaProducer, consumer: AIOKafkaConsumer) -> None:
        self._topic = settings.input_topic
        self._producer = producer
        self._consumer = consumer

    @classmethod
    @asynccontextmanager
    async def opened(cls, settings: Settings, partitions: int) -> AsyncIterator["Traffic"]:
        """Connect to the topics of these settings, each of which has so many partitions."""
        outputs = (settings.output_topic, settings.fallback_topic, settings.dead_letter_topic)
        places = [TopicPartition(topic, number) for topic in outputs for number in range(partitions)]
        wait_ms = settings.fetch_max_wait_ms
        consumer = topic_consumer(settings, fetch_max_wait_ms=wait_ms)
        async with producer(settings) as sender, consumer:
            consumer.assign(places)
            await consumer.seek_to_end(*places)
            yield cls(settings, sender, consumer)

    async def send(self, messages: Sequence[Letter]) -> None:
        """Send all at once; returns when the broker has them."""
        for letter in messages:
            await self._producer.send(self._topic, key=letter.key, value=letter.value)
        await self._producer.flush()

    async def all_answered(self, messages: int) -> float:
        """Read so many answers, as a customer's systems would; returns when the last was written (seconds, epoch).

        Raises:
            TriageError: nothing came for a minute.
        """
        written_ms: list[int] = [record.timestamp async for record, _ in self._answers(messages)]
        return max(written_ms) / 1000

    async def latencies(self, messages: Sequence[Letter], per_second: float, seed: int) -> list[float]:
        """Send at a mean rate, at random moments; seconds from each message's sending to its answer's arrival here."""
        sent: dict[tuple[int, int], float] = {}
        sending = asyncio.create_task(self._trickle(messages, per_second, random.Random(seed), sent))
        arrived = [(_origin(record), seen) async for record, seen in self._answers(len(messages))]
        await sending
        return [seen - sent[origin] for origin, seen in arrived]

    async def _trickle(
        self, messages: Sequence[Letter], per_second: float, chance: random.Random, sent: dict[tuple[int, int], float]
    ) -> None:
        at, waiting = time.time(), []
        for letter in messages:
            at += chance.expovariate(per_second)
            await asyncio.sleep(at - time.time())
            moment = time.time()
            future = await self._producer.send(self._topic, key=letter.key, value=letter.value)
            waiting.append((future, moment))
        for future, moment in waiting:
            metadata = await future
            sent[metadata.partition, metadata.offset] = moment

    async def _answers(self, messages: int) -> AsyncIterator[tuple[ConsumerRecord, float]]:
        """The next answers, and when each was seen here."""
        left, moved = messages, time.monotonic()
        while left > 0:
            for records in (await self._consumer.getmany(timeout_ms=200)).values():
                seen, moved = time.time(), time.monotonic()
                left -= len(records)
                for record in records:
                    yield record, seen
            if time.monotonic() - moved > SILENCE_S:
                raise TriageError(
                    f"The worker answered nothing for {SILENCE_S:.0f} s: run `triage worker` and see what it says."
                )


def _origin(record: ConsumerRecord) -> tuple[int, int]:
    """The input's partition and offset that an answer is for."""
    source = orjson.loads(record.value or b"")["source"]
    return source["partition"], source["offset"]


def sample(messages: int) -> tuple[list[Letter], list[str]]:
    """Messages of the demo that can be read, over and over, and their texts."""
    readable = ((letter, decode(letter.value, Source("", 0, 0), SHAPE)) for letter in letters())
    chosen = list(islice(((one, read.text) for one, read in readable if isinstance(read, CustomerMessage)), messages))
    return [one for one, _ in chosen], [text for _, text in chosen]

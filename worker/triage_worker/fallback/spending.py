"""The log of the fallbacks' budget on Kafka: one partition of a topic of their own, dated by the broker's clock."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import NewTopic
from aiokafka.errors import KafkaError
from aiokafka.structs import RecordMetadata, TopicPartition

from triage_worker.config.settings import Settings
from triage_worker.fallback.budget import WINDOW_S, Window
from triage_worker.fallback.shared_budget import SharedBudget
from triage_worker.kafka import authorization as rights
from triage_worker.kafka import topics
from triage_worker.kafka.topic_reader import reader
from triage_worker.streaming.wiring import producer

PAUSE_S = 1.0
POLL_MS = 1_000
CONFIGS = {
    # By one clock: a process whose own is an hour ahead would end everybody's hour.
    "message.timestamp.type": "LogAppendTime",
    # What is older is of no use: it is kept long enough not to be missed, and cut off soon.
    "retention.ms": str(int(2_000 * WINDOW_S)),
    "segment.ms": str(int(1_000 * WINDOW_S)),
}


@asynccontextmanager
async def shared_budget(settings: Settings, window: Window) -> AsyncIterator[SharedBudget]:
    """A budget that all fallbacks of the group keep to; from what was spent within the last hour.

    Raises:
        TriageError: the log cannot be written and read; says what to change.
    """
    topic = f"{settings.group('fallback')}-spending"
    await _provide(settings, topic)
    with rights.required():
        async with producer(settings, enable_idempotence=settings.idempotence) as writer, reader(settings) as consumer:
            log = _Log(writer, consumer, TopicPartition(topic, 0))
            budget = SharedBudget(window, log)
            await log.catch_up(budget)
            following = asyncio.create_task(log.follow(budget), name="spending")
            try:
                yield budget
            finally:
                following.cancel()
                await asyncio.gather(following, return_exceptions=True)


async def _provide(settings: Settings, topic: str) -> None:
    async with topics.administrator(settings) as admin:
        if topic not in await admin.list_topics():
            replicas = min(topics.REPLICAS, len((await admin.describe_cluster())["brokers"]))
            await topics.create_on(admin, [NewTopic(topic, 1, replicas, topic_configs=CONFIGS)])


class _Log:
    """Entries in the order of one partition."""

    def __init__(self, writer: AIOKafkaProducer, consumer: AIOKafkaConsumer, place: TopicPartition) -> None:
        self._writer = writer
        self._consumer = consumer
        self._place = place
        self._unwritten: str | None = None
        self._unread: str | None = None
        self._telling: set[asyncio.Task[None]] = set()

    @property
    def problem(self) -> str | None:
        """What keeps it from being written or read; None when nothing does."""
        return self._unwritten or self._unread

    async def catch_up(self, budget: SharedBudget) -> None:
        """Read all that was written before, up to a first entry of our own, which says nothing.

        Raises:
            KafkaError: it cannot be written, or not be read.
        """
        last = (await self._put(b"{}")).offset
        self._consumer.assign([self._place])
        await self._consumer.seek_to_beginning(self._place)
        while await self._consumer.position(self._place) <= last:
            await self._read(budget)

    async def follow(self, budget: SharedBudget) -> None:
        """Read what everybody writes, until cancelled."""
        while True:
            try:
                await self._read(budget)
                self._unread = None
            except KafkaError as error:
                self._unread = f"what calls have cost cannot be read ({rights.told(error, 'Read')})"
                await asyncio.sleep(PAUSE_S)

    async def write(self, value: bytes) -> None:
        """Put an entry on the log, and try until it is there."""
        while True:
            try:
                await self._put(value)
            except KafkaError as error:
                self._unwritten = f"what a call may cost cannot be written down ({rights.told(error, 'Write')})"
                await asyncio.sleep(PAUSE_S)
            else:
                self._unwritten = None
                return

    def tell(self, value: bytes) -> None:
        """Put an entry on the log if that can be done; without it, what was set aside counts as spent."""
        task = asyncio.create_task(self._try(value))
        self._telling.add(task)
        task.add_done_callback(self._telling.discard)

    async def _try(self, value: bytes) -> None:
        with suppress(KafkaError):
            await self._put(value)

    async def _put(self, value: bytes) -> RecordMetadata:
        place = self._place
        return await self._writer.send_and_wait(place.topic, value, partition=place.partition)

    async def _read(self, budget: SharedBudget) -> None:
        for records in (await self._consumer.getmany(timeout_ms=POLL_MS)).values():
            for record in records:
                budget.read(record.value, record.timestamp / 1_000)

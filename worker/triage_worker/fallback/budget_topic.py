"""The Kafka topic that stores the shared budget's log: one partition, with timestamps of the broker."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.errors import KafkaError
from aiokafka.structs import RecordMetadata, TopicPartition

from triage_worker.config.settings import Settings
from triage_worker.fallback.budget import WINDOW_S, BudgetWindow
from triage_worker.fallback.shared_budget import SharedBudget
from triage_worker.kafka import authorization as rights
from triage_worker.kafka import topics
from triage_worker.kafka.client_compat.producer import abandon
from triage_worker.kafka.clients import producer
from triage_worker.kafka.topic_reader import open_reader

RETRY_S = 1.0
CLOSE_S = 0.5
"""How long the end of the service waits for entries to be stored, and then for requests to end."""

POLL_MS = 1_000
CONFIGS = {
    # One clock for all: a replica whose own clock is an hour ahead would end everybody's window.
    "message.timestamp.type": "LogAppendTime",
    # Entries older than the window are useless; twice its length leaves every reader enough time.
    "retention.ms": str(int(2_000 * WINDOW_S)),
    "segment.ms": str(int(1_000 * WINDOW_S)),
}


@asynccontextmanager
async def open_shared_budget(settings: Settings, window: BudgetWindow) -> AsyncIterator[SharedBudget]:
    """Open the budget of this consumer group, with everything that was spent within the last hour.

    The topic is created if it does not exist. It is read in the background as long as the context is open.

    Raises:
        TriageError: the topic cannot be written and read; says what to change.
    """
    topic = f"{settings.group('fallback')}-spending"
    await topics.create_internal(settings, topic, partitions=1, configs=CONFIGS)
    with rights.required():
        async with _writer(settings) as writer, open_reader(settings) as consumer:
            log = _TopicLog(writer, consumer, TopicPartition(topic, 0))
            budget = SharedBudget(window, log)
            await log.catch_up(budget)
            following = asyncio.create_task(log.follow(budget), name="budget topic")
            try:
                yield budget
            finally:
                following.cancel()
                await asyncio.gather(following, return_exceptions=True)


@asynccontextmanager
async def _writer(settings: Settings) -> AsyncIterator[AIOKafkaProducer]:
    """Open a producer. Its end does not wait for a broker that hangs: what is not stored then counts as spent."""
    writer = producer(settings)
    try:
        await writer.start()
        yield writer
    finally:
        try:
            with suppress(TimeoutError, KafkaError):
                async with asyncio.timeout(CLOSE_S):
                    await writer.flush()
        finally:  # also if the service is stopped again meanwhile
            await abandon(writer, CLOSE_S)


class _TopicLog:
    """A `BudgetLog` in one partition of a topic."""

    def __init__(self, writer: AIOKafkaProducer, consumer: AIOKafkaConsumer, partition: TopicPartition) -> None:
        self._writer = writer
        self._consumer = consumer
        self._partition = partition
        self._write_problem: str | None = None
        self._read_problem: str | None = None
        self._background: set[asyncio.Task[None]] = set()

    @property
    def problem(self) -> str | None:
        """Why the topic cannot be written or read at present; None if it can."""
        return self._write_problem or self._read_problem

    async def catch_up(self, budget: SharedBudget) -> None:
        """Apply everything that was stored before, up to an empty entry that is written here as a marker.

        Raises:
            KafkaError: the topic cannot be written or read.
        """
        last = (await self._send(b"{}")).offset
        self._consumer.assign([self._partition])
        await self._consumer.seek_to_beginning(self._partition)
        while await self._consumer.position(self._partition) <= last:
            await self._apply_next(budget)

    async def follow(self, budget: SharedBudget) -> None:
        """Apply the entries of all replicas until cancelled."""
        while True:
            try:
                await self._apply_next(budget)
                self._read_problem = None
            except KafkaError as error:
                self._read_problem = f"what calls have cost cannot be read ({rights.describe_error(error, 'Read')})"
                await asyncio.sleep(RETRY_S)

    async def append(self, entry: bytes) -> None:
        """Append an entry, and retry until it is stored."""
        while True:
            try:
                await self._send(entry)
            except KafkaError as error:
                self._write_problem = f"the cost of a call cannot be reserved ({rights.describe_error(error, 'Write')})"
                await asyncio.sleep(RETRY_S)
            else:
                self._write_problem = None
                return

    def append_in_background(self, entry: bytes) -> None:
        """Append an entry without waiting. If that fails, the reserved cost counts as spent."""
        task = asyncio.create_task(self._try_send(entry))
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    async def _try_send(self, entry: bytes) -> None:
        with suppress(KafkaError):
            await self._send(entry)

    async def _send(self, entry: bytes) -> RecordMetadata:
        return await self._writer.send_and_wait(self._partition.topic, entry, partition=self._partition.partition)

    async def _apply_next(self, budget: SharedBudget) -> None:
        for records in (await self._consumer.getmany(timeout_ms=POLL_MS)).values():
            for record in records:
                budget.apply(record.value, record.timestamp / 1_000)

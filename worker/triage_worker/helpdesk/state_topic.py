"""What the connector remembers: a compacted topic of its own with one partition, which all connectors of a group read.

Its name is that of the group, followed by ``-state``.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.errors import KafkaError
from aiokafka.structs import TopicPartition

from triage_worker.config.settings import Settings
from triage_worker.helpdesk.ownership import TicketRecord
from triage_worker.kafka import authorization as rights
from triage_worker.kafka import topics
from triage_worker.kafka.client_compat.metadata import partitions
from triage_worker.kafka.client_compat.producer import abandon
from triage_worker.kafka.clients import producer
from triage_worker.kafka.topic_reader import open_reader, read_topic

log = logging.getLogger(__name__)

POLL_MS = 500
RETRY_S = 1.0
CAUGHT_UP_S = 0.01
DAYS = 90
CONFIGS = {"cleanup.policy": "compact,delete", "retention.ms": str(DAYS * 86_400_000)}
"""A ticket that was not touched for so long is forgotten: all of its values then count as somebody else's."""

MAX_REMEMBERED = 1_000_000
"""The newest so many are held in memory."""


class StateTopic:
    """Values by key, on the topic and in memory.

    Args:
        settings: the connection and the consumer group.

    Attributes:
        topic: its name.
        problem: why it cannot be read at present; None if it can.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.topic = settings.helpdesk_state_topic
        self.problem: str | None = None
        self._values: dict[str, bytes] = {}
        self._reader: AIOKafkaConsumer | None = None
        self._writer: AIOKafkaProducer | None = None

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[None]:
        """Create the topic if there is none, read it to its end, and follow it as long as the context is open.

        Raises:
            TriageError: the topic cannot be created, read or written; says what to change.
        """
        await topics.create_internal(self._settings, self.topic, partitions=1, configs=CONFIGS)
        await topics.require_visible(self._settings, self.topic)
        writer = producer(self._settings)
        async with open_reader(self._settings) as reader:
            self._reader, self._writer = reader, writer
            with rights.required():
                while not await partitions(reader, self.topic):  # noqa: ASYNC110 (metadata has no event)
                    await asyncio.sleep(RETRY_S)  # it was created just now
                async for records in read_topic(reader, self.topic):
                    for record in records:
                        self.apply(record.key, record.value)
            try:
                await writer.start()
                following = asyncio.create_task(self._follow(reader), name="helpdesk state")
                try:
                    yield
                finally:
                    following.cancel()
                    await asyncio.gather(following, return_exceptions=True)
            finally:
                await abandon(writer)

    def get(self, key: str) -> bytes | None:
        """Return a value; None if there is none."""
        return self._values.get(key)

    def items(self, prefix: str) -> Iterator[tuple[str, bytes]]:
        """Yield the keys that begin with a prefix, without it, and their values."""
        for key, value in list(self._values.items()):
            if key.startswith(prefix):
                yield key.removeprefix(prefix), value

    async def put(self, key: str, value: bytes) -> None:
        """Store a value; returns when the broker has it. Retried until it has.

        Raises:
            ConfigError: the broker refuses this user the right to write.
        """
        assert self._writer is not None
        while True:
            try:
                with rights.required():
                    await self._writer.send_and_wait(self.topic, value, key=key.encode(), partition=0)
                break
            except KafkaError as error:
                log.warning("What the helpdesk has could not be stored", extra={"error": repr(error)})
                await asyncio.sleep(RETRY_S)
        self.apply(key.encode(), value)

    def apply(self, key: bytes | None, value: bytes | None) -> None:
        """Take over a record of the topic."""
        name = (key or b"").decode("utf-8", "replace")
        self._values.pop(name, None)  # the newest are last
        if value is not None:
            self._values[name] = value
        while len(self._values) > MAX_REMEMBERED:
            del self._values[next(iter(self._values))]

    async def catch_up(self) -> None:
        """Wait until everything that is on the topic now is known, also what other connectors wrote."""
        assert self._reader is not None
        place = TopicPartition(self.topic, 0)
        end = (await self._reader.end_offsets([place]))[place]
        while await self._reader.position(place) < end:  # noqa: ASYNC110 (positions have no event)
            await asyncio.sleep(CAUGHT_UP_S)

    async def _follow(self, reader: AIOKafkaConsumer) -> None:
        while True:
            try:
                fetched = await reader.getmany(timeout_ms=POLL_MS)
                self.problem = None
            except KafkaError as error:
                self.problem = f"what the helpdesk has cannot be read ({rights.describe_error(error, 'Read')})"
                await asyncio.sleep(RETRY_S)
                continue
            for records in fetched.values():
                for record in records:
                    self.apply(record.key, record.value)


class TicketRecordsTopic:
    """What is remembered of each ticket of one helpdesk, on a `StateTopic`.

    Args:
        state: the topic.
        helpdesk: the product, since ids of two products can be the same.
    """

    def __init__(self, state: StateTopic, helpdesk: str) -> None:
        self._state = state
        self._prefix = f"ticket:{helpdesk}:"

    def get(self, ticket_id: str) -> TicketRecord | None:
        """Return what is remembered of a ticket; None if nothing is."""
        value = self._state.get(self._prefix + ticket_id)
        return None if value is None else TicketRecord.load(value)

    async def put(self, ticket_id: str, record: TicketRecord) -> None:
        """Remember a ticket; returns when the broker has it."""
        await self._state.put(self._prefix + ticket_id, record.dump())

"""Reads topics into the state, without a consumer group: rows and offsets are one transaction."""

import asyncio
import logging
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from time import monotonic, time
from typing import Any

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError
from aiokafka.structs import ConsumerRecord, TopicPartition
from triage_schemas.input.registry.schema import UnreadableError

from triage_worker.config.errors import TriageError
from triage_worker.config.settings import Settings
from triage_worker.console.state.database import Database
from triage_worker.console.state.projection import Projection, ReadRecord
from triage_worker.console.state.projections import FROM_THE_BEGINNING
from triage_worker.console.state.retention import give_back, prune
from triage_worker.kafka.authorization import REFUSED, describe_error, refusal
from triage_worker.kafka.client_compat.metadata import partitions
from triage_worker.kafka.clients import topic_consumer
from triage_worker.kafka.event_reader import EventReader, opened_reader
from triage_worker.kafka.topic_reader import offsets_since

log = logging.getLogger(__name__)

POLL_MS = 500
MOST_RECORDS = 4_000
"""Records in one transaction: it must not keep a person's answer waiting."""

GATHER_S = 0.25
"""Pause after a full look at busy topics: fewer and larger transactions cost less."""

GATHER_FROM = 200
CHECK_S = 20.0
PRUNE_S = 60.0
RETRY_S = 2.0
LOOK_MS = 2_000
SAVE_OFFSET = "INSERT OR REPLACE INTO offsets (topic, partition, next) VALUES (?, ?, ?)"


class StateReader:
    """Follows some topics.

    Args:
        settings: the cluster, and the names of the topics.
        database: the state.
        projections: those of the topics to follow.
        prunes: whether this one also deletes old rows.
        forget: drops what projections keep in memory, when a transaction fails or the state is deleted.
        gathers: whether records may wait a moment, to be added together.

    Attributes:
        down: why it does not follow at present; None if it does.
        caught_up: whether what was on the topics at its start has been read.
    """

    def __init__(
        self,
        settings: Settings,
        database: Database,
        projections: Sequence[Projection],
        *,
        prunes: bool = False,
        forget: Callable[[], None] = lambda: None,
        gathers: bool = False,
    ) -> None:
        self._settings = settings
        self._database = database
        self._projections: Mapping[str, Projection] = {
            getattr(settings, projection.setting): projection for projection in projections
        }
        self._settings_of = {getattr(settings, one.setting): one.setting for one in projections}
        self._prunes = prunes
        self._forget = forget
        self._gathers = gathers
        self._has_followed = False
        self._trusted: set[TopicPartition] = set()
        self._applied = asyncio.Condition()
        self.down: str | None = "the topics are being read"
        self.caught_up = False

    async def run(self) -> None:
        """Follow until cancelled.

        Raises:
            ConfigError: this user may not read a topic, and has not read it before.
        """
        while True:
            try:
                await self._follow()
            except (KafkaError, TriageError) as error:
                if isinstance(error, REFUSED) and not self._has_followed:
                    raise refusal(error, "Read") from error
                self.down = describe_error(error, "Read") if isinstance(error, KafkaError) else str(error)
                log.warning("The topics are not followed at present", extra={"error": self.down})
                await asyncio.sleep(RETRY_S)

    async def wait_for(self, seen: Callable[[sqlite3.Connection], bool], timeout_s: float) -> bool:
        """Wait until the state is as a query says; returns False if it is not in time."""
        deadline = monotonic() + timeout_s
        while not await self._database.read(seen):
            left = deadline - monotonic()
            if left <= 0:
                return False
            async with self._applied:
                try:
                    await asyncio.wait_for(self._applied.wait(), min(left, 0.2))
                except TimeoutError:
                    continue
        return True

    async def _follow(self) -> None:
        wait_ms = self._settings.fetch_max_wait_ms
        consumer = topic_consumer(self._settings, fetch_max_wait_ms=wait_ms)
        try:
            async with opened_reader(self._settings, strict=True) as reader:
                await consumer.start()
                self._forget()
                ends = await self._assign(consumer)
                generation = self._database.generation
                checked_at, pruned_at = monotonic(), 0.0
                while generation == self._database.generation:
                    added = await self._add_next(consumer, reader, generation)
                    self._has_followed, self.down = True, None
                    if not self.caught_up:
                        self.caught_up = await _reached(consumer, ends)
                    if self._prunes and monotonic() - pruned_at > PRUNE_S:
                        await self._prune()
                        pruned_at = monotonic()
                    if monotonic() - checked_at > CHECK_S:
                        if await self._grown(consumer):
                            return
                        checked_at = monotonic()
                    if self._gathers and added > GATHER_FROM and self.caught_up:
                        await asyncio.sleep(GATHER_S)
        finally:
            await consumer.stop()

    async def _assign(self, consumer: AIOKafkaConsumer) -> dict[TopicPartition, int]:
        """Begin where the state ends, or where the days to show begin; returns the present ends."""
        places = [place for topic in self._projections for place in await partitions(consumer, topic)]
        if not places:
            consumer.assign([])
            return {}
        begins, ends = await consumer.beginning_offsets(places), await consumer.end_offsets(places)
        known = await self._database.read(_offsets)
        if await self._created_again(consumer, known, ends):
            log.warning("A topic was created again, so that the state is read again from the beginning")
            await self._database.forget_topics()
            known = {}
        starts = dict(begins)
        since = datetime.now(UTC) - timedelta(days=self._settings.console_days)
        for topic in self._projections:
            if self._settings_of[topic] not in FROM_THE_BEGINNING:
                starts |= await offsets_since(consumer, topic, since)
        consumer.assign(places)
        for place in places:  # at once: otherwise the client looks for a position of its own, and may set it after this
            consumer.seek(place, max(known.get(place, starts[place]), begins[place]))
        return dict(ends)

    async def _add_next(self, consumer: AIOKafkaConsumer, reader: EventReader, generation: int) -> int:
        """Add the next records; returns how many there were."""
        if not consumer.assignment():
            await asyncio.sleep(POLL_MS / 1000)
            return 0
        fetched = await consumer.getmany(timeout_ms=POLL_MS, max_records=MOST_RECORDS)
        records = [record for batch in fetched.values() for record in batch]
        if not records:
            return 0
        await reader.load(records)
        try:
            await self._database.write(lambda connection: self._apply(connection, reader, fetched, generation))
        except sqlite3.Error as error:
            self._forget()
            raise TriageError(f"The state {self._database.path} cannot be written ({error}).") from error
        async with self._applied:
            self._applied.notify_all()
        return len(records)

    def _apply(
        self,
        connection: sqlite3.Connection,
        reader: EventReader,
        fetched: Mapping[TopicPartition, Sequence[ConsumerRecord]],
        generation: int,
    ) -> None:
        if generation != self._database.generation:  # all was deleted meanwhile, and is read from the beginning
            return
        for place, records in fetched.items():
            projection = self._projections[place.topic]
            read = [_read(record, reader) for record in records]
            projection.apply(connection, [one for one in read if one is not None])
            connection.execute(SAVE_OFFSET, (place.topic, place.partition, records[-1].offset + 1))

    async def _grown(self, consumer: AIOKafkaConsumer) -> bool:
        """Whether there are partitions that are not read, or topics that were created again."""
        places = [place for topic in self._projections for place in await partitions(consumer, topic)]
        if set(places) != consumer.assignment():
            return True
        ends = await consumer.end_offsets(places) if places else {}
        return bool(self._beyond(await self._database.read(_offsets), ends) - self._trusted)

    def _beyond(self, known: Mapping[TopicPartition, int], ends: Mapping[TopicPartition, int]) -> set[TopicPartition]:
        """Return the partitions that end before what was read of them."""
        return {place for place, end in ends.items() if known.get(place, 0) > end}

    async def _created_again(
        self, consumer: AIOKafkaConsumer, known: Mapping[TopicPartition, int], ends: Mapping[TopicPartition, int]
    ) -> bool:
        """Whether a partition no longer has the record that was read last, and ends before it.

        The record is looked for, since the demo's broker gives ends that are too low. Of a compacted topic it may be
        gone; there, what is read again replaces what was read before.
        """
        self._trusted = set()
        for place in self._beyond(known, ends):
            last = known[place] - 1
            consumer.assign([place])
            consumer.seek(place, last)
            found = await consumer.getmany(place, timeout_ms=LOOK_MS, max_records=1)
            there = any(record.offset >= last for record in found.get(place, ()))
            if not there and self._settings_of[place.topic] not in FROM_THE_BEGINNING:
                return True
            self._trusted.add(place)
        return False

    async def _prune(self) -> None:
        now, days, rows = int(time() * 1000), self._settings.console_days, self._settings.console_rows
        await self._database.write(lambda connection: prune(connection, now, days, rows))
        await self._database.vacuum(give_back)


def _offsets(connection: sqlite3.Connection) -> dict[TopicPartition, int]:
    rows = connection.execute("SELECT topic, partition, next FROM offsets")
    return {TopicPartition(topic, partition): offset for topic, partition, offset in rows}


async def _reached(consumer: AIOKafkaConsumer, ends: Mapping[TopicPartition, int]) -> bool:
    for place, end in ends.items():
        if place in consumer.assignment() and await consumer.position(place) < end:
            return False
    return True


def _read(record: ConsumerRecord, reader: EventReader) -> ReadRecord | None:
    """Return a record with its fields; None if its value cannot be read. Dead letters are not read at all."""
    fields: Any = {}
    if record.value is not None and not _is_dead_letter(record):
        try:
            fields = reader.fields(record)
        except UnreadableError:
            return None
        if not isinstance(fields, dict):
            return None
    headers = record.headers
    return ReadRecord(record.topic, record.partition, record.offset, record.timestamp, record.key, headers, fields)


def _is_dead_letter(record: ConsumerRecord) -> bool:
    """Whether a record is no event: all events of Triage have a type."""
    return not any(name == "ce_type" for name, _ in record.headers)

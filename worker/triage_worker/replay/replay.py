"""Sends dead letters back to the topics that they were read from, each exactly once, however often it is run.

A dead letter and a marker that it was sent are written in one transaction. The markers are on a compacted topic. They
are read after the transactional producer has started: its start fences every other replay, so two replays cannot both
send the same dead letter.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.errors import KafkaError
from aiokafka.structs import TopicPartition

from triage_worker.config.errors import ConfigError, TriageError
from triage_worker.config.settings import Settings
from triage_worker.kafka.authorization import describe_error
from triage_worker.kafka.client_compat.producer import abandon
from triage_worker.kafka.clients import transactional_producer
from triage_worker.kafka.sending import send_record
from triage_worker.kafka.topic_reader import open_reader, read_record, read_topic
from triage_worker.kafka.topics import create_internal, require
from triage_worker.replay.dead_letter_record import DeadLetterRecord, Selection, parse_dead_letter

BATCH_SIZE = 500
SENT = b"sent"


class Kind(NamedTuple):
    """What dead letters are counted by: the topic that they were read from, and their code."""

    topic: str
    code: str


@dataclass(slots=True)
class Survey:
    """The selected records of the dead-letter topic, counted.

    Attributes:
        to_send: dead letters that were not sent before.
        sent: dead letters that were sent before.
        not_dead_letters: records that Triage did not write.
    """

    to_send: Counter[Kind] = field(default_factory=Counter)
    sent: Counter[Kind] = field(default_factory=Counter)
    not_dead_letters: int = 0


@dataclass(frozen=True, slots=True)
class ReplayResult:
    """The result of a replay.

    Attributes:
        sent: dead letters that were sent.
        lost: dead letters that carry only a part of their original, which no longer exists.
    """

    sent: int
    lost: int


def markers_topic(settings: Settings) -> str:
    """Return the topic of the markers."""
    return f"{settings.dead_letter_topic}.replayed"


async def survey(settings: Settings, selection: Selection) -> Survey:
    """Count the selected dead letters, without sending any.

    Raises:
        TriageError: the cluster cannot be reached, or a topic does not exist; the message says what to do.
    """
    await require(settings, {"dead_letter_topic": "Read"})
    try:
        async with open_reader(settings) as consumer:
            return await _survey(consumer, settings, selection)
    except KafkaError as error:
        raise TriageError(f"The dead letters could not be counted ({describe_error(error)}): try again.") from error


async def _survey(consumer: AIOKafkaConsumer, settings: Settings, selection: Selection) -> Survey:
    found = Survey()
    markers = await _read_markers(consumer, settings)
    seen: set[bytes] = set()
    async for records in read_topic(consumer, settings.dead_letter_topic):
        for dead_letter in map(parse_dead_letter, records):
            if dead_letter is None:
                found.not_dead_letters += 1
            elif selection.matches(dead_letter) and dead_letter.identity not in seen:
                seen.add(dead_letter.identity)
                counts = found.sent if dead_letter.identity in markers else found.to_send
                counts[Kind(dead_letter.source.topic, dead_letter.code)] += 1
    missing = sorted({kind.topic for kind in found.to_send} - await consumer.topics())
    if missing:
        raise TriageError(
            f"Some dead letters were read from {missing[0]}, which does not exist: select other topics with --topic."
        )
    return found


async def replay(settings: Settings, selection: Selection, progress: Callable[[int], None]) -> ReplayResult:
    """Send the selected dead letters that were not sent before.

    Args:
        settings: the connection, and the dead-letter topic.
        selection: which dead letters to send.
        progress: is called after each transaction with the number of dead letters in it.

    Raises:
        TriageError: the broker failed, or another replay started; the message says what to do.
    """
    if not settings.idempotence:
        raise ConfigError(
            "A replay needs transactions, so that each dead letter is sent once: set TRIAGE_IDEMPOTENCE=true."
        )
    await create_internal(settings, markers_topic(settings), partitions=1, configs={"cleanup.policy": "compact"})
    producer = transactional_producer(
        settings, f"{settings.transactional_id_prefix}-replay-{settings.dead_letter_topic}"
    )
    try:
        await producer.start()
        async with open_reader(settings) as dead_letters, open_reader(settings) as originals:
            return await _Replay(settings, selection, producer, dead_letters, originals, progress).run()
    except KafkaError as error:
        raise TriageError(
            f"The replay stopped ({describe_error(error)}): another replay may have started, or the broker failed. Run "
            f"it again: it sends what was not sent yet."
        ) from error
    finally:
        await abandon(producer)


@dataclass(frozen=True, slots=True)
class _Replay:
    settings: Settings
    selection: Selection
    producer: AIOKafkaProducer
    dead_letters: AIOKafkaConsumer
    originals: AIOKafkaConsumer
    progress: Callable[[int], None]

    async def run(self) -> ReplayResult:
        handled = await _read_markers(self.dead_letters, self.settings)
        pending: list[DeadLetterRecord] = []
        sent = lost = 0
        async for records in read_topic(self.dead_letters, self.settings.dead_letter_topic):
            for dead_letter in map(parse_dead_letter, records):
                if dead_letter is None or dead_letter.identity in handled or not self.selection.matches(dead_letter):
                    continue
                handled.add(dead_letter.identity)
                complete = dead_letter if dead_letter.complete else await self._restore(dead_letter)
                if complete is None:
                    lost += 1
                    self.progress(1)
                else:
                    pending.append(complete)
            while len(pending) >= BATCH_SIZE:
                sent += await self._send_batch(pending[:BATCH_SIZE])
                del pending[:BATCH_SIZE]
        if pending:
            sent += await self._send_batch(pending)
        return ReplayResult(sent, lost)

    async def _send_batch(self, dead_letters: Sequence[DeadLetterRecord]) -> int:
        """Send dead letters and their markers in one transaction, and return how many were sent."""
        async with self.producer.transaction():
            futures: list[asyncio.Future[Any]] = []
            for dead_letter in dead_letters:
                futures.append(await self._send(dead_letter))
                marker = self.producer.send(markers_topic(self.settings), key=dead_letter.identity, value=SENT)
                futures.append(await marker)
            await asyncio.gather(*futures)  # aiokafka commits a transaction even if some of its records failed
        self.progress(len(dead_letters))
        return len(dead_letters)

    async def _send(self, dead_letter: DeadLetterRecord) -> "asyncio.Future[Any]":
        """Send the original to its partition if that exists, so that its conversation stays on one partition."""
        topic, partition = dead_letter.source.topic, dead_letter.source.partition
        return await send_record(
            self.producer,
            topic,
            key=dead_letter.key,
            value=dead_letter.value,
            headers=dead_letter.headers,
            partition=partition if partition in await self.producer.partitions_for(topic) else None,
        )

    async def _restore(self, dead_letter: DeadLetterRecord) -> DeadLetterRecord | None:
        """Add what is missing from the original record; None if that no longer exists."""
        partition = TopicPartition(dead_letter.source.topic, dead_letter.source.partition)
        original = await read_record(self.originals, partition, dead_letter.source.offset)
        return None if original is None else dead_letter.restored(original)


async def _read_markers(consumer: AIOKafkaConsumer, settings: Settings) -> set[bytes]:
    markers = read_topic(consumer, markers_topic(settings))
    return {record.key async for records in markers for record in records if record.key is not None}

"""Dead letters go back to where they were read, once each, however often this is run.

A letter and a mark that it was sent are written in one transaction. The marks are on a compacted topic of their own.
They are read after the transactional producer has started, which fences any other replay, so that two at a time cannot
both send a letter.
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
from triage_worker.replay.dead_letter_record import Letter, Selection, read_letter

BATCH = 500
MARK = b"sent"


class Kind(NamedTuple):
    """What letters are counted by."""

    topic: str
    code: str


@dataclass(slots=True)
class Survey:
    """What is on the dead-letter topic, as far as it is meant.

    Attributes:
        to_send: letters that were not sent before.
        sent: letters that were.
        foreign: records that are no dead letters of ours.
    """

    to_send: Counter[Kind] = field(default_factory=Counter)
    sent: Counter[Kind] = field(default_factory=Counter)
    foreign: int = 0


@dataclass(frozen=True, slots=True)
class Sent:
    """What came of a replay; ``gone`` were too large for the dead-letter topic, and their originals are no more."""

    letters: int
    gone: int


def marks_topic(settings: Settings) -> str:
    """The topic of the marks that letters were sent."""
    return f"{settings.dead_letter_topic}.replayed"


async def survey(settings: Settings, selection: Selection) -> Survey:
    """Count the letters that are meant; writes nothing.

    Raises:
        TriageError: the cluster cannot be reached, or a topic is missing; says what to do.
    """
    await require(settings, {"dead_letter_topic": "Read"})
    try:
        async with open_reader(settings) as consumer:
            return await _survey(consumer, settings, selection)
    except KafkaError as error:
        raise TriageError(f"The dead letters could not be counted ({describe_error(error)}): try again.") from error


async def _survey(consumer: AIOKafkaConsumer, settings: Settings, selection: Selection) -> Survey:
    found = Survey()
    marks = await _marks(consumer, settings)
    seen: set[bytes] = set()
    async for records in read_topic(consumer, settings.dead_letter_topic):
        for letter in map(read_letter, records):
            if letter is None:
                found.foreign += 1
            elif selection.holds(letter) and letter.identity not in seen:
                seen.add(letter.identity)
                counts = found.sent if letter.identity in marks else found.to_send
                counts[Kind(letter.source.topic, letter.code)] += 1
    missing = sorted({kind.topic for kind in found.to_send} - await consumer.topics())
    if missing:
        raise TriageError(f"There are letters from {missing[0]}, which does not exist: leave them out by --topic.")
    return found


async def replay(settings: Settings, selection: Selection, progress: Callable[[int], None]) -> Sent:
    """Send the letters that are meant and were not sent before.

    Args:
        settings: where.
        selection: which.
        progress: is called with how many letters were done, after each transaction.

    Raises:
        TriageError: the broker failed, or another replay began; says what to do.
    """
    if not settings.idempotence:
        raise ConfigError("A replay needs transactions, so that a letter is sent once: set TRIAGE_IDEMPOTENCE=true.")
    await create_internal(settings, marks_topic(settings), partitions=1, configs={"cleanup.policy": "compact"})
    identity = f"{settings.transactional_id_prefix}-replay-{settings.dead_letter_topic}"
    sender = transactional_producer(settings, identity)
    try:
        await sender.start()
        async with open_reader(settings) as letters, open_reader(settings) as originals:
            return await _Replay(settings, selection, sender, letters, originals, progress).run()
    except KafkaError as error:
        raise TriageError(
            f"The replay stopped ({describe_error(error)}): another one may have begun, or the broker failed. Run it "
            f"again: it sends what is not sent yet."
        ) from error
    finally:
        await abandon(sender)


@dataclass(frozen=True, slots=True)
class _Replay:
    settings: Settings
    selection: Selection
    sender: AIOKafkaProducer
    letters: AIOKafkaConsumer
    originals: AIOKafkaConsumer
    progress: Callable[[int], None]

    async def run(self) -> Sent:
        done = await _marks(self.letters, self.settings)
        waiting: list[Letter] = []
        sent = gone = 0
        async for records in read_topic(self.letters, self.settings.dead_letter_topic):
            for letter in map(read_letter, records):
                if letter is None or letter.identity in done or not self.selection.holds(letter):
                    continue
                done.add(letter.identity)
                original = letter if letter.whole else await self._original(letter)
                if original is None:
                    gone += 1
                    self.progress(1)
                else:
                    waiting.append(original)
            while len(waiting) >= BATCH:
                sent += await self._transaction(waiting[:BATCH])
                del waiting[:BATCH]
        if waiting:
            sent += await self._transaction(waiting)
        return Sent(sent, gone)

    async def _transaction(self, letters: Sequence[Letter]) -> int:
        async with self.sender.transaction():
            futures: list[asyncio.Future[Any]] = []
            for letter in letters:
                futures.append(await self._send(letter))
                futures.append(await self.sender.send(marks_topic(self.settings), key=letter.identity, value=MARK))
            await asyncio.gather(*futures)  # aiokafka commits a transaction whose records failed
        self.progress(len(letters))
        return len(letters)

    async def _send(self, letter: Letter) -> "asyncio.Future[Any]":
        """To the partition that it was on, where there still is one: a conversation stays together."""
        topic = letter.source.topic
        partitions = await self.sender.partitions_for(topic)
        partition = letter.source.partition if letter.source.partition in partitions else None
        return await send_record(
            self.sender, topic, key=letter.key, value=letter.value, headers=letter.headers, partition=partition
        )

    async def _original(self, letter: Letter) -> Letter | None:
        partition = TopicPartition(letter.source.topic, letter.source.partition)
        record = await read_record(self.originals, partition, letter.source.offset)
        return None if record is None else letter.restored(record)


async def _marks(consumer: AIOKafkaConsumer, settings: Settings) -> set[bytes]:
    marks = read_topic(consumer, marks_topic(settings))
    return {record.key async for records in marks for record in records if record.key is not None}

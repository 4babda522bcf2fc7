"""Reads back the keys that a partition has had, without a consumer group."""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError
from aiokafka.structs import ConsumerRecord, TopicPartition

from triage_worker.intake.records import KEY, SOURCE
from triage_worker.intake.seen_keys import KeyedRecord, SeenKeys, key_hash
from triage_worker.resilience.backoff import RetryPolicy

log = logging.getLogger(__name__)

RETRY = RetryPolicy(first_s=0.2, longest_s=5.0)
POLL_MS = 500
SILENT_POLLS = 60
"""Polls in a row without a record after which reading begins anew."""


class UnreadableError(Exception):
    """The broker returns no records, although there are some."""


def keyed_record(record: ConsumerRecord) -> KeyedRecord | None:
    """Return what decides whether a record is a repetition; None if it has no source or no key."""
    headers = dict(record.headers)
    source, key = headers.get(SOURCE), headers.get(KEY)
    if not source or not key:
        return None
    return KeyedRecord(record.offset, record.timestamp, key_hash(_text(source), _text(key)))


class KeyHistory:
    """Fills `SeenKeys` from the records of partitions.

    Args:
        consumer: makes a consumer without a group; it is not started.
        window_ms: how long a key counts, in milliseconds.

    Attributes:
        problem: why keys cannot be read back at present; None if they can.
    """

    def __init__(self, consumer: Callable[[], AIOKafkaConsumer], window_ms: float) -> None:
        self._consumer = consumer
        self._window_ms = window_ms
        self.problem: str | None = None

    async def extend(
        self, seen: Mapping[TopicPartition, SeenKeys], firsts: Mapping[TopicPartition, ConsumerRecord]
    ) -> None:
        """Read on each partition up to its first record that is not decided; tries until it succeeds.

        Args:
            seen: what is known of each partition.
            firsts: the first record of each that is not decided.
        """
        failures = 0
        while True:
            try:
                await self._extend(seen, firsts)
            except (KafkaError, UnreadableError) as error:
                failures += 1
                self.problem = f"the keys of earlier messages cannot be read: {error!r}"
                log.warning("Keys of earlier messages are not read yet", extra={"error": repr(error)})
                await asyncio.sleep(RETRY.delay_s(failures))
            else:
                self.problem = None
                return

    async def _extend(
        self, seen: Mapping[TopicPartition, SeenKeys], firsts: Mapping[TopicPartition, ConsumerRecord]
    ) -> None:
        missing = {place: record for place, record in firsts.items() if seen[place].end != record.offset}
        if not missing:
            return
        consumer = self._consumer()
        await consumer.start()
        try:
            consumer.assign(list(missing))
            await self._seek(consumer, seen, missing)
            await _read(consumer, seen, {place: record.offset for place, record in missing.items()})
        finally:
            await consumer.stop()

    async def _seek(
        self,
        consumer: AIOKafkaConsumer,
        seen: Mapping[TopicPartition, SeenKeys],
        firsts: Mapping[TopicPartition, ConsumerRecord],
    ) -> None:
        """Go to where the knowledge of each partition ends, or to the beginning of its window."""
        begins = await consumer.beginning_offsets(list(firsts))
        unknown = {
            place: max(0, int(record.timestamp - self._window_ms))
            for place, record in firsts.items()
            if seen[place].end is None
        }
        found = await consumer.offsets_for_times(unknown) if unknown else {}
        for place, record in firsts.items():
            if place in unknown:
                at = found.get(place)
                start = record.offset if at is None else min(at.offset, record.offset)
                seen[place].start_at(max(start, begins[place]))
            consumer.seek(place, max(seen[place].end or 0, begins[place]))


async def _read(
    consumer: AIOKafkaConsumer, seen: Mapping[TopicPartition, SeenKeys], ends: Mapping[TopicPartition, int]
) -> None:
    silent = 0
    while unfinished := [place for place, end in ends.items() if await consumer.position(place) < end]:
        fetched = await consumer.getmany(*unfinished, timeout_ms=POLL_MS)
        silent = 0 if fetched else silent + 1
        if silent > SILENT_POLLS:
            raise UnreadableError(f"{unfinished[0].topic}: no record for {SILENT_POLLS * POLL_MS / 1_000:.0f} s")
        for place, records in fetched.items():
            add_all(seen[place], [record for record in records if record.offset < ends[place]])
    for place, end in ends.items():
        seen[place].skip(end)


def add_all(seen: SeenKeys, records: Sequence[ConsumerRecord]) -> None:
    """Add records of the past to what is known."""
    for record in records:
        found = keyed_record(record)
        if found is not None and (seen.end is None or found.offset >= seen.end):
            seen.add(found)


def _text(value: bytes) -> str:
    return value.decode("utf-8", "replace")

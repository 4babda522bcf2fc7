"""The second step: sends each message on once, in the transaction that commits the offset of its record.

A partition has one owner, and all records with the same key are in one partition. So it is enough to know which keys
the partition had before; they are read back from the partition itself when it is assigned.
"""

import asyncio
from collections import deque
from collections.abc import Mapping, Sequence
from time import monotonic

from aiokafka.structs import ConsumerRecord, TopicPartition

from triage_worker.intake.key_history import KeyHistory, keyed_record
from triage_worker.intake.records import SOURCE
from triage_worker.intake.seen_keys import SeenKeys
from triage_worker.streaming.processor import MessageProcessor
from triage_worker.streaming.tracking.dead_letters import DeadLetters
from triage_worker.streaming.tracking.in_flight import InFlightMessages, TrackedRecords
from triage_worker.streaming.tracking.offset_tracker import PartitionTracker
from triage_worker.streaming.tracking.output import Output, skipped

REPEATED = "repeated"
"""What repetitions are counted by."""

BAD_RECORD = "bad_event"
"""The code of a record that the intake did not write."""


class IntakeProcessor(MessageProcessor):
    """Decides for each record whether it is sent on.

    Args:
        topics: where the messages of each source go, by its name.
        history: reads back the keys of partitions.
        window_ms: how long a key counts, in milliseconds.
        dead_letters: makes the output of a record that cannot be sent on.
        in_flight: where outputs are completed.
    """

    def __init__(
        self,
        topics: Mapping[str, str],
        history: KeyHistory,
        window_ms: float,
        dead_letters: DeadLetters,
        in_flight: InFlightMessages,
    ) -> None:
        self._topics = topics
        self._history = history
        self._window_ms = window_ms
        self._dead_letters = dead_letters
        self._in_flight = in_flight
        self._seen: dict[TopicPartition, SeenKeys] = {}
        self._known: set[PartitionTracker[Output]] = set()
        self._queue: deque[TrackedRecords] = deque()
        self._arrival = asyncio.Event()
        self._paused = False
        self._reading_since: float | None = None
        self._task: asyncio.Future[None] | None = None

    def start(self) -> "asyncio.Future[None]":
        """Start deciding."""
        self._task = asyncio.ensure_future(self._run())
        return self._task

    def close(self) -> None:
        """Stop deciding."""
        if self._task is not None:
            self._task.cancel()

    async def process(self, batch: Sequence[TrackedRecords]) -> None:
        """Queue records; those of a new assignment wait until the keys before them are known."""
        self._queue.extend(batch)
        self._arrival.set()

    def pause(self) -> None:
        """Drop what is queued."""
        self._paused = True
        self._queue.clear()

    def resume(self) -> None:
        """Continue after `pause`."""
        self._paused = False

    @property
    def idle(self) -> bool:
        """Whether nothing runs: what is read back belongs to nobody yet."""
        return True

    @property
    def longest_run_s(self) -> float:
        """Reading back may take as long as the broker is away."""
        return 0.0

    @property
    def down(self) -> str | None:
        """Why nothing is sent on at present."""
        return self._history.problem

    @property
    def reading_s(self) -> float:
        """For how many seconds the keys of earlier messages have been read back."""
        return 0.0 if self._reading_since is None else monotonic() - self._reading_since

    @property
    def keys(self) -> int:
        """Keys that are remembered."""
        return sum(map(len, self._seen.values()))

    async def _run(self) -> None:
        while True:
            await self._arrival.wait()
            self._arrival.clear()
            while self._queue:
                batch = [tracked for tracked in self._queue if tracked.tracker.active]
                self._queue.clear()
                await self._read_back(batch)
                if not self._paused:
                    self._decide_all(batch)

    async def _read_back(self, batch: Sequence[TrackedRecords]) -> None:
        """Get to know the keys before the first record of each new assignment."""
        firsts: dict[TopicPartition, ConsumerRecord] = {}
        self._known = {tracker for tracker in self._known if tracker.active}
        for tracker, records in batch:
            if tracker in self._known or tracker.partition in firsts:
                continue
            first = records[0]
            seen = self._seen.setdefault(tracker.partition, SeenKeys(self._window_ms))
            seen.rewind(first.offset)
            firsts[tracker.partition] = first
        if not firsts:
            return
        self._reading_since = monotonic()
        try:
            await self._history.extend(self._seen, firsts)
        finally:
            self._reading_since = None
        self._known |= {tracker for tracker, _ in batch if tracker.active}

    def _decide_all(self, batch: Sequence[TrackedRecords]) -> None:
        outputs = [
            self._decide(tracker, record)
            for tracker, records in batch
            if tracker.active and tracker in self._known
            for record in records
        ]
        self._in_flight.complete(outputs)

    def _decide(self, tracker: PartitionTracker[Output], record: ConsumerRecord) -> Output:
        known = keyed_record(record)
        if known is None or record.value is None:
            reason = "the record was not written by the intake: it has no source, no key or no value"
            return self._dead_letters.output(tracker, record, BAD_RECORD, reason)
        if self._seen[tracker.partition].add(known):
            return skipped(tracker, record, REPEATED)
        source = (dict(record.headers)[SOURCE] or b"").decode("utf-8", "replace")
        topic = self._topics.get(source)
        if topic is None:
            reason = f"the source {source[:100]!r} is not in TRIAGE_INTAKE_SOURCES: add it, and replay"
            return self._dead_letters.output(tracker, record, BAD_RECORD, reason)
        return Output(tracker, record, "accepted", source, topic, record.key, record.value, record.headers)

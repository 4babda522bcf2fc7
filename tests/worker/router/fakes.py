"""A fake broker and state store for the router, in memory, which simulate a crash."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from triage_schemas.cloudevents import RecordHeaders, event_headers
from triage_schemas.events import IntentEvent
from triage_worker.kafka.dead_letters import DeadLetterTopic
from triage_worker.kafka.records import OutgoingRecord
from triage_worker.router.interfaces import StateChange
from triage_worker.router.surge_service import SurgeService
from triage_worker.router.ticket_service import TicketService
from triage_worker.router.topics import RouterTopics

TOPICS = RouterTopics("intents", "tickets", "alerts", DeadLetterTopic("dlq"), "keyed", "counts")


class SimulatedCrash(Exception):  # noqa: N818 (it simulates the end of the process)
    """The process ends here."""


@dataclass
class FakeRecord:
    """A record as it was read."""

    offset: int
    key: bytes | None
    value: bytes | None
    headers: RecordHeaders | None = None
    topic: str = "intents"
    partition: int = 0


@dataclass
class FakeBroker:
    """What survives a crash of the router.

    Attributes:
        sent: the records that were sent.
        changelog: the state on the changelog.
        disk: the state on the disk, which may be ahead of the changelog.
        steps_left: after how many records the process crashes; None means never.
    """

    sent: list[OutgoingRecord] = field(default_factory=list)
    changelog: dict[tuple[int, bytes], bytes] = field(default_factory=dict)
    disk: dict[tuple[int, bytes], bytes] = field(default_factory=dict)
    steps_left: int | None = None

    async def send(self, records: Sequence[OutgoingRecord]) -> None:
        for record in records:
            self._step()
            self.sent.append(record)

    def get(self, partition: int, key: bytes) -> bytes | None:
        return self.disk.get((partition, key))

    async def write(self, changes: Sequence[StateChange]) -> None:
        for partition, key, value in changes:
            _apply(self.disk, (partition, key), value)
        for partition, key, value in changes:
            self._step()
            _apply(self.changelog, (partition, key), value)

    def values(self) -> Iterator[bytes]:
        return iter(list(self.disk.values()))

    def of(self, topic: str) -> list[OutgoingRecord]:
        return [record for record in self.sent if record.topic == topic]

    def _step(self) -> None:
        if self.steps_left is not None:
            if self.steps_left == 0:
                raise SimulatedCrash
            self.steps_left -= 1


def process_through_crashes(
    broker: FakeBroker,
    start: Callable[[FakeBroker], TicketService | SurgeService],
    records: Sequence[FakeRecord],
    crashes: Sequence[tuple[int, bool]],
    size: int,
) -> None:
    """Process records in batches, crash as planned, and start again each time with those that were not acknowledged.

    Args:
        broker: survives the crashes.
        start: makes a service with the state that the broker has.
        records: what to process.
        crashes: of each crash, after how many steps it comes, and whether the disk is lost.
        size: records of a batch.
    """
    acknowledged = 0
    for steps, disk_lost in [*crashes, (None, False)]:
        broker.steps_left = steps
        try:
            service = start(broker)
            while acknowledged < len(records):
                asyncio.run(service.process(records[acknowledged : acknowledged + size]))
                acknowledged += size
        except SimulatedCrash:
            if disk_lost:
                broker.disk = dict(broker.changelog)


def _apply(table: dict[tuple[int, bytes], bytes], key: tuple[int, bytes], value: bytes | None) -> None:
    if value is None:
        table.pop(key, None)
    else:
        table[key] = value


def intent_record(offset: int, event: IntentEvent, *, key: bytes | None = b"k", partition: int = 0) -> FakeRecord:
    """Make the record of an intent event, with the headers that the worker writes."""
    identity = f"{IntentEvent.TYPE}:in:0:{event.source.offset}"
    headers = event_headers(IntentEvent.TYPE, identity, "2026-01-05T09:00:00.000Z", event.message_id, [])
    return FakeRecord(offset, key, event.write(), headers, partition=partition)

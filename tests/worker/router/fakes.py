"""A broker and tables for the router, in memory, which crash when told to."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from triage_schemas.cloudevents import RecordHeaders, event_headers
from triage_schemas.events import IntentEvent
from triage_worker.router.records import Change, Outgoing
from triage_worker.router.topics import RouterTopics

TOPICS = RouterTopics("intents", "tickets", "alerts", "dlq", "keyed", "counts")


class Crash(Exception):  # noqa: N818 (an end, and no error)
    """The process dies here."""


@dataclass
class Read:
    """A record as it was read."""

    offset: int
    key: bytes | None
    value: bytes | None
    headers: RecordHeaders | None = None
    topic: str = "intents"
    partition: int = 0


@dataclass
class World:
    """What survives a crash: what the broker has. ``steps_left`` is after how many records the process dies."""

    sent: list[Outgoing] = field(default_factory=list)
    changelog: dict[tuple[int, bytes], bytes] = field(default_factory=dict)
    disk: dict[tuple[int, bytes], bytes] = field(default_factory=dict)
    steps_left: int | None = None

    async def send(self, outgoing: Sequence[Outgoing]) -> None:
        for record in outgoing:
            self._step()
            self.sent.append(record)

    def get(self, partition: int, key: bytes) -> bytes | None:
        return self.disk.get((partition, key))

    async def write(self, changes: Sequence[Change]) -> None:
        for partition, key, value in changes:
            _keep(self.disk, (partition, key), value)
        for partition, key, value in changes:
            self._step()
            _keep(self.changelog, (partition, key), value)

    def values(self) -> Iterator[bytes]:
        return iter(list(self.disk.values()))

    def of(self, topic: str) -> list[Outgoing]:
        return [record for record in self.sent if record.topic == topic]

    def _step(self) -> None:
        if self.steps_left is not None:
            if self.steps_left == 0:
                raise Crash
            self.steps_left -= 1


def _keep(table: dict[tuple[int, bytes], bytes], place: tuple[int, bytes], value: bytes | None) -> None:
    if value is None:
        table.pop(place, None)
    else:
        table[place] = value


def read(offset: int, event: IntentEvent, *, key: bytes | None = b"k", partition: int = 0) -> Read:
    """An intent as a record, with the headers that the worker writes."""
    identity = f"{IntentEvent.TYPE}:in:0:{event.source.offset}"
    headers = event_headers(IntentEvent.TYPE, identity, "2026-01-05T09:00:00.000Z", event.message_id, [])
    return Read(offset, key, event.write(), headers, partition=partition)

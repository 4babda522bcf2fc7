"""Fills the state of a console with events as they are on the topics, without a broker."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from triage_schemas.dead_letters import dead_letter_headers
from triage_schemas.events import (
    AlertEvent,
    AuditedDecision,
    Event,
    IntentEvent,
    LabelEvent,
    ModelRef,
    ReviewEvent,
    SourceRef,
    TicketEvent,
)
from triage_schemas.messages.message import Source
from triage_worker.config.settings import Settings
from triage_worker.console.state.database import Database
from triage_worker.console.state.projection import ReadRecord
from triage_worker.console.state.projections import Projections, all_projections
from triage_worker.kafka.event_reader import WITHOUT_REGISTRY
from triage_worker.kafka.records import OutgoingRecord

from tests.worker.fakes import record
from tests.worker.fallback.events import event

NOW = datetime(2026, 11, 30, 10, 0, tzinfo=UTC)
NOW_MS = int(NOW.timestamp() * 1000)
MODEL = ModelRef(name="ecommerce", version="1")


def intent(offset: int = 0, **more: Any) -> IntentEvent:
    """An accepted intent."""
    asked = event("", offset)
    fields = {name: getattr(asked, name) for name in IntentEvent.model_fields if hasattr(asked, name)}
    fields.pop("text")
    return IntentEvent(**(fields | {"intent": "WISMO", "confidence": 0.93, "classified_at": NOW} | more))


def request(text: str = "it never came", offset: int = 0, **more: Any) -> ReviewEvent:
    """A message that a person has to decide."""
    asked = event(text, offset)
    fields = {name: getattr(asked, name) for name in asked.model_fields_set}
    return ReviewEvent(**(fields | {"review_reason": "unsure"} | more))


def audit(text: str = "where is it", offset: int = 0, **more: Any) -> ReviewEvent:
    """A message that the audit asks about, whose intent was published."""
    asked = request(text, offset).model_dump(exclude={"reason"})
    about = {"audit": True, "audit_probability": 0.02, "audit_weight": 1.0, "threshold_version": 0}
    decided = {"intent": "WISMO", "confidence": 0.93, "review_reason": "audit"}
    return ReviewEvent(**(asked | about | decided | more))


def label(offset: int = 0, chosen: str = "WISMO", *, audited: bool | None = None, **more: Any) -> LabelEvent:
    """A person's label; ``audited`` says whether it agrees with the model, in an audit."""
    asked = event("it never came", offset)
    names = ("message_id", "conversation_id", "customer_id", "channel", "language", "metadata", "source", "text")
    fields: dict[str, Any] = {name: getattr(asked, name) for name in names}
    if audited is not None:
        decision = {"intent": "WISMO", "confidence": 0.93, "agreed": audited, "accepted": True, "probability": 0.02}
        known = {"weight": 1.0, "threshold": 0.8, "threshold_version": 0, "model": MODEL}
        fields["audited"] = AuditedDecision(**decision, **known)  # type: ignore[arg-type]
    return LabelEvent(**(fields | {"label": chosen, "decided_by": "human", "labelled_at": NOW} | more))


def ticket(ticket_id: str = "T-1", **more: Any) -> TicketEvent:
    """The state of a ticket."""
    fields: dict[str, Any] = {
        "ticket_id": ticket_id,
        "conversation_id": "c-1",
        "customer_id": "u-1",
        "event": "opened",
        "status": "open",
        "intent": "WISMO",
        "intents": ["WISMO"],
        "queue": "delivery",
        "priority": "normal",
        "tags": ["parcel"],
        "due_at": NOW + timedelta(hours=1),
        "messages": 1,
        "opened_at": NOW - timedelta(hours=2),
        "updated_at": NOW - timedelta(hours=1),
    }
    return TicketEvent(**(fields | more))


def surge(**more: Any) -> AlertEvent:
    """An alert about a surge."""
    fields: dict[str, Any] = {
        "alert_id": "a-1",
        "event": "started",
        "intent": "WISMO",
        "count": 50,
        "usual": 4.0,
        "examples": ["m-1"],
        "window_start": NOW - timedelta(minutes=15),
        "window_end": NOW,
    }
    return AlertEvent(**(fields | more))


class Topics:
    """Stands in for the topics: what is put on them is in the state at once.

    Args:
        settings: the names of the topics.
        database: the state.
    """

    def __init__(self, settings: Settings, database: Database) -> None:
        self.settings = settings
        self.database = database
        self.projections: Projections = all_projections(settings)
        self._offsets: dict[str, int] = {}
        self.sent: list[OutgoingRecord] = []
        self.away = False

    async def put(self, topic: str, records: Sequence[ReadRecord]) -> None:
        """Apply records, as one batch."""
        every = [*self.projections.people, *self.projections.traffic]
        projection = next(one for one in every if getattr(self.settings, one.setting) == topic)
        await self.database.write(lambda connection: projection.apply(connection, records))

    async def events(self, setting: str, *events: Event, at: datetime = NOW, key: bytes | None = b"c-1") -> None:
        """Put events on a topic."""
        topic = getattr(self.settings, setting)
        await self.put(topic, [self.read(topic, one.write(), [], at, _key(one, key)) for one in events])

    async def dead_letter(self, offset: int, code: str = "not_json", source_topic: str = "customer.messages") -> None:
        """Put a dead letter of the worker, or of another service, on its topic."""
        source = Source(source_topic, 0, offset)
        headers = dead_letter_headers([], source, code, "no JSON", "2026-11-30T10:00:00Z")
        topic = self.settings.dead_letter_topic
        await self.put(topic, [ReadRecord(topic, 0, self._next(topic), NOW_MS, None, headers, {})])

    async def send(self, records: Sequence[OutgoingRecord]) -> None:
        """Take what the console publishes: as `Publisher.send`, and as its reader would read it."""
        from triage_worker.console.shared.acts import NotPublishedError

        if self.away:
            raise NotPublishedError
        for one in records:
            self.sent.append(one)
            read = self.read(one.topic, one.value or b"", list(one.headers), datetime.now(UTC), one.key)
            await self.put(one.topic, [read])

    def read(self, topic: str, value: bytes, headers: list[Any], at: datetime, key: bytes | None) -> ReadRecord:
        """Return a record as the reader returns it."""
        offset = self._next(topic)
        fields = WITHOUT_REGISTRY.fields(record(_place(topic), offset, value, key=key))
        return ReadRecord(topic, 0, offset, int(at.timestamp() * 1000), key, headers, fields)

    def _next(self, topic: str) -> int:
        self._offsets[topic] = self._offsets.get(topic, -1) + 1
        return self._offsets[topic]


def _key(one: Event, key: bytes | None) -> bytes | None:
    return one.ticket_id.encode() if isinstance(one, TicketEvent) else key


def _place(topic: str) -> Any:
    from aiokafka.structs import TopicPartition

    return TopicPartition(topic, 0)


def source(offset: int) -> SourceRef:
    """The position of a customer's message."""
    return SourceRef(topic="customer.messages", partition=0, offset=offset)


class AppliedAtOnce:
    """Stands in for the reader of what people wait for."""

    down: str | None = None
    caught_up = True

    def __init__(self, database: Database) -> None:
        self._database = database

    async def wait_for(self, seen: Any, timeout_s: float) -> bool:
        """As `StateReader.wait_for`."""
        del timeout_s
        await asyncio.sleep(0)
        return bool(await self._database.read(seen))

"""A processor for messages whose answer is awaited, from a larger model or from a person, rather than computed."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Generic, Protocol, TypeVar

from aiokafka.structs import ConsumerRecord
from pydantic import ValidationError
from triage_schemas.events import MessageEvent
from triage_schemas.messages.message import NULL_VALUE
from triage_schemas.reading import UNREADABLE
from triage_schemas.validation import first_error

from triage_worker.kafka.event_reader import WITHOUT_REGISTRY, EventReader
from triage_worker.observability.logs import about
from triage_worker.observability.tracing import MessageSpan, Traces, begin, current, ids
from triage_worker.resilience.tasks import run_together
from triage_worker.streaming.processor import MessageProcessor
from triage_worker.streaming.schema_gate import SchemaGate
from triage_worker.streaming.tracking.dead_letters import DeadLetters
from triage_worker.streaming.tracking.in_flight import InFlightMessages, TrackedRecords
from triage_worker.streaming.tracking.offset_tracker import PartitionTracker
from triage_worker.streaming.tracking.output import Output

BAD_EVENT = "bad_event"

E = TypeVar("E", bound=MessageEvent)
V = TypeVar("V")
E_contra = TypeVar("E_contra", contravariant=True)
V_co = TypeVar("V_co", covariant=True)


@dataclass(slots=True, eq=False)
class PendingEvent(Generic[E]):
    """An event that waits for its decision, with the record it was read from."""

    tracker: PartitionTracker[Output]
    record: ConsumerRecord
    event: E
    span: MessageSpan | None = None


class NotAvailableError(Exception):
    """An event cannot be decided at present."""


class Decider(Protocol[E_contra, V_co]):
    """Decides one event at a time, for example by asking an LLM."""

    @property
    def down(self) -> str | None:
        """Why no event can be decided at present; None if events can be decided."""
        ...

    async def available(self) -> None:
        """Wait until events can be decided."""
        ...

    async def decide(self, event: E_contra) -> V_co:
        """Decide an event.

        Raises:
            NotAvailableError: it cannot be decided at present; it is decided again once the decider is available.
        """
        ...


class AsyncDecisionProcessor(MessageProcessor, Generic[E, V]):
    """Reads events of one type and has several of them decided at once.

    Args:
        kind: the type of the events.
        decider: decides an event.
        write: makes the output of a decision.
        dead_letters: makes the output of a record that is no such event.
        in_flight: where outputs are completed.
        concurrency: events that are decided at once.
        traces: makes the spans of messages; None makes none.
        reader: reads the events.
    """

    def __init__(
        self,
        kind: type[E],
        decider: Decider[E, V],
        write: Callable[[PendingEvent[E], V], Output],
        dead_letters: DeadLetters,
        in_flight: InFlightMessages,
        *,
        concurrency: int,
        traces: Traces | None = None,
        reader: EventReader = WITHOUT_REGISTRY,
    ) -> None:
        self._kind = kind
        self._decider = decider
        self._write = write
        self._dead_letters = dead_letters
        self._in_flight = in_flight
        self._concurrency = concurrency
        self._traces = traces
        self._reader = reader
        self._gate = None if reader.schemas is None else SchemaGate(reader.schemas, reader.frame, self._admit)
        self._waiting: deque[PendingEvent[E]] = deque()
        self._arrival = asyncio.Condition()
        self._paused = False
        self._running: dict[PendingEvent[E], float] = {}
        self._workers: asyncio.Future[None] | None = None

    def start(self) -> "asyncio.Future[None]":
        """Start deciding; the future fails when a decision fails unexpectedly."""
        self._workers = asyncio.ensure_future(self._run_workers())
        return self._workers

    def close(self) -> None:
        """Stop all work; pending decisions are dropped."""
        if self._workers is not None:
            self._workers.cancel()

    async def process(self, batch: Sequence[TrackedRecords]) -> None:
        """Queue records of assigned partitions; those whose schema is not there yet wait for it."""
        await (self._admit(batch) if self._gate is None else self._gate.process(batch))

    async def _admit(self, batch: Sequence[TrackedRecords]) -> None:
        for tracker, records in batch:
            for record in records:
                self._queue(tracker, record)
        async with self._arrival:
            self._arrival.notify_all()

    def pause(self) -> None:
        """Drop what is queued and start nothing until `resume`; pending decisions continue."""
        self._paused = True
        self._waiting.clear()
        if self._gate is not None:
            self._gate.drop()

    def resume(self) -> None:
        """Continue after `pause`; the workers wake up when the next events arrive."""
        self._paused = False

    @property
    def idle(self) -> bool:
        """Whether no decision is pending."""
        return not self._running

    @property
    def longest_run_s(self) -> float:
        """How many seconds the oldest decision has been pending."""
        started = list(self._running.values())
        return monotonic() - min(started) if started else 0.0

    @property
    def down(self) -> str | None:
        """Why no event can be decided at present; None if events can be decided."""
        return self._decider.down or (None if self._gate is None else self._gate.down)

    def _queue(self, tracker: PartitionTracker[Output], record: ConsumerRecord) -> None:
        span = begin(self._traces, record)
        if record.value is None:
            output = self._dead_letters.output(tracker, record, NULL_VALUE, "the value is null", span)
            self._in_flight.complete([output])
            return
        try:
            event = self._reader.read(self._kind, record)
        except ValidationError as error:
            output = self._dead_letters.output(tracker, record, BAD_EVENT, _describe(self._kind, error), span)
            self._in_flight.complete([output])
            return
        if span is not None:
            span.about(event.message_id)
        self._waiting.append(PendingEvent(tracker, record, event, span))

    async def _run_workers(self) -> None:
        await (self._decide() if self._gate is None else run_together(self._decide(), self._gate.run()))

    async def _decide(self) -> None:
        async with asyncio.TaskGroup() as group:
            for _ in range(self._concurrency):
                group.create_task(self._work())

    async def _work(self) -> None:
        while True:
            await self._decider.available()
            pending = await self._next()
            self._running[pending] = monotonic()
            try:
                with current(pending.span), about(_log_ids(pending)):
                    decision = await self._decider.decide(pending.event)
            except NotAvailableError:
                self._waiting.appendleft(pending)
                continue
            finally:
                del self._running[pending]
            output = self._write(pending, decision)
            output.span = pending.span
            self._in_flight.complete([output])

    async def _next(self) -> PendingEvent[E]:
        while True:
            while self._waiting and not self._paused:
                pending = self._waiting.popleft()
                if pending.tracker.active:
                    return pending
            async with self._arrival:
                await self._arrival.wait()


def _log_ids(pending: PendingEvent[E]) -> dict[str, str]:
    return {"message_id": pending.event.message_id, **ids(pending.record.headers, pending.span)}


def _describe(kind: type[MessageEvent], error: ValidationError) -> str:
    """Describe what is wrong with the first field, without its value, which belongs to the customer."""
    first = first_error(error)
    field = first.location[0] if first.location else "all of it"
    why = first.message if first.kind == UNREADABLE else first.kind
    return f"the value is no {kind.TYPE}: {field}: {why}"

"""The way of a message that is not computed but asked about, of a larger model or of a person.

It keeps the same books as the worker, and so loses as little.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Generic, Protocol, TypeVar

from aiokafka.structs import TopicPartition
from pydantic import ValidationError
from triage_schemas.events import MessageEvent
from triage_schemas.validation import first_error

from triage_worker.observability.logs import about
from triage_worker.observability.metrics import Metrics
from triage_worker.observability.tracing import MessageSpan, Traces, begin, current, ids
from triage_worker.streaming.processor import Station
from triage_worker.streaming.tracking.dead_letters import DeadLetters
from triage_worker.streaming.tracking.offset_tracker import PartitionLedger
from triage_worker.streaming.tracking.output import Consumed, Output

BAD_EVENT = "bad_event"

E = TypeVar("E", bound=MessageEvent)
V = TypeVar("V")
E_contra = TypeVar("E_contra", contravariant=True)
V_co = TypeVar("V_co", covariant=True)


@dataclass(slots=True, eq=False)
class Question(Generic[E]):
    """A message that waits for a verdict, as it was read."""

    ledger: PartitionLedger[Output]
    record: Consumed
    event: E
    span: MessageSpan | None = None


class Judge(Protocol[E_contra, V_co]):
    """Who decides one message."""

    @property
    def down(self) -> str | None:
        """What keeps all messages from being decided; None when nothing does."""
        ...

    async def decide(self, event: E_contra) -> V_co:
        """The verdict on a message."""
        ...


class Consulting(Station, Generic[E, V]):
    """Reads events of one type and asks a judge about as many at once as it can take.

    Args:
        kind: the type of the events.
        judge: decides one message.
        write: makes the output of a verdict.
        dead_letters: makes the output of what is no such event.
        publish: takes outputs of one partition, in the order of their offsets.
        concurrency: messages that are asked about at once.
        metrics: where all is counted.
        traces: makes the spans of messages; None makes none.
    """

    def __init__(
        self,
        kind: type[E],
        judge: Judge[E, V],
        write: Callable[[Question[E], V], Output],
        dead_letters: DeadLetters,
        publish: Callable[[Sequence[Output]], None],
        *,
        concurrency: int,
        metrics: Metrics,
        traces: Traces | None = None,
    ) -> None:
        super().__init__(publish, metrics, traces)
        self._kind = kind
        self._judge = judge
        self._write = write
        self._dead_letters = dead_letters
        self._concurrency = concurrency
        self._waiting: deque[Question[E]] = deque()
        self._more = asyncio.Condition()
        self._held = False
        self._running: dict[Question[E], float] = {}
        self._all: asyncio.Future[None] | None = None

    def start(self) -> "asyncio.Future[None]":
        """Begin to ask; the future fails when that ends."""
        self._all = asyncio.ensure_future(self._serve_all())
        return self._all

    def close(self) -> None:
        """End all work; what is being asked is dropped."""
        if self._all is not None:
            self._all.cancel()

    async def accept(self, fetched: Mapping[TopicPartition, Sequence[Consumed]]) -> None:
        """Take in records of assigned partitions."""
        for partition, records in fetched.items():
            ledger = self._enter(partition, records)
            for record in records:
                self._take_in(ledger, record)
        async with self._more:
            self._more.notify_all()

    def hold(self) -> None:
        """Drop what waits and begin nothing more, until `resume`; what is being asked goes on."""
        self._held = True
        self._waiting.clear()

    def resume(self) -> None:
        """Go on after `hold`; whoever waits for messages is told when they come."""
        self._held = False

    @property
    def idle(self) -> bool:
        """Whether nothing is being asked."""
        return not self._running

    @property
    def longest_run_s(self) -> float:
        """How long the oldest message that is being asked about has been."""
        started = list(self._running.values())
        return monotonic() - min(started) if started else 0.0

    @property
    def down(self) -> str | None:
        """What keeps messages from being asked about; None when nothing does."""
        return self._judge.down

    def _take_in(self, ledger: PartitionLedger[Output], record: Consumed) -> None:
        span = begin(self._traces, record)
        if record.value is None:
            self._complete([self._dead_letters.of(ledger, record, "null_value", "the value is null", span)])
            return
        try:
            event = self._kind.read(record.value)
        except ValidationError as error:
            self._complete([self._dead_letters.of(ledger, record, BAD_EVENT, _sentence(self._kind, error), span)])
            return
        if span is not None:
            span.about(event.message_id)
        self._waiting.append(Question(ledger, record, event, span))

    async def _serve_all(self) -> None:
        async with asyncio.TaskGroup() as group:
            for _ in range(self._concurrency):
                group.create_task(self._serve())

    async def _serve(self) -> None:
        while True:
            question = await self._next()
            self._running[question] = monotonic()
            try:
                with current(question.span), about(_ids(question)):
                    verdict = await self._judge.decide(question.event)
            finally:
                del self._running[question]
            output = self._write(question, verdict)
            output.span = question.span
            self._complete([output])

    async def _next(self) -> Question[E]:
        while True:
            while self._waiting and not self._held:
                question = self._waiting.popleft()
                if question.ledger.active:
                    return question
            async with self._more:
                await self._more.wait()


def _ids(question: Question[E]) -> dict[str, str]:
    return {"message_id": question.event.message_id, **ids(question.record.headers, question.span)}


def _sentence(kind: type[MessageEvent], error: ValidationError) -> str:
    """What is wrong with the first field, without its value, which is the customer's."""
    first = first_error(error)
    field = first.location[0] if first.location else "all of it"
    return f"the value is no {kind.TYPE}: {field}: {first.kind}"

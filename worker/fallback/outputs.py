"""What a verdict becomes: an intent with its label, or a message for a person to decide."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from time import time
from typing import Any

from schemas.cloudevents import event_id, timestamp, trace_of
from schemas.events import FallbackEvent, IntentEvent, LabelEvent, MessageEvent, ModelRef, ReviewEvent
from schemas.message import Source
from schemas.records import Record, to_record
from worker.fallback.adviser import Decided, Undecided
from worker.fallback.prompt import MAX_CHARACTERS
from worker.ledger import PartitionLedger
from worker.outputs import Companion, Consumed, Output


@dataclass(slots=True, eq=False)
class Question:
    """A message that waits for the LLM, as it was read."""

    ledger: PartitionLedger[Output]
    record: Consumed
    event: FallbackEvent


@dataclass(frozen=True, slots=True)
class Writer:
    """Makes outputs.

    Attributes:
        model: the LLM.
        output_topic: for intents.
        review_topic: for what a person must decide.
        labels_topic: for answers to learn from.
        min_confidence: what an answer must have been given to stand.
        include_text: put the text into intents, too.
        clock: seconds since the epoch.
    """

    model: ModelRef
    output_topic: str
    review_topic: str
    labels_topic: str
    min_confidence: float
    include_text: bool
    clock: Callable[[], float] = time

    def output(self, question: Question, verdict: Decided | Undecided) -> Output:
        """The output of a verdict."""
        if isinstance(verdict, Decided):
            return self._intent(question, verdict)
        return self._review(question, verdict)

    def _intent(self, question: Question, verdict: Decided) -> Output:
        event, now = question.event, datetime.fromtimestamp(self.clock(), UTC)
        carried = _carried(event)
        shown: dict[str, Any] = {"text": event.text} if self.include_text else {}
        intent = IntentEvent(
            **carried,
            **shown,
            intent=verdict.intent,
            confidence=verdict.confidence,
            scores={verdict.intent: verdict.confidence},
            decided_by="llm",
            threshold=self.min_confidence,
            truncated=len(event.text) > MAX_CHARACTERS,
            model=self.model,
            classified_at=now,
        )
        label = LabelEvent(
            **carried, text=event.text, label=verdict.intent, decided_by="llm", model=self.model, labelled_at=now
        )
        record = _record(question, intent, now)
        label_record = _record(question, label, now)
        companion = Companion(self.labels_topic, question.record.key, label_record.value, label_record.headers)
        return Output(
            question.ledger,
            question.record,
            "accepted",
            verdict.intent,
            self.output_topic,
            question.record.key,
            record.value,
            record.headers,
            companion,
        )

    def _review(self, question: Question, verdict: Undecided) -> Output:
        known = {name: getattr(question.event, name) for name in question.event.model_fields_set}
        review = ReviewEvent(**known, review_reason=verdict.why)
        record = _record(question, review, datetime.fromtimestamp(self.clock(), UTC))
        return Output(
            question.ledger,
            question.record,
            "review",
            verdict.why,
            self.review_topic,
            question.record.key,
            record.value,
            record.headers,
        )


def _carried(event: FallbackEvent) -> dict[str, Any]:
    """What each event about the message carries of it."""
    return {name: getattr(event, name) for name in MessageEvent.model_fields}


def _record(question: Question, event: IntentEvent | LabelEvent | ReviewEvent, now: datetime) -> Record:
    """The event as a record, whose id belongs to the customer's message: whoever decides it, it is decided once."""
    source = Source(*(getattr(event.source, name) for name in Source._fields))
    return to_record(
        event,
        identity=event_id(event.TYPE, source),
        time=timestamp(now.timestamp()),
        subject=event.message_id,
        trace=trace_of(question.record.headers),
    )

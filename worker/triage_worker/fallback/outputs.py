"""What a verdict becomes: an intent with its label, or a message for a person to decide."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from time import time
from typing import Any, TypeAlias

from triage_schemas.events import FallbackEvent, IntentEvent, LabelEvent, ModelRef, ReviewEvent

from triage_worker.fallback.adviser import Decided, Undecided
from triage_worker.fallback.prompt import MAX_CHARACTERS
from triage_worker.streaming.async_processor import Question
from triage_worker.streaming.decision_events import carried, decision_record
from triage_worker.streaming.tracking.output import Companion, Output

Asked: TypeAlias = Question[FallbackEvent]


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

    def output(self, question: Asked, verdict: Decided | Undecided) -> Output:
        """The output of a verdict."""
        if isinstance(verdict, Decided):
            return self._intent(question, verdict)
        return self._review(question, verdict)

    def _intent(self, question: Asked, verdict: Decided) -> Output:
        event, now = question.event, datetime.fromtimestamp(self.clock(), UTC)
        known = carried(event)
        shown: dict[str, Any] = {"text": event.text} if self.include_text else {}
        intent = IntentEvent(
            **known,
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
            **known, text=event.text, label=verdict.intent, decided_by="llm", model=self.model, labelled_at=now
        )
        record = decision_record(question, intent, now)
        label_record = decision_record(question, label, now)
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

    def _review(self, question: Asked, verdict: Undecided) -> Output:
        known = {name: getattr(question.event, name) for name in question.event.model_fields_set}
        review = ReviewEvent(**known, review_reason=verdict.why)
        record = decision_record(question, review, datetime.fromtimestamp(self.clock(), UTC))
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

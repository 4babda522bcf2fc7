"""Turns a decision into output records: an intent with its label, or a review event for a person."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from time import time
from typing import Any, TypeAlias

from triage_schemas.events import FallbackEvent, IntentEvent, LabelEvent, ModelRef, ReviewEvent

from triage_worker.fallback.llm_decider import Decided, Undecided
from triage_worker.fallback.prompt import MAX_CHARACTERS
from triage_worker.streaming.async_processor import PendingEvent
from triage_worker.streaming.decision_events import decision_record, message_fields
from triage_worker.streaming.tracking.output import CompanionRecord, Output

Asked: TypeAlias = PendingEvent[FallbackEvent]


@dataclass(frozen=True, slots=True)
class OutputBuilder:
    """Builds the output of a decision.

    Attributes:
        model: the LLM's name, and the version of the prompt.
        output_topic: the topic of intents.
        review_topic: the topic of messages that a person must decide.
        labels_topic: the topic of labels that the next bundle learns from.
        min_confidence: the least confidence that the LLM must give an answer.
        include_text: whether intents carry the message's text.
        clock: seconds since the epoch.
    """

    model: ModelRef
    output_topic: str
    review_topic: str
    labels_topic: str
    min_confidence: float
    include_text: bool
    clock: Callable[[], float] = time

    def build(self, question: Asked, decision: Decided | Undecided) -> Output:
        """Build the output of a decision: an intent with its label, or a review event."""
        if isinstance(decision, Decided):
            return self._intent(question, decision)
        return self._review(question, decision)

    def _intent(self, question: Asked, decision: Decided) -> Output:
        event, now = question.event, datetime.fromtimestamp(self.clock(), UTC)
        known = message_fields(event)
        shown: dict[str, Any] = {"text": event.text} if self.include_text else {}
        intent = IntentEvent(
            **known,
            **shown,
            intent=decision.intent,
            confidence=decision.confidence,
            scores={decision.intent: decision.confidence},
            decided_by="llm",
            threshold=self.min_confidence,
            truncated=len(event.text) > MAX_CHARACTERS,
            model=self.model,
            classified_at=now,
        )
        label = LabelEvent(
            **known, text=event.text, label=decision.intent, decided_by="llm", model=self.model, labelled_at=now
        )
        record = decision_record(question, intent, now)
        label_record = decision_record(question, label, now)
        companion = CompanionRecord(self.labels_topic, question.record.key, label_record.value, label_record.headers)
        return Output(
            question.tracker,
            question.record,
            "accepted",
            decision.intent,
            self.output_topic,
            question.record.key,
            record.value,
            record.headers,
            companion,
        )

    def _review(self, question: Asked, decision: Undecided) -> Output:
        known = {name: getattr(question.event, name) for name in question.event.model_fields_set}
        review = ReviewEvent(**known, review_reason=decision.reason)
        record = decision_record(question, review, datetime.fromtimestamp(self.clock(), UTC))
        return Output(
            question.tracker,
            question.record,
            "review",
            decision.reason,
            self.review_topic,
            question.record.key,
            record.value,
            record.headers,
        )

"""Turns a decision into output records: an intent with its label, or a review event for a person."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from time import time
from typing import Self, TypeAlias

from triage_schemas.encoding import JSON, EventEncoding
from triage_schemas.events import FallbackEvent, IntentEvent, LabelEvent, ModelRef, ReviewEvent

from triage_worker.config.settings import Settings
from triage_worker.config.text_settings import Redact
from triage_worker.fallback import prompt
from triage_worker.fallback.llm_decider import Decided, Undecided
from triage_worker.streaming.async_processor import PendingEvent
from triage_worker.streaming.decision_events import decision_record, labelled_output, message_fields
from triage_worker.streaming.tracking.output import Output

PendingFallback: TypeAlias = PendingEvent[FallbackEvent]


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
        redact_review: replaces personal data in what a person must decide.
        redact_labels: replaces personal data in labels.
        encoding: writes the events.
        clock: seconds since the epoch.
    """

    model: ModelRef
    output_topic: str
    review_topic: str
    labels_topic: str
    min_confidence: float
    include_text: bool
    redact_review: Redact
    redact_labels: Redact
    encoding: EventEncoding = JSON
    clock: Callable[[], float] = time

    @classmethod
    def from_settings(cls, settings: Settings, encoding: EventEncoding = JSON) -> Self:
        """Take the model, which must be set, and the names of the topics from the settings."""
        assert settings.llm_model is not None
        return cls(
            model=ModelRef(name=settings.llm_model, version=f"prompt-{prompt.VERSION}"),
            output_topic=settings.output_topic,
            review_topic=settings.review_topic,
            labels_topic=settings.labels_topic,
            min_confidence=settings.llm_min_confidence,
            include_text=settings.include_text,
            redact_review=settings.redaction("review"),
            redact_labels=settings.redaction("labels"),
            encoding=encoding,
        )

    def build(self, pending: PendingFallback, decision: Decided | Undecided) -> Output:
        """Build the output of a decision: an intent with its label, or a review event."""
        now = datetime.fromtimestamp(self.clock(), UTC)
        if isinstance(decision, Decided):
            return self._accepted(pending, decision, now)
        return self._review(pending, decision, now)

    def _accepted(self, pending: PendingFallback, decision: Decided, now: datetime) -> Output:
        intent, label = self._intent(pending.event, decision, now), self._label(pending.event, decision, now)
        form = self.encoding
        return labelled_output(
            pending, intent, label, now, output_topic=self.output_topic, labels_topic=self.labels_topic, encoding=form
        )

    def _intent(self, event: FallbackEvent, decision: Decided, now: datetime) -> IntentEvent:
        fields = message_fields(event, event.text if self.include_text else None)
        if event.entities:
            fields["entities"] = event.entities
        return IntentEvent(
            **fields,
            intent=decision.intent,
            confidence=decision.confidence,
            scores={decision.intent: decision.confidence},
            decided_by="llm",
            threshold=self.min_confidence,
            truncated=len(event.text) > prompt.MAX_CHARACTERS,
            model=self.model,
            classified_at=now,
        )

    def _label(self, event: FallbackEvent, decision: Decided, now: datetime) -> LabelEvent:
        return LabelEvent(
            **message_fields(event),
            text=self.redact_labels(event.text).text,
            label=decision.intent,
            decided_by="llm",
            model=self.model,
            labelled_at=now,
        )

    def _review(self, pending: PendingFallback, decision: Undecided, now: datetime) -> Output:
        fields = {name: getattr(pending.event, name) for name in pending.event.model_fields_set}
        redacted = self.redact_review(pending.event.text)
        fields["text"] = redacted.text
        if pending.event.entities and redacted.spans:
            places = [(one, redacted.moved(one.start, one.end)) for one in pending.event.entities]
            fields["entities"] = [
                one.model_copy(update={"start": place[0], "end": place[1]})
                for one, place in places
                if place is not None  # a placeholder has replaced it
            ]
        review = decision_record(
            pending, ReviewEvent(**fields, review_reason=decision.reason), now, encoding=self.encoding
        )
        return Output(
            pending.tracker,
            pending.record,
            "review",
            decision.reason,
            self.review_topic,
            pending.record.key,
            review.value,
            review.headers,
        )

"""What a person's answer becomes: an intent and a label, a label alone, or the same message again at the end."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from time import time

from triage_schemas.events import IntentEvent, LabelEvent, ReviewEvent
from triage_schemas.records import Record

from triage_worker.review.keys import Labelled, Later, Verdict
from triage_worker.streaming.async_processor import PendingEvent
from triage_worker.streaming.decision_events import decision_record, message_fields
from triage_worker.streaming.tracking.output import CompanionRecord, Output


@dataclass(frozen=True, slots=True)
class Writer:
    """Makes outputs.

    Attributes:
        output_topic: for intents.
        review_topic: for what is put off.
        labels_topic: for answers to learn from.
        out_of_scope_label: the label of messages that have none of the intents.
        include_text: put the text into intents, too.
        clock: seconds since the epoch.
    """

    output_topic: str
    review_topic: str
    labels_topic: str
    out_of_scope_label: str
    include_text: bool
    clock: Callable[[], float] = time

    def output(self, question: PendingEvent[ReviewEvent], verdict: Verdict) -> Output:
        """The output of an answer."""
        record = question.record
        if isinstance(verdict, Later):
            return Output(
                question.tracker,
                record,
                "review",
                "later",
                self.review_topic,
                record.key,
                record.value,
                list(record.headers),
            )
        now = datetime.fromtimestamp(self.clock(), UTC)
        if not isinstance(verdict, Labelled):
            value, headers = self._label(question, self.out_of_scope_label, now)
            topic = self.labels_topic
            return Output(question.tracker, record, "accepted", "none_of_these", topic, record.key, value, headers)
        label = self._label(question, verdict.label, now)
        value, headers = self._intent(question, verdict.label, now)
        return Output(
            question.tracker,
            record,
            "accepted",
            verdict.label,
            self.output_topic,
            record.key,
            value,
            headers,
            CompanionRecord(self.labels_topic, record.key, label.value, label.headers),
        )

    def _intent(self, question: PendingEvent[ReviewEvent], label: str, now: datetime) -> Record:
        """The model stays the one that asked for help; ``decided_by`` says who gave it."""
        event = question.event
        shown = {"text": event.text} if self.include_text else {}
        fields = message_fields(event) | shown
        intent = IntentEvent(
            **fields,
            intent=label,
            confidence=1.0,
            scores={label: 1.0},
            decided_by="human",
            threshold=event.threshold,
            model=event.model,
            classified_at=now,
        )
        return decision_record(question, intent, now)

    def _label(self, question: PendingEvent[ReviewEvent], label: str, now: datetime) -> Record:
        event = question.event
        said = LabelEvent(**message_fields(event), text=event.text, label=label, decided_by="human", labelled_at=now)
        return decision_record(question, said, now)

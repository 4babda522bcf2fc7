"""Turns a verdict into output records: an intent with its label, a label alone, or the same message again.

The intent of an audited message is already published. So only a person who disagrees makes another one, a correction.
It has an id of its own, since readers drop events whose id they have seen. So have the events of an answer that
replaces an earlier one, which the person took back after it was published.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from time import time
from typing import Self, TypeAlias

from triage_schemas.encoding import JSON, EventEncoding
from triage_schemas.events import AuditedDecision, IntentEvent, LabelEvent, ReviewEvent
from triage_schemas.records import audit_kind

from triage_worker.config.settings import Settings
from triage_worker.config.text_settings import Redact
from triage_worker.streaming.async_processor import PendingEvent
from triage_worker.streaming.decision_events import decision_record, labelled_output, message_fields
from triage_worker.streaming.review_verdicts import Labelled, Later, Verdict
from triage_worker.streaming.tracking.output import Output

PendingReview: TypeAlias = PendingEvent[ReviewEvent]

CORRECTION = f"{IntentEvent.TYPE}.correction"
"""Begins the id of a correction."""


@dataclass(frozen=True, slots=True)
class Earlier:
    """What a person answered before, and took back.

    Attributes:
        intent: the intent that was published; None if none was.
        answers: the number of answers about the message so far.
    """

    intent: str | None
    answers: int


@dataclass(frozen=True, slots=True)
class OutputBuilder:
    """Builds the output of a verdict.

    Attributes:
        output_topic: the topic of intents.
        review_topic: the topic of messages that a person must decide.
        labels_topic: the topic of labels that the next bundle learns from.
        out_of_scope_label: the label of messages that have none of the intents.
        include_text: whether intents carry the message's text.
        redact_labels: replaces personal data in labels.
        encoding: writes the events.
        clock: seconds since the epoch.
    """

    output_topic: str
    review_topic: str
    labels_topic: str
    out_of_scope_label: str
    include_text: bool
    redact_labels: Redact
    encoding: EventEncoding = JSON
    clock: Callable[[], float] = time

    @classmethod
    def from_settings(cls, settings: Settings, out_of_scope_label: str, encoding: EventEncoding = JSON) -> Self:
        """Take the names of the topics from the settings."""
        return cls(
            output_topic=settings.output_topic,
            review_topic=settings.review_topic,
            labels_topic=settings.labels_topic,
            out_of_scope_label=out_of_scope_label,
            include_text=settings.include_text,
            redact_labels=settings.redaction("labels"),
            encoding=encoding,
        )

    def build(self, pending: PendingReview, verdict: Verdict, earlier: Earlier | None = None) -> Output:
        """Build the output of a verdict: an intent with its label, a label alone, or the message again for later.

        Args:
            pending: the message.
            verdict: what the person says.
            earlier: what was answered before, if this replaces it; not in an audit, where the first answer counts.
        """
        now = datetime.fromtimestamp(self.clock(), UTC)
        record, event = pending.record, pending.event
        if earlier is not None and not event.audit:
            return self._replacing(pending, verdict, now, earlier)
        if isinstance(verdict, Labelled) and not event.audit:
            return self._labelled(pending, verdict.label, now)
        if isinstance(verdict, Labelled) and event.reason is None and verdict.label != event.intent:
            return self._labelled(pending, verdict.label, now, corrects=event.intent)
        if isinstance(verdict, Later):
            headers = list(record.headers)
            return Output(
                pending.tracker, record, "review", "later", self.review_topic, record.key, record.value, headers
            )
        return self._label_alone(pending, verdict, now, audit_kind(LabelEvent) if event.audit else "")

    def _replacing(self, pending: PendingReview, verdict: Verdict, now: datetime, earlier: Earlier) -> Output:
        label_kind = f"{LabelEvent.TYPE}.{earlier.answers + 1}"
        if not isinstance(verdict, Labelled) or verdict.label == earlier.intent:
            return self._label_alone(pending, verdict, now, label_kind)
        if earlier.intent is None:
            return self._labelled(pending, verdict.label, now, kinds=("", label_kind))
        kinds = (f"{CORRECTION}.{earlier.answers + 1}", label_kind)
        return self._labelled(pending, verdict.label, now, corrects=earlier.intent, kinds=kinds)

    def _label_alone(self, pending: PendingReview, verdict: Verdict, now: datetime, kind: str) -> Output:
        record = pending.record
        decided = verdict.label if isinstance(verdict, Labelled) else self.out_of_scope_label
        label = decision_record(pending, self._label(pending.event, decided, now), now, kind, encoding=self.encoding)
        return Output(
            pending.tracker,
            record,
            "accepted",
            decided if isinstance(verdict, Labelled) else "none_of_these",
            self.labels_topic,
            record.key,
            label.value,
            label.headers,
        )

    def _labelled(
        self,
        pending: PendingReview,
        label: str,
        now: datetime,
        corrects: str | None = None,
        kinds: tuple[str, str] | None = None,
    ) -> Output:
        intent, label_event = self._intent(pending.event, label, now, corrects), self._label(pending.event, label, now)
        return labelled_output(
            pending,
            intent,
            label_event,
            now,
            output_topic=self.output_topic,
            labels_topic=self.labels_topic,
            kinds=kinds or (("", "") if corrects is None else (CORRECTION, audit_kind(LabelEvent))),
            encoding=self.encoding,
        )

    def _intent(self, event: ReviewEvent, label: str, now: datetime, corrects: str | None) -> IntentEvent:
        """The intent event. It names the model and the threshold that did not decide; ``decided_by`` says who did."""
        fields = message_fields(event, event.text if self.include_text else None)
        if event.entities:
            fields["entities"] = event.entities
        if corrects is not None:
            fields["corrects"] = corrects
        if event.threshold_version is not None:
            fields["threshold_version"] = event.threshold_version
        return IntentEvent(
            **fields,
            intent=label,
            confidence=1.0,
            scores={label: 1.0},
            decided_by="human",
            threshold=event.threshold,
            model=event.model,
            classified_at=now,
        )

    def _label(self, event: ReviewEvent, label: str, now: datetime) -> LabelEvent:
        fields = message_fields(event)
        if event.audit:
            fields["audited"] = audited_decision(event, label)
        text = self.redact_labels(event.text).text
        return LabelEvent(**fields, text=text, label=label, decided_by="human", labelled_at=now)


def audited_decision(event: ReviewEvent, label: str) -> AuditedDecision:
    """What a person's label says about the decision that an audit asked about."""
    return AuditedDecision(
        intent=event.intent,
        confidence=event.confidence,
        agreed=label == event.intent,
        accepted=event.reason is None,
        probability=1.0 if event.audit_probability is None else event.audit_probability,
        weight=1.0 if event.audit_weight is None else event.audit_weight,
        threshold=event.threshold,
        threshold_version=event.threshold_version or 0,
        model=event.model,
    )

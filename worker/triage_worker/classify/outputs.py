"""Makes the output of a message: an intent, a request to the fallback, or a dead letter; and requests of the audit."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from time import time
from typing import Self

from aiokafka.structs import ConsumerRecord
from triage_models.audit.selection import AuditPolicy
from triage_models.serving.decision import Decision
from triage_models.text.entities.entity import moved_entities
from triage_models.text.entities.extractor import EntityExtractor
from triage_schemas.cloudevents import timestamp
from triage_schemas.records import AuditRequest, IntentWriter, Prediction, Threshold

from triage_worker.config.settings import Settings
from triage_worker.config.text_settings import Redact
from triage_worker.inference.fault_isolation import Fault
from triage_worker.inference.incoming_message import IncomingMessage
from triage_worker.inference.predictions import prediction_of
from triage_worker.kafka.records import source_of
from triage_worker.observability.tracing import ids, outgoing
from triage_worker.streaming.tracking.dead_letters import DeadLetters
from triage_worker.streaming.tracking.offset_tracker import Outcome, PartitionTracker
from triage_worker.streaming.tracking.output import CompanionRecord, Output

log = logging.getLogger(__name__)

MODEL_ERROR = "model_error"


@dataclass(slots=True, eq=False, kw_only=True)
class DecodedMessage(IncomingMessage):
    """A customer's message, with the record that it was read from.

    Attributes:
        tracker: of the record's partition.
        record: as it was read.
        entities: finds the entities of its text; None if its event lists none.
    """

    tracker: PartitionTracker[Output]
    record: ConsumerRecord
    entities: EntityExtractor | None = None

    @property
    def active(self) -> bool:
        """Whether the partition is still this worker's."""
        return self.tracker.active


@dataclass(frozen=True, slots=True)
class Audit:
    """How one bundle's decisions are audited, and by which threshold they are accepted.

    Attributes:
        policy: selects the messages that people check.
        review_topic: where they are asked.
        threshold: returns the threshold in force for an intent, which is at least the bundle's; from any thread.
        suggestion: the confidence from which a message that is not accepted is a suggestion; None if there are none.
        redact: replaces personal data in the text that people are shown; None if they see all of it.
    """

    policy: AuditPolicy
    review_topic: str
    threshold: Callable[[str], Threshold]
    suggestion: float | None = None
    redact: Redact | None = None

    def suggests(self, confidence: float) -> bool:
        """Whether a message that only a raised threshold refuses is a suggestion."""
        return self.suggestion is not None and confidence >= self.suggestion


@dataclass(frozen=True, slots=True)
class OutputWriter:
    """Makes the outputs of one bundle's decisions.

    Attributes:
        events: writes the events of this bundle.
        output_topic: for accepted messages.
        fallback_topic: for all others.
        audit: None if nothing is audited.
    """

    events: IntentWriter
    output_topic: str
    fallback_topic: str
    audit: Audit | None = None

    @classmethod
    def from_settings(cls, settings: Settings, events: IntentWriter, audit: Audit | None) -> Self:
        """Take the names of the topics from the settings."""
        return cls(events, settings.output_topic, settings.fallback_topic, audit)

    def output(self, decoded: DecodedMessage, decision: Decision) -> Output:
        """Make an intent if the decision is accepted, else a request to the fallback; and the audit's request."""
        record = decoded.record
        # Read once: it may change meanwhile, and both records must name the same.
        threshold = None if self.audit is None else self.audit.threshold(decision.intent)
        reason, suggested = decision.reason, decision.suggested
        # Version 0 is the bundle's own threshold, by which it has decided itself.
        raised = threshold is not None and threshold.version > 0 and decision.confidence < threshold.confidence
        if self.audit is not None and decision.accepted and raised:
            reason, suggested = "low_confidence", self.audit.suggests(decision.confidence)
        language = None if decoded.language is None else decoded.language.language
        entities = [] if decoded.entities is None else decoded.entities.find(decoded.message.text)
        prediction = prediction_of(decision, language, entities)._replace(reason=reason, suggested=suggested)
        if threshold is not None:
            least = self.events.own_threshold(prediction)
            threshold = Threshold(max(least, threshold.confidence) if threshold.version else least, threshold.version)
        outcome: Outcome = "accepted" if reason is None else "fallback"
        write = self.events.accepted if reason is None else self.events.fallback
        at, trace = timestamp(time()), outgoing(record.headers, decoded.span)
        value, headers = write(decoded.message, source_of(record), prediction, at, trace, threshold)
        request = None
        if decision.accepted and self.audit is not None and threshold is not None:
            request = self._audit_request(self.audit, decoded, prediction, at, threshold)
        return Output(
            tracker=decoded.tracker,
            record=record,
            outcome=outcome,
            label=reason or decision.intent,
            topic=self.output_topic if reason is None else self.fallback_topic,
            key=record.key,
            value=value,
            headers=headers,
            companion=request,
            span=decoded.span,
        )

    def _audit_request(
        self, audit: Audit, decoded: DecodedMessage, prediction: Prediction, at: str, threshold: Threshold
    ) -> CompanionRecord | None:
        """Make the record that asks a person to check what the bundle accepts, if the message is selected.

        A message is selected from the bundle's own threshold on. Otherwise nobody would ever find out that a raised one
        can come down again.
        """
        selection = audit.policy.select(decoded.message.message_id, prediction.confidence)
        if not selection.selected:
            return None
        record, why = decoded.record, AuditRequest(selection.probability, selection.weight)
        trace = outgoing(record.headers, decoded.span)
        message = decoded.message
        if audit.redact is not None:
            redacted = audit.redact(message.text)
            message = replace(message, text=redacted.text)
            prediction = prediction._replace(entities=moved_entities(prediction.entities, redacted))
        value, headers = self.events.audit(message, source_of(record), prediction, at, trace, threshold, why)
        return CompanionRecord(audit.review_topic, record.key, value, headers)


def fault_output(dead_letters: DeadLetters, decoded: DecodedMessage, fault: Fault) -> Output:
    """Make the dead letter of a message that the model fails on."""
    record, span = decoded.record, decoded.span
    extra = {"message_id": decoded.message.message_id, "reason": fault.reason, **ids(record.headers, span)}
    log.warning("The model fails on this message alone: it becomes a dead letter", extra=extra)
    return dead_letters.output(decoded.tracker, record, MODEL_ERROR, fault.reason, span)

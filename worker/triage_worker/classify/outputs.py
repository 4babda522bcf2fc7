"""Makes the output of a message: an intent, a request to the fallback, or a dead letter."""

import logging
from dataclasses import dataclass
from time import time
from typing import Self

from aiokafka.structs import ConsumerRecord
from triage_models.serving.decision import Decision
from triage_schemas.cloudevents import timestamp
from triage_schemas.messages.message import CustomerMessage
from triage_schemas.records import IntentWriter, Prediction

from triage_worker.classify.fault_isolation import Fault
from triage_worker.config.settings import Settings
from triage_worker.kafka.records import source_of
from triage_worker.observability.tracing import MessageSpan, ids, outgoing
from triage_worker.streaming.tracking.dead_letters import DeadLetters
from triage_worker.streaming.tracking.offset_tracker import Outcome, PartitionTracker
from triage_worker.streaming.tracking.output import Output

log = logging.getLogger(__name__)

MODEL_ERROR = "model_error"


@dataclass(slots=True, eq=False)
class DecodedMessage:
    """A customer's message, with the record that it was read from."""

    tracker: PartitionTracker[Output]
    record: ConsumerRecord
    message: CustomerMessage
    span: MessageSpan | None = None


@dataclass(frozen=True, slots=True)
class OutputWriter:
    """Makes the outputs of one bundle's decisions.

    Attributes:
        events: writes the events of this bundle.
        output_topic: for accepted messages.
        fallback_topic: for all others.
    """

    events: IntentWriter
    output_topic: str
    fallback_topic: str

    @classmethod
    def from_settings(cls, settings: Settings, events: IntentWriter) -> Self:
        """Take the names of the topics from the settings."""
        return cls(events, settings.output_topic, settings.fallback_topic)

    def output(self, decoded: DecodedMessage, decision: Decision) -> Output:
        """Make an intent if the decision is accepted, else a request to the fallback."""
        record = decoded.record
        prediction = Prediction(
            intent=decision.intent,
            confidence=decision.confidence,
            scores=decision.scores,
            familiarity=decision.familiarity,
            truncated=decision.truncated,
            reason=decision.reason,
            suggested=decision.suggested,
        )
        outcome: Outcome = "accepted" if decision.accepted else "fallback"
        write = self.events.accepted if decision.accepted else self.events.fallback
        trace = outgoing(record.headers, decoded.span)
        value, headers = write(decoded.message, source_of(record), prediction, timestamp(time()), trace)
        return Output(
            tracker=decoded.tracker,
            record=record,
            outcome=outcome,
            label=decision.reason or decision.intent,
            topic=self.output_topic if decision.accepted else self.fallback_topic,
            key=record.key,
            value=value,
            headers=headers,
            span=decoded.span,
        )


def fault_output(dead_letters: DeadLetters, decoded: DecodedMessage, fault: Fault) -> Output:
    """Make the dead letter of a message that the model fails on."""
    record, span = decoded.record, decoded.span
    extra = {"message_id": decoded.message.message_id, "reason": fault.reason, **ids(record.headers, span)}
    log.warning("The model fails on this message alone: it becomes a dead letter", extra=extra)
    return dead_letters.output(decoded.tracker, record, MODEL_ERROR, fault.reason, span)

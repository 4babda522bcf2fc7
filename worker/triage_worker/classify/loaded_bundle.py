"""One bundle at work: tokens, inference, decision and description of a message are all by the same one."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import time
from typing import Protocol

from triage_models.serving.decision import Decision
from triage_models.serving.engine import Encoded, Outputs
from triage_schemas.cloudevents import timestamp
from triage_schemas.input.message import CustomerMessage
from triage_schemas.records import IntentWriter, Prediction

from triage_worker.classify.batching import Limits
from triage_worker.observability.tracing import MessageSpan, outgoing
from triage_worker.streaming.tracking.offset_tracker import Outcome, PartitionLedger
from triage_worker.streaming.tracking.output import Consumed, Output, source_of


class Model(Protocol):
    """What is needed of a `triage_models.serving.classifier.Classifier`."""

    def encode(self, texts: Sequence[str]) -> list[Encoded]: ...

    def infer(self, batch: Sequence[Encoded]) -> Outputs: ...

    def decide(self, batch: Sequence[Encoded], outputs: Outputs) -> list[Decision]: ...


@dataclass(slots=True, eq=False)
class Work:
    """A message that waits for the model; ``by`` is the bundle whose tokenizer encoded it."""

    ledger: PartitionLedger[Output]
    record: Consumed
    message: CustomerMessage
    by: "Serving"
    encoded: Encoded
    span: MessageSpan | None = None


@dataclass(frozen=True, eq=False)
class Serving:
    """A model and what belongs to it. Messages that wait hold on to the one that encoded them; the last lets it go.

    Attributes:
        model: encodes, infers, decides.
        write: makes the output of one of its decisions.
        limits: how batches are cut for it.
    """

    model: Model
    write: Callable[[Work, Decision], Output]
    limits: Limits

    def rows(self, works: Sequence[Work]) -> list[Encoded]:
        """The messages' tokens, made anew where another bundle's tokenizer made them."""
        if all(work.by is self for work in works):
            return [work.encoded for work in works]
        return self.model.encode([work.message.text for work in works])


def decided(writer: IntentWriter, *, output_topic: str, fallback_topic: str) -> Callable[[Work, Decision], Output]:
    """How a decision becomes an output: an intent if it was accepted, else a request to the fallback."""

    def write(work: Work, decision: Decision) -> Output:
        record = work.record
        prediction = Prediction(
            intent=decision.intent,
            confidence=decision.confidence,
            scores=decision.scores,
            familiarity=decision.familiarity,
            truncated=decision.truncated,
            reason=decision.reason,
        )
        outcome: Outcome = "accepted" if decision.accepted else "fallback"
        write_event = writer.accepted if decision.accepted else writer.fallback
        value, headers = write_event(
            work.message, source_of(record), prediction, timestamp(time()), outgoing(record.headers, work.span)
        )
        return Output(
            ledger=work.ledger,
            record=record,
            outcome=outcome,
            label=decision.reason or decision.intent,
            topic=output_topic if decision.accepted else fallback_topic,
            key=record.key,
            value=value,
            headers=headers,
            span=work.span,
        )

    return write

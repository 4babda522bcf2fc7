"""What is on its way through the worker: a message read, and the record that answers it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import time
from typing import TYPE_CHECKING, TypeAlias

from aiokafka.structs import ConsumerRecord

from models.decision import Decision
from models.engine import Encoded
from schemas.cloudevents import timestamp
from schemas.message import CustomerMessage, Source
from schemas.records import IntentWriter, Judgement
from worker.ledger import Outcome, PartitionLedger
from worker.tracing import MessageSpan, outgoing

if TYPE_CHECKING:
    from worker.serving import Serving

Consumed: TypeAlias = ConsumerRecord
RecordHeaders: TypeAlias = Sequence[tuple[str, bytes | None]]


@dataclass(slots=True, eq=False)
class Work:
    """A message that waits for the model; ``by`` is the bundle whose tokenizer encoded it."""

    ledger: "PartitionLedger[Output]"
    record: Consumed
    message: CustomerMessage
    by: "Serving"
    encoded: Encoded
    span: MessageSpan | None = None


@dataclass(frozen=True, slots=True)
class Companion:
    """A record that is published with an output: the message is answered when the broker has both."""

    topic: str
    key: bytes | None
    value: bytes
    headers: RecordHeaders


@dataclass(slots=True, eq=False)
class Output:
    """A record to publish, the message that it answers, and what it counts as.

    Attributes:
        ledger: the books of the partition that the message came from.
        record: the message as it was read.
        label: the intent, the reason or the code: what the outcome is counted by.
        span: of the message, where its trace is recorded.
    """

    ledger: "PartitionLedger[Output]"
    record: Consumed
    outcome: Outcome
    label: str
    topic: str
    key: bytes | None
    value: bytes | None
    headers: RecordHeaders
    companion: Companion | None = None
    span: MessageSpan | None = None

    @property
    def offset(self) -> int:
        """The offset of the message that is answered."""
        return int(self.record.offset)


def source_of(record: Consumed) -> Source:
    """Where a record was read."""
    return Source(record.topic, record.partition, record.offset)


def decided(
    writer: IntentWriter, *, output_topic: str, fallback_topic: str, clock: Callable[[], float] = time
) -> Callable[[Work, Decision], Output]:
    """How a decision becomes an output: an intent if it was accepted, else a request to the fallback."""

    def write(work: Work, decision: Decision) -> Output:
        record = work.record
        judgement = Judgement(
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
            work.message, source_of(record), judgement, timestamp(clock()), outgoing(record.headers, work.span)
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

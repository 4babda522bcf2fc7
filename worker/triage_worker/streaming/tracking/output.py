"""What leaves the worker: the record that answers a message."""

from dataclasses import dataclass
from typing import TypeAlias

from aiokafka.structs import ConsumerRecord
from triage_schemas.cloudevents import RecordHeaders
from triage_schemas.input.message import Source

from triage_worker.observability.tracing import MessageSpan
from triage_worker.streaming.tracking.offset_tracker import Outcome, PartitionLedger

Consumed: TypeAlias = ConsumerRecord


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

"""The record that answers a message."""

from dataclasses import dataclass

from aiokafka.structs import ConsumerRecord
from triage_schemas.cloudevents import RecordHeaders

from triage_worker.observability.tracing import MessageSpan
from triage_worker.streaming.tracking.offset_tracker import Outcome, PartitionTracker


@dataclass(frozen=True, slots=True)
class CompanionRecord:
    """A second record of an output. The message counts as answered when the broker has both."""

    topic: str
    key: bytes | None
    value: bytes
    headers: RecordHeaders


@dataclass(slots=True, eq=False)
class Output:
    """A record to publish, with the message that it answers and the outcome that it counts as.

    Attributes:
        tracker: of the partition that the message was read from.
        record: the message as it was read.
        label: the intent, reason or dead-letter code that the outcome is counted by.
        span: of the message, where its trace is recorded.
    """

    tracker: "PartitionTracker[Output]"
    record: ConsumerRecord
    outcome: Outcome
    label: str
    topic: str
    key: bytes | None
    value: bytes | None
    headers: RecordHeaders
    companion: CompanionRecord | None = None
    span: MessageSpan | None = None

    @property
    def offset(self) -> int:
        """The offset of the message that is answered."""
        return int(self.record.offset)

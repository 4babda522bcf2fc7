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
        topic: where the record is published; None if there is nothing to publish.
        span: of the message, where its trace is recorded.
    """

    tracker: "PartitionTracker[Output]"
    record: ConsumerRecord
    outcome: Outcome
    label: str
    topic: str | None
    key: bytes | None
    value: bytes | None
    headers: RecordHeaders
    companion: CompanionRecord | None = None
    span: MessageSpan | None = None

    @property
    def offset(self) -> int:
        """The offset of the message that is answered."""
        return int(self.record.offset)


def skipped(
    tracker: PartitionTracker[Output], record: ConsumerRecord, reason: str, span: MessageSpan | None = None
) -> Output:
    """Make the output of a record that is no new message: nothing is published, and its offset is committed.

    Args:
        tracker: of the record's partition.
        record: as it was read.
        reason: what it is counted by, such as ``heartbeat``.
        span: of the message, if its trace is recorded.
    """
    return Output(tracker, record, "skipped", reason, None, None, None, [], span=span)

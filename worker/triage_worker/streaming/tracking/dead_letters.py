"""Makes the outputs of the dead-letter topic."""

from dataclasses import replace

from aiokafka.structs import ConsumerRecord
from triage_schemas.cloudevents import RecordHeaders

from triage_worker.kafka.dead_letters import OMITTED, DeadLetterTopic, make_dead_letter
from triage_worker.observability.tracing import MessageSpan
from triage_worker.streaming.tracking.offset_tracker import PartitionTracker
from triage_worker.streaming.tracking.output import Output


class DeadLetters:
    """Makes outputs for the dead-letter topic.

    Args:
        topic: where they go.
    """

    def __init__(self, topic: DeadLetterTopic) -> None:
        self._topic = topic

    def output(
        self,
        tracker: PartitionTracker[Output],
        record: ConsumerRecord,
        code: str,
        reason: str,
        span: MessageSpan | None = None,
    ) -> Output:
        """Make the dead letter of a record.

        Args:
            tracker: of the record's partition.
            record: as it was read.
            code: the stable code of the error.
            reason: one sentence, without the customer's text.
            span: of the message, if its trace is recorded.
        """
        sent = make_dead_letter(self._topic, record, code, reason, span=span)
        return Output(tracker, record, "dead_letter", code, sent.topic, sent.key, sent.value, sent.headers, span=span)

    def replacement(self, output: Output) -> Output | None:
        """Make what is published in place of an output that the broker refuses; None if nothing is left to try.

        The first replacement is the output without its companion, since either record may be the one refused. An event
        is replaced by the dead letter of its message. A dead letter loses first its value, then its key and headers.
        """
        record = output.record
        if output.companion is not None:
            return replace(output, companion=None)
        if output.outcome != "dead_letter":
            size = len(output.value or b"")
            reason = f"the broker does not take the event of {size} bytes for {output.topic}"
            return self.output(output.tracker, record, "output_refused", reason, output.span)
        if output.value:
            omitted = (OMITTED, str(len(output.value)).encode())
            return _emptied(output, output.key, [*output.headers, omitted])
        originals = len(record.headers)
        if output.key or (originals and list(output.headers[:originals]) == list(record.headers)):
            return _emptied(output, None, output.headers[originals:])
        return None


def _emptied(output: Output, key: bytes | None, headers: RecordHeaders) -> Output:
    return replace(output, key=key, value=b"", headers=headers)

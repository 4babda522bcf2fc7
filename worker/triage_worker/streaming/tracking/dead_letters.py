"""Makes dead letters: records that cannot be read or answered, unchanged, with the reason in their headers."""

import logging
from dataclasses import replace
from time import time

from aiokafka.structs import ConsumerRecord
from triage_schemas.cloudevents import RecordHeaders, timestamp
from triage_schemas.dead_letters import dead_letter_headers

from triage_worker.observability.tracing import MessageSpan, ids
from triage_worker.streaming.tracking.offset_tracker import PartitionTracker
from triage_worker.streaming.tracking.output import Output, source_of

log = logging.getLogger(__name__)

OMITTED = "dlq.omitted_bytes"
"""Header of a dead letter that was too large for the broker: the size in bytes of the value that was left out.

The original is still at ``dlq.topic``, ``dlq.partition``, ``dlq.offset``, for as long as that topic retains it.
"""


class DeadLetters:
    """Makes outputs for the dead-letter topic.

    Args:
        topic: the dead-letter topic.
    """

    def __init__(self, topic: str) -> None:
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
        source = source_of(record)
        # The code is part of the template, so that the log's rate limit applies to each code by itself.
        extra = {"reason": reason, **source._asdict(), **ids(record.headers, span)}
        log.warning(f"A message goes to the dead letters: {code}", extra=extra)
        headers = dead_letter_headers(record.headers, source, code, reason, timestamp(time()))
        return Output(tracker, record, "dead_letter", code, self._topic, record.key, record.value, headers, span=span)

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

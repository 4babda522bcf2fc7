"""Dead letters: what cannot be read or answered, with its bytes untouched and the reason in its headers."""

import logging
from dataclasses import replace
from time import time

from triage_schemas.cloudevents import RecordHeaders, timestamp
from triage_schemas.dead_letters import dead_letter_headers

from triage_worker.observability.tracing import MessageSpan, ids
from triage_worker.streaming.tracking.offset_tracker import PartitionLedger
from triage_worker.streaming.tracking.output import Consumed, Output, source_of

log = logging.getLogger(__name__)

OMITTED = "dlq.omitted_bytes"
"""Header of a dead letter that the broker would not take whole: the size of the value that was left out.

The original is still at ``dlq.topic``, ``dlq.partition``, ``dlq.offset`` for as long as that topic keeps it.
"""


class DeadLetters:
    """Makes the records of the dead-letter topic."""

    def __init__(self, topic: str) -> None:
        self._topic = topic

    def of(
        self,
        ledger: PartitionLedger[Output],
        record: Consumed,
        code: str,
        reason: str,
        span: MessageSpan | None = None,
    ) -> Output:
        """The dead letter of a record."""
        source = source_of(record)
        # The code is in the template, so that each code is logged once an interval, see `observability.logs`.
        log.warning(f"Put aside: {code}", extra={"reason": reason, **source._asdict(), **ids(record.headers, span)})
        headers = dead_letter_headers(record.headers, source, code, reason, timestamp(time()))
        return Output(ledger, record, "dead_letter", code, self._topic, record.key, record.value, headers, span=span)

    def refused(self, output: Output) -> Output | None:
        """What to publish in place of an output that the broker refuses for its size or form; None if nothing is left.

        It goes without its companion first, since either may have been refused. An event becomes the dead letter of
        its message. A dead letter loses its value first, then key and headers.
        """
        record = output.record
        if output.companion is not None:
            return replace(output, companion=None)
        if output.outcome != "dead_letter":
            size = len(output.value or b"")
            reason = f"the broker does not take the event of {size} bytes for {output.topic}"
            return self.of(output.ledger, record, "output_refused", reason, output.span)
        if output.value:
            omitted = (OMITTED, str(len(output.value)).encode())
            return self._replaced(output, output.key, [*output.headers, omitted])
        originals = len(record.headers)
        if output.key or (originals and list(output.headers[:originals]) == list(record.headers)):
            return self._replaced(output, None, output.headers[originals:])
        return None

    def _replaced(self, output: Output, key: bytes | None, headers: RecordHeaders) -> Output:
        return replace(output, key=key, value=b"", headers=headers)

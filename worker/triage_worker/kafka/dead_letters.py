"""Makes dead letters: records that cannot be processed, unchanged, with the reason in their headers."""

import logging
from time import time

from triage_schemas.cloudevents import timestamp
from triage_schemas.dead_letters import dead_letter_headers

from triage_worker.kafka.records import InputRecord, OutgoingRecord, source_of
from triage_worker.observability.tracing import MessageSpan, ids

log = logging.getLogger(__name__)

OMITTED = "dlq.omitted_bytes"
"""Header of a dead letter that was too large for the broker: the size in bytes of the value that was left out.

The original is still at ``dlq.topic``, ``dlq.partition``, ``dlq.offset``, for as long as that topic retains it.
"""


def make_dead_letter(
    topic: str,
    record: InputRecord,
    code: str,
    reason: str,
    *,
    now: float | None = None,
    span: MessageSpan | None = None,
) -> OutgoingRecord:
    """Make the dead letter of a record, and log it.

    Args:
        topic: the dead-letter topic.
        record: the record that cannot be processed.
        code: a stable code for the reason.
        reason: one sentence, without the customer's text.
        now: seconds since the epoch; read from the clock if None.
        span: of the message, if its trace is recorded.
    """
    source, original_headers = source_of(record), record.headers or ()
    # The code is part of the template, so that the log's rate limit applies to each code by itself.
    extra = {"reason": reason, **source._asdict(), **ids(original_headers, span)}
    log.warning(f"A record goes to the dead letters: {code}", extra=extra)
    moment = timestamp(time() if now is None else now)
    headers = dead_letter_headers(original_headers, source, code, reason, moment)
    return OutgoingRecord(topic, record.key, record.value, headers)

"""Makes dead letters: records that cannot be processed, unchanged, with the reason in their headers."""

import logging
from dataclasses import dataclass
from time import time
from typing import Self

from triage_schemas.channels import Service
from triage_schemas.cloudevents import timestamp as written
from triage_schemas.dead_letters import HeaderStyle, Origin, dead_letter_headers

from triage_worker.config.settings import Settings
from triage_worker.kafka.records import InputRecord, OutgoingRecord, source_of
from triage_worker.observability.tracing import MessageSpan, ids

log = logging.getLogger(__name__)

OMITTED = "dlq.omitted_bytes"
"""Header of a dead letter that was too large for the broker: the size in bytes of the value that was left out.

The original is still at ``dlq.topic``, ``dlq.partition``, ``dlq.offset``, for as long as that topic retains it.
"""


@dataclass(frozen=True, slots=True)
class DeadLetterTopic:
    """Where dead letters go, and what their headers are.

    Attributes:
        name: of the topic.
        style: the names and types of the headers.
        group: the consumer group of the service.
    """

    name: str
    style: HeaderStyle = "triage"
    group: str = "triage"

    @classmethod
    def of(cls, settings: Settings, service: Service) -> Self:
        """Return that of a service, as the settings say."""
        return cls(settings.dead_letter_topic, settings.dead_letter_headers, settings.group(service))


def make_dead_letter(
    topic: DeadLetterTopic,
    record: InputRecord,
    code: str,
    reason: str,
    *,
    now: float | None = None,
    span: MessageSpan | None = None,
) -> OutgoingRecord:
    """Make the dead letter of a record, and log it.

    Args:
        topic: where it goes.
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
    moment = written(time() if now is None else now)
    origin = Origin(_timestamp_ms(record), getattr(record, "timestamp_type", None), topic.group)
    headers = dead_letter_headers(original_headers, source, code, reason, moment, style=topic.style, origin=origin)
    return OutgoingRecord(topic.name, record.key, record.value, headers)


def _timestamp_ms(record: InputRecord) -> int:
    """When a record was written; -1 if it does not say. aiokafka has milliseconds, and Faust seconds."""
    timestamp = getattr(record, "timestamp", None)
    if isinstance(timestamp, float):
        return int(timestamp * 1_000)
    return timestamp if isinstance(timestamp, int) else -1

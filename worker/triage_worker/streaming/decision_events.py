"""Events that decide a message after the model would not: the same message, the same id, whoever decides."""

from datetime import datetime
from typing import Any

from triage_schemas.cloudevents import event_id, timestamp
from triage_schemas.events import MessageEvent
from triage_schemas.input.message import Source
from triage_schemas.records import Record, to_record

from triage_worker.observability.tracing import outgoing
from triage_worker.streaming.async_processor import Question


def carried(event: MessageEvent) -> dict[str, Any]:
    """What every event about a message carries of it."""
    return {name: getattr(event, name) for name in MessageEvent.model_fields}


def decision_record(question: Question[Any], event: MessageEvent, now: datetime) -> Record:
    """An event as a record, whose id belongs to the customer's message, so that repeats can be told.

    Args:
        question: what was read when it was decided.
        event: the decision.
        now: when it was made.
    """
    source = Source(event.source.topic, event.source.partition, event.source.offset)
    return to_record(
        event,
        identity=event_id(event.TYPE, source),
        time=timestamp(now.timestamp()),
        subject=event.message_id,
        trace=outgoing(question.record.headers, question.span),
    )

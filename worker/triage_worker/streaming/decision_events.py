"""Makes the events of decisions by an LLM or a person. Their ids derive from the customer's message."""

from datetime import datetime
from typing import Any

from triage_schemas.cloudevents import event_id, timestamp
from triage_schemas.events import MessageEvent
from triage_schemas.messages.message import Source
from triage_schemas.records import Record, to_record

from triage_worker.observability.tracing import outgoing
from triage_worker.streaming.async_processor import PendingEvent


def message_fields(event: MessageEvent) -> dict[str, Any]:
    """Return the fields that every event about a message has in common."""
    return {name: getattr(event, name) for name in MessageEvent.model_fields}


def decision_record(pending: PendingEvent[Any], event: MessageEvent, now: datetime) -> Record:
    """Make the record of a decision. The same message always gives the same event id, so that repeats are detected.

    Args:
        pending: the event that was decided.
        event: the decision.
        now: when it was made.
    """
    source = Source(event.source.topic, event.source.partition, event.source.offset)
    return to_record(
        event,
        identity=event_id(event.TYPE, source),
        time=timestamp(now.timestamp()),
        subject=event.message_id,
        trace=outgoing(pending.record.headers, pending.span),
    )

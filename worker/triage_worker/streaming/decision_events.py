"""Makes the events of decisions by an LLM or a person. Their ids derive from the customer's message."""

from datetime import datetime
from typing import Any

from triage_schemas.cloudevents import event_id, timestamp
from triage_schemas.encoding import JSON, EventEncoding
from triage_schemas.events import IntentEvent, LabelEvent, MessageEvent
from triage_schemas.messages.message import Source
from triage_schemas.records import Record, to_record

from triage_worker.observability.tracing import outgoing
from triage_worker.streaming.async_processor import PendingEvent
from triage_worker.streaming.tracking.output import CompanionRecord, Output


def message_fields(event: MessageEvent, text: str | None = None) -> dict[str, Any]:
    """Return the fields that every event about a message has in common, and the text unless that is None."""
    fields = {name: getattr(event, name) for name in MessageEvent.model_fields}
    if event.helpdesk_ticket_id is None:
        del fields["helpdesk_ticket_id"]  # omitted where there is none
    return fields if text is None else fields | {"text": text}


def decision_record(
    pending: PendingEvent[Any], event: MessageEvent, now: datetime, kind: str = "", *, encoding: EventEncoding = JSON
) -> Record:
    """Make the record of a decision. The same message always gives the same event id, so that repeats are detected.

    Args:
        pending: the event that was decided.
        event: the decision.
        now: when it was made.
        kind: begins the event's id in place of its type, for a second event of this type about the message.
        encoding: writes the value.
    """
    source = Source(event.source.topic, event.source.partition, event.source.offset)
    return to_record(
        event,
        identity=event_id(kind or event.TYPE, source),
        time=timestamp(now.timestamp()),
        subject=event.message_id,
        trace=outgoing(pending.record.headers, pending.span),
        encoding=encoding,
    )


def labelled_output(
    pending: PendingEvent[Any],
    intent: IntentEvent,
    label: LabelEvent,
    now: datetime,
    *,
    output_topic: str,
    labels_topic: str,
    kinds: tuple[str, str] = ("", ""),
    encoding: EventEncoding = JSON,
) -> Output:
    """Make the output of a message that got an intent: the intent event, and its label as the companion.

    Args:
        pending: the event that was decided.
        intent: the decision, for downstream systems.
        label: the decision, for training.
        now: when it was made.
        output_topic: the topic of intents.
        labels_topic: the topic of labels.
        kinds: of the intent event and of the label, see `decision_record`.
        encoding: writes the values.
    """
    record = pending.record
    intent_record = decision_record(pending, intent, now, kinds[0], encoding=encoding)
    label_record = decision_record(pending, label, now, kinds[1], encoding=encoding)
    return Output(
        pending.tracker,
        record,
        "accepted",
        intent.intent,
        output_topic,
        record.key,
        intent_record.value,
        intent_record.headers,
        CompanionRecord(labels_topic, record.key, label_record.value, label_record.headers),
    )

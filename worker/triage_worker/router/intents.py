"""From a record of ``customer.intents`` to what the router needs of it, or to the reason why not. Never raises."""

from typing import NamedTuple

from pydantic import ValidationError
from triage_schemas.cloudevents import RecordHeaders, event_id
from triage_schemas.events import IntentEvent
from triage_schemas.input.message import Source
from triage_schemas.validation import first_error

from triage_worker.router.conversation import Arrival
from triage_worker.router.records import Message
from triage_worker.routing.conditions import Facts


class Unreadable(NamedTuple):
    """Why a record is a dead letter: a stable code, and a sentence."""

    code: str
    reason: str


class Filed(NamedTuple):
    """An intent, as what routes it and as what is filed."""

    message_id: str
    arrival: Arrival
    facts: Facts


def read(message: Message) -> Filed | Unreadable:
    """The intent in a record. A message that belongs to no conversation is one of its own."""
    if not message.value:
        return Unreadable("empty_value", "the record has no value")
    try:
        event = IntentEvent.read(message.value)
    except ValidationError as error:
        first = first_error(error)
        return Unreadable("not_an_intent", f"{first.path or 'the value'}: {first.message}")
    arrival = Arrival(
        identity=_identity(message.headers, event),
        conversation_id=event.conversation_id or event.message_id,
        customer_id=event.customer_id,
        intent=event.intent,
        at=event.classified_at.timestamp(),
    )
    return Filed(event.message_id, arrival, facts_of(event))


def facts_of(event: IntentEvent) -> Facts:
    """What rules can match on."""
    return Facts(
        intent=event.intent,
        confidence=event.confidence,
        at=event.classified_at,
        decided_by=event.decided_by,
        channel=event.channel,
        language=event.language,
        customer_id=event.customer_id,
        metadata=event.metadata,
        text=event.text,
    )


def _identity(headers: RecordHeaders | None, event: IntentEvent) -> str:
    """``ce_id``, which a repeat has too; made anew for a record that somebody wrote without headers."""
    for name, value in headers or ():
        if name == "ce_id" and value:
            return value.decode("utf-8", "replace")
    source = event.source
    return event_id(IntentEvent.TYPE, Source(source.topic, source.partition, source.offset))

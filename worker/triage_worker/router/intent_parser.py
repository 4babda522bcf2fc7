"""Parses records of ``customer.intents`` into what the router needs. Never raises."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from pydantic import ValidationError
from triage_schemas.cloudevents import RecordHeaders, event_id
from triage_schemas.events import EntityRef, IntentEvent, TicketMessage, WishRef
from triage_schemas.messages.message import EMPTY_VALUE, Source
from triage_schemas.validation import first_error

from triage_worker.kafka.event_reader import WITHOUT_REGISTRY, EventReader
from triage_worker.kafka.records import InputRecord
from triage_worker.router.incoming_message import IncomingMessage
from triage_worker.routing.conditions import Facts


class InvalidIntent(NamedTuple):
    """Why a record goes to the dead letters.

    Attributes:
        code: the stable dead-letter code.
        reason: the reason in words.
    """

    code: str
    reason: str


class ParsedIntent(NamedTuple):
    """A valid intent event.

    Attributes:
        message_id: the message's id.
        message: what the conversation's ticket needs.
        facts: what rules match on.
    """

    message_id: str
    message: IncomingMessage
    facts: Facts


def parse_intent(record: InputRecord, reader: EventReader = WITHOUT_REGISTRY) -> ParsedIntent | InvalidIntent:
    """Parse a record, whose schema was loaded.

    A message without a conversation belongs to that of its helpdesk's ticket, or becomes a conversation of its own.
    """
    if not record.value:
        return InvalidIntent(EMPTY_VALUE, "the record has no value")
    try:
        event = reader.read(IntentEvent, record)
    except ValidationError as error:
        first = first_error(error)
        return InvalidIntent("not_an_intent", f"{first.path or 'the value'}: {first.message}")
    message = IncomingMessage(
        identity=_identity(record.headers, event),
        conversation_id=event.conversation_id or event.helpdesk_ticket_id or event.message_id,
        customer_id=event.customer_id,
        intent=event.intent,
        at=event.classified_at.timestamp(),
        entities=[_named(entity) for entity in event.entities],
        wishes=wishes_of(event.intent, event.intents),
        confidence=event.confidence,
        reference=_reference(event),
        helpdesk_ticket_id=event.helpdesk_ticket_id,
    )
    return ParsedIntent(event.message_id, message, facts_of(event))


def _reference(event: IntentEvent) -> dict[str, Any]:
    """What a ticket keeps of the message that its intent is from."""
    reference = TicketMessage(
        message_id=event.message_id, channel=event.channel, language=event.language, source=event.source
    )
    return reference.model_dump()


def _named(entity: EntityRef) -> dict[str, str]:
    """What a ticket keeps of an entity; its position says nothing without the text."""
    named = {"type": entity.type, "value": entity.value}
    return named if entity.currency is None else named | {"currency": entity.currency}


def facts_of(event: IntentEvent) -> Facts:
    """Return what rules can match on."""
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
        entities=event.entities,
        wishes=wishes_of(event.intent, event.intents),
    )


def wishes_of(intent: str, intents: Sequence[WishRef]) -> list[str]:
    """Return what a message asks for besides its intent."""
    return [wish.intent for wish in intents if wish.intent != intent]


def _identity(headers: RecordHeaders | None, event: IntentEvent) -> str:
    """``ce_id``, which is the same for a repeat; computed from the source for a record without that header."""
    for name, value in headers or ():
        if name == "ce_id" and value:
            return value.decode("utf-8", "replace")
    source = event.source
    return event_id(IntentEvent.TYPE, Source(source.topic, source.partition, source.offset))

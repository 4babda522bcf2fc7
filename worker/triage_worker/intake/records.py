"""Makes the records that carry messages from the intake's first step to its second, and on to the worker."""

from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256
from typing import Any, NamedTuple

import orjson
from triage_schemas.cloudevents import Headers as RecordHeaders
from triage_schemas.input.fields import with_subject

from triage_worker.config.intake_sources import IntakeSourceModel
from triage_worker.intake.adapter import ReceivedMessage

SOURCE = "intake-source"
"""Header of a record: the name of the source that it came from."""

KEY = "intake-key"
"""Header of a record: the key of the message within its source."""

LONGEST_KEY = 255
JSON = "application/json"
EMAIL = "message/rfc822"


class IntakeRecord(NamedTuple):
    """A message as a record.

    Attributes:
        key: of the record: the conversation, so that its messages keep their order; without one, the message's key.
        value: what the worker reads.
        headers: with source and key.
    """

    key: bytes
    value: bytes
    headers: RecordHeaders


class KeyedMessage(NamedTuple):
    """A message with its final key and id."""

    key: str
    message: ReceivedMessage


def keyed(
    messages: Sequence[ReceivedMessage], source: IntakeSourceModel, idempotency_key: str, body: bytes
) -> list[KeyedMessage]:
    """Give each message its key: that of the request, or its own, or else one that is made of the whole body.

    Args:
        messages: of one webhook.
        source: that it came from.
        idempotency_key: of the request; empty if it has none.
        body: of the request.
    """
    found = []
    whole = idempotency_key or sha256(body).hexdigest()
    for number, message in enumerate(messages):
        numbered = whole if len(messages) == 1 else f"{whole}#{number}"
        key = _short(numbered if idempotency_key or message.key is None else message.key)
        message_id = message.message_id or f"{source.name}-{key}"
        found.append(KeyedMessage(key, replace(message, message_id=message_id)))
    return found


def message_record(keyed_message: KeyedMessage, source: IntakeSourceModel, trace: RecordHeaders) -> IntakeRecord:
    """Make the record of a message, as JSON with the names of messages on Kafka.

    Args:
        keyed_message: with its key and id.
        source: that it came from.
        trace: context of the trace that it belongs to.
    """
    key, message = keyed_message
    value: dict[str, Any] = {
        "text": with_subject(message.subject, message.text),
        "message_id": message.message_id,
        "conversation_id": _conversation(message, source),
        "ticket_id": message.ticket_id,
        "source": source.name,
        "customer_id": message.customer_id,
        "channel": message.channel or source.channel,
        "language": message.language or source.language,
        "created_at": message.created_at,
        "metadata": dict(message.metadata) or None,
    }
    written = orjson.dumps({name: one for name, one in value.items() if one is not None})
    record_key = value["conversation_id"] or f"{source.name}-{key}"
    return IntakeRecord(record_key.encode(), written, _headers(source, key, JSON, trace))


def email_record(source: IntakeSourceModel, key: str, email: bytes) -> IntakeRecord:
    """Make the record of an e-mail, which stays as it is."""
    return IntakeRecord(f"{source.name}-{key}".encode(), email, _headers(source, key, EMAIL, []))


def _conversation(message: ReceivedMessage, source: IntakeSourceModel) -> str | None:
    """Return the id of the conversation: a ticket of a helpdesk is one, and two helpdesks may number them alike."""
    if message.conversation_id is not None and message.conversation_id != message.ticket_id:
        return message.conversation_id
    ticket = message.ticket_id
    return None if ticket is None else f"{source.name}-{ticket}"


def _headers(source: IntakeSourceModel, key: str, content_type: str, trace: RecordHeaders) -> RecordHeaders:
    return [(SOURCE, source.name.encode()), (KEY, key.encode()), ("content-type", content_type.encode()), *trace]


def _short(key: str) -> str:
    """Return a key as it is, or its hash if it is too long or has characters that cannot be seen."""
    if len(key) <= LONGEST_KEY and key.isprintable():
        return key
    return f"sha256-{sha256(key.encode('utf-8', 'replace')).hexdigest()}"

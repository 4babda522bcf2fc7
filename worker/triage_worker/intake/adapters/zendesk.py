"""Zendesk: event subscriptions for tickets and messaging, and triggers with a body of one's own.

A new ticket comes as its creation and as its first comment. Both have the same key, since the ticket's description is
its first comment.
"""

from collections.abc import Mapping
from typing import Any

from triage_models.serving.mail.html import plain_text

from triage_worker.config.intake_sources import IntakeSourceModel
from triage_worker.intake.adapter import IGNORED, Adapter, Reading, ReceivedMessage
from triage_worker.intake.adapters import plain
from triage_worker.intake.body_fields import Fields
from triage_worker.intake.signatures import Claim, Headers, base_64, iso_time, required_header

SIGNATURE = "X-Zendesk-Webhook-Signature"
TIMESTAMP = "X-Zendesk-Webhook-Signature-Timestamp"
EVENT = "zen:event-type:"


def signature(headers: Headers) -> Claim:
    """Read the signature: HMAC-SHA256 over time and body, in base64; the time is written in ISO 8601."""
    written = required_header(headers, TIMESTAMP)
    digest = base_64(required_header(headers, SIGNATURE), SIGNATURE)
    return Claim([digest], iso_time(written, TIMESTAMP), written.encode("latin-1", "replace"))


def read(body: Any, headers: Mapping[str, str], source: IntakeSourceModel) -> Reading:
    """Read an event, or what a trigger sends with the names of a plain body."""
    fields = Fields.of_body(body)
    kind = fields.value.get("type")
    if not (isinstance(kind, str) and kind.startswith(EVENT)):
        return plain.read(body, headers, source)
    match kind.removeprefix(EVENT):
        case "ticket.comment_added":
            found = _comment(fields)
        case "ticket.created":
            found = _description(fields)
        case "messaging_ticket.message_added":
            found = _chat_message(fields)
        case _:
            found = None
    return IGNORED if found is None else Reading([found])


def _comment(fields: Fields) -> ReceivedMessage | None:
    ticket, comment = fields.object("detail"), fields.object("event").object("comment")
    author = comment.object_or_empty("author")
    text = comment.text_or_empty("body")
    if author.flag("is_staff", default=False) or not comment.flag("is_public", default=True):
        return None
    first = text.strip() == ticket.text_or_empty("description").strip()
    key = _first(ticket) if first else comment.id("id")
    return _message(ticket, key, text, author.id_or_none("id"), fields.time("time"), subject=first)


def _description(fields: Fields) -> ReceivedMessage | None:
    ticket = fields.object("detail")
    requester, submitter = ticket.id_or_none("requester_id"), ticket.id_or_none("submitter_id")
    by_customer = submitter is None or submitter == requester
    if not by_customer or not ticket.flag("is_public", default=True):
        return None
    text = ticket.text_or_empty("description")
    return _message(ticket, _first(ticket), text, requester, fields.time("time"), subject=True)


def _chat_message(fields: Fields) -> ReceivedMessage | None:
    event = fields.object("event")
    actor, message = event.object_or_empty("actor"), event.object("message")
    if actor.text_or_empty("type") != "end_user":
        return None
    ticket = fields.object("detail")
    text = message.text_or_empty("body")
    return _message(ticket, message.id("id"), text, actor.id_or_none("id"), fields.time("time"), subject=False)


def _first(ticket: Fields) -> str:
    return f"{ticket.id('id')}-first"


def _message(
    ticket: Fields, key: str, text: str, customer: str | None, time: str | None, *, subject: bool
) -> ReceivedMessage | None:
    read_text = plain_text(text)
    if not read_text.strip():
        return None
    title = ticket.line("subject")
    ticket_id = ticket.id("id")
    return ReceivedMessage(
        text=read_text,
        key=key,
        subject=title if subject else "",
        conversation_id=ticket_id,
        ticket_id=ticket_id,
        customer_id=customer,
        channel=ticket.object_or_empty("via").id_or_none("channel"),
        created_at=time,
        metadata={"subject": title} if title else {},
    )


ADAPTER = Adapter(read, signature)

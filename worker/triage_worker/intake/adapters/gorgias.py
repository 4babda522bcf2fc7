"""Gorgias: HTTP integrations, whose body its user writes: the ticket, a message, or the names of a plain body."""

from collections.abc import Mapping
from typing import Any

from triage_models.serving.mail.html import html_to_text, plain_text

from triage_worker.config.intake_sources import IntakeSourceModel
from triage_worker.intake.adapter import IGNORED, Adapter, Reading, ReceivedMessage
from triage_worker.intake.adapters import plain
from triage_worker.intake.body_fields import Fields

NOTE = "internal-note"


def read(body: Any, headers: Mapping[str, str], source: IntakeSourceModel) -> Reading:
    """Read a body: ``{"ticket": …, "message": …}``, a ticket with its messages, or one with the names of a plain body.

    Of a ticket's messages, the newest one of the customer is what the webhook is about.
    """
    fields = Fields.of_body(body)
    if "message" in fields.value:
        found = _message(fields.object_or_empty("ticket"), fields.object("message"))
        return IGNORED if found is None else Reading([found])
    ticket = fields.object("ticket") if "ticket" in fields.value else fields
    if ticket is fields and "text" in fields.value:
        return plain.read(body, headers, source)
    listed = list(ticket.objects("messages"))
    if not listed:
        return IGNORED
    newest = max(enumerate(listed), key=lambda pair: (pair[1].time("created_datetime") or "", pair[0]))[1]
    found = _message(ticket, newest)
    return IGNORED if found is None else Reading([found])


def _message(ticket: Fields, message: Fields) -> ReceivedMessage | None:
    kind = message.object_or_empty("source").text_or_empty("type")
    by_agent = message.flag("from_agent", default=False) or not message.flag("public", default=True)
    text = _text(message)
    if by_agent or kind == NOTE or not text.strip():
        return None
    ticket_id = ticket.id_or_none("id") or message.id("ticket_id")
    sender = message.object_or_empty("sender")
    customer = sender.id_or_none("id") or ticket.object_or_empty("customer").id_or_none("id")
    subject = message.line("subject")
    title = subject or ticket.line("subject")
    return ReceivedMessage(
        text=text,
        key=message.id("id"),
        subject=subject,
        conversation_id=ticket_id,
        ticket_id=ticket_id,
        customer_id=customer,
        channel=message.id_or_none("channel") or ticket.id_or_none("channel"),
        language=ticket.id_or_none("language"),
        created_at=message.time("created_datetime"),
        metadata={"subject": title} if title else {},
    )


def _text(message: Fields) -> str:
    text = plain_text(message.text_or_empty("body_text"))
    if not text.strip():
        text = html_to_text(message.text_or_empty("body_html"))
    return text if text.strip() else message.text_or_empty("stripped_text")


ADAPTER = Adapter(read)

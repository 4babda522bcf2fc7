"""Freshdesk: webhooks of automation rules, by their own list of fields or with the names of a plain body."""

import re
from collections.abc import Mapping
from typing import Any

from triage_models.serving.mail.html import html_to_text

from triage_worker.config.intake_sources import IntakeSourceModel
from triage_worker.intake.adapter import IGNORED, Adapter, Reading, ReceivedMessage
from triage_worker.intake.adapters import plain
from triage_worker.intake.body_fields import Fields

WRAPPER = "freshdesk_webhook"
AUTHOR = re.compile(r"[^:\n<>]{1,100} : ")
"""How a comment begins: with the name of who wrote it."""


def read(body: Any, headers: Mapping[str, str], source: IntakeSourceModel) -> Reading:
    """Read a body: the latest public comment of the ticket if there is one, or else its description.

    It has no id of the message, so the body as a whole is its key.
    """
    fields = Fields.of_body(body)
    if WRAPPER not in fields.value and "text" in fields.value:
        return plain.read(body, headers, source)
    ticket = fields.object(WRAPPER) if WRAPPER in fields.value else fields
    ticket_id = ticket.id("ticket_id")
    comment = ticket.text_or_empty("ticket_latest_public_comment")
    text = html_to_text(AUTHOR.sub("", comment, count=1) if AUTHOR.match(comment) else comment)
    subject = ticket.line("ticket_subject")
    first = not text.strip()
    if first:
        text = html_to_text(ticket.text_or_empty("ticket_description"))
    if not text.strip():
        return IGNORED
    message = ReceivedMessage(
        text=text,
        subject=subject if first else "",
        conversation_id=ticket_id,
        ticket_id=ticket_id,
        customer_id=ticket.id_or_none("ticket_contact_unique_external_id")
        or ticket.id_or_none("ticket_requester_unique_external_id")
        or ticket.id_or_none("ticket_contact_email"),
        channel=ticket.id_or_none("ticket_source"),
        metadata={"subject": subject} if subject else {},
    )
    return Reading([message])


ADAPTER = Adapter(read)

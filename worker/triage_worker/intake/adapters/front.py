"""Front: application webhooks, and those of rules, about messages that came in."""

from collections.abc import Mapping
from typing import Any

from triage_models.serving.mail.html import html_to_text, plain_text

from triage_worker.config.intake_sources import IntakeSourceModel
from triage_worker.intake.adapter import IGNORED, Adapter, Reading, ReceivedMessage
from triage_worker.intake.body_fields import Fields
from triage_worker.intake.signatures import Claim, Headers, base_64, required_header, unix_time

SIGNATURE = "X-Front-Signature"
TIMESTAMP = "X-Front-Request-Timestamp"
CHALLENGE = "x-front-challenge"
INBOUND = frozenset({"inbound", "inbound_received"})
LONGEST_CHALLENGE = 1_000


def signature(headers: Headers) -> Claim:
    """Read the signature: HMAC-SHA256 over time, colon and body, in base64; of a rule, HMAC-SHA1 over the body.

    Only a webhook of an application has a time, in milliseconds.
    """
    digest = base_64(required_header(headers, SIGNATURE), SIGNATURE)
    if TIMESTAMP.lower() not in headers:
        return Claim([digest], algorithm="sha1")
    written = required_header(headers, TIMESTAMP)
    return Claim([digest], unix_time(written, TIMESTAMP, milliseconds=True), f"{written}:".encode("latin-1", "replace"))


def read(body: Any, headers: Mapping[str, str], source: IntakeSourceModel) -> Reading:
    """Read an event, which an application's webhook wraps into ``payload``; or answer the test of the address."""
    fields = Fields.of_body(body)
    kind = fields.text("type")
    if kind == "sync":
        return Reading(answer={"challenge": headers.get(CHALLENGE, "")[:LONGEST_CHALLENGE]})
    if kind not in INBOUND:
        return IGNORED
    event = fields.object("payload") if "payload" in fields.value else fields
    message = event.object("target").object("data")
    if not message.flag("is_inbound", default=True):
        return IGNORED
    text = _text(message)
    if not text.strip():
        return IGNORED
    conversation = event.object("conversation")
    conversation_id = conversation.id("id")
    subject = message.line("subject") or conversation.line("subject")
    return Reading(
        [
            ReceivedMessage(
                text=text,
                key=message.id("id"),
                subject=subject,
                conversation_id=conversation_id,
                ticket_id=conversation_id,
                customer_id=_sender(message),
                channel=message.id_or_none("type"),
                created_at=message.time("created_at"),
                metadata={"subject": subject} if subject else {},
            )
        ]
    )


def _text(message: Fields) -> str:
    """Return the text; a preview has only its beginning."""
    text = plain_text(message.text_or_empty("text"))
    if not text.strip():
        text = html_to_text(message.text_or_empty("body"))
    return text if text.strip() else message.text_or_empty("blurb")


def _sender(message: Fields) -> str | None:
    for recipient in message.objects("recipients"):
        if recipient.text_or_empty("role") == "from":
            return recipient.id_or_none("handle")
    return None


ADAPTER = Adapter(read, signature)

"""Chatwoot: messages that a contact has sent."""

from collections.abc import Mapping
from typing import Any

from triage_models.serving.mail.html import plain_text

from triage_worker.config.intake_sources import IntakeSourceModel
from triage_worker.intake.adapter import IGNORED, Adapter, Reading, ReceivedMessage
from triage_worker.intake.body_fields import Fields
from triage_worker.intake.signatures import Claim, Headers, UnverifiedError, hexadecimal, required_header, unix_time

SIGNATURE = "X-Chatwoot-Signature"
TIMESTAMP = "X-Chatwoot-Timestamp"
ALGORITHM = "sha256="
CHANNEL = "Channel::"
INCOMING = ("incoming", 0)
"""The kind of a contact's message, as webhooks name it and as conversations number it."""


def signature(headers: Headers) -> Claim:
    """Read ``sha256=hex``: HMAC-SHA256 over the time in seconds, a dot and the body."""
    written = required_header(headers, TIMESTAMP)
    digest = required_header(headers, SIGNATURE)
    if not digest.startswith(ALGORITHM):
        raise UnverifiedError("no_signature", f"The header {SIGNATURE} should begin with {ALGORITHM}.")
    digest = digest.removeprefix(ALGORITHM)
    return Claim([hexadecimal(digest, SIGNATURE)], unix_time(written, TIMESTAMP), f"{written}.".encode())


def read(body: Any, headers: Mapping[str, str], source: IntakeSourceModel) -> Reading:
    """Read an event; only that of a new message can have one."""
    fields = Fields.of_body(body)
    if fields.text("event") != "message_created" or fields.value.get("message_type") not in INCOMING:
        return IGNORED
    text = plain_text(fields.text_or_empty("content"))
    sender = fields.object_or_empty("sender")
    written_by = sender.text_or_empty("type") or "contact"
    if fields.flag("private", default=False) or written_by != "contact" or not text.strip():
        return IGNORED
    conversation = fields.object("conversation")
    conversation_id = conversation.id("id")
    account = fields.object_or_empty("account").id_or_none("id")
    subject = fields.object_or_empty("content_attributes").object_or_empty("email").line("subject")
    channel = conversation.id_or_none("channel")
    message = ReceivedMessage(
        text=text,
        key=f"{account}-{fields.id('id')}" if account else fields.id("id"),
        subject=subject,
        conversation_id=conversation_id,
        ticket_id=conversation_id,
        customer_id=sender.id_or_none("id"),
        channel=None if channel is None else channel.removeprefix(CHANNEL),
        created_at=fields.time("created_at"),
        metadata={"subject": subject} if subject else {},
    )
    return Reading([message])


ADAPTER = Adapter(read, signature)

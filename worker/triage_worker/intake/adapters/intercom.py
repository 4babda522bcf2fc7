"""Intercom: notifications about conversations that a user, lead or visitor started or answered."""

from collections.abc import Mapping
from typing import Any

from triage_models.serving.mail.html import html_to_text

from triage_worker.config.intake_sources import IntakeSourceModel
from triage_worker.intake.adapter import IGNORED, Adapter, Reading, ReceivedMessage
from triage_worker.intake.body_fields import Fields
from triage_worker.intake.signatures import Claim, Headers, UnverifiedError, hexadecimal, required_header

SIGNATURE = "X-Hub-Signature"
ALGORITHM = "sha1="
CUSTOMERS = frozenset({"user", "lead", "contact", "visitor"})


def signature(headers: Headers) -> Claim:
    """Read ``sha1=hex``: HMAC-SHA1 over the body, with the client secret of the app. No time is signed."""
    written = required_header(headers, SIGNATURE)
    if not written.startswith(ALGORITHM):
        raise UnverifiedError("no_signature", f"The header {SIGNATURE} should begin with {ALGORITHM}.")
    return Claim([hexadecimal(written.removeprefix(ALGORITHM), SIGNATURE)], algorithm="sha1")


def read(body: Any, headers: Mapping[str, str], source: IntakeSourceModel) -> Reading:
    """Read a notification.

    One about an answer may have the parts of the whole conversation: the newest one of a customer is what it is about.
    """
    fields = Fields.of_body(body)
    topic = fields.text("topic")
    if topic not in {"conversation.user.created", "conversation.user.replied"}:
        return IGNORED
    conversation = fields.object("data").object("item")
    found = _started(conversation) if topic.endswith("created") else _answered(conversation)
    return IGNORED if found is None else Reading([found])


def _started(conversation: Fields) -> ReceivedMessage | None:
    source = conversation.object("source")
    time = conversation.time("created_at")
    return _message(conversation, source, source.line("subject"), time, f"{conversation.id('id')}-first")


def _answered(conversation: Fields) -> ReceivedMessage | None:
    parts = [
        part
        for part in conversation.object("conversation_parts").objects("conversation_parts")
        if part.text_or_empty("part_type") in {"comment", ""}
        and part.object_or_empty("author").text_or_empty("type") in CUSTOMERS
    ]
    if not parts:
        return None
    newest = max(enumerate(parts), key=lambda pair: (pair[1].time("created_at") or "", pair[0]))[1]
    return _message(conversation, newest, "", newest.time("created_at"), newest.id("id"))


def _message(conversation: Fields, part: Fields, subject: str, time: str | None, key: str) -> ReceivedMessage | None:
    author = part.object_or_empty("author")
    text = html_to_text(part.text_or_empty("body"))
    if author.text_or_empty("type") not in CUSTOMERS or not text.strip():
        return None
    source = conversation.object_or_empty("source")
    conversation_id = conversation.id("id")
    title = source.line("subject")
    return ReceivedMessage(
        text=text,
        key=key,
        subject=html_to_text(subject),
        conversation_id=conversation_id,
        ticket_id=conversation_id,
        customer_id=author.id_or_none("id"),
        channel=source.id_or_none("type"),
        created_at=time,
        metadata={"subject": html_to_text(title)} if title else {},
    )


ADAPTER = Adapter(read, signature)

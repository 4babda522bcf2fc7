"""A sender of one's own: JSON with the names of messages on Kafka, signed by ``Triage-Signature: t=…,v1=…``."""

from collections.abc import Mapping
from typing import Any

from triage_models.serving.mail.html import plain_text

from triage_worker.config.field_paths import path_of
from triage_worker.config.intake_sources import FieldsModel, IntakeSourceModel
from triage_worker.intake.adapter import Adapter, Reading, ReceivedMessage
from triage_worker.intake.body_fields import Fields, InvalidBodyError, flattened
from triage_worker.intake.signatures import Claim, Headers, UnverifiedError, hexadecimal, required_header, unix_time

HEADER = "Triage-Signature"
MOST_MESSAGES = 500
"""Messages in one webhook."""

MOST_METADATA = 32


def signature(headers: Headers) -> Claim:
    """Read ``t=1764500000,v1=hex``: HMAC-SHA256 over time, dot and body. There may be several ``v1``."""
    pairs = [part.strip().partition("=") for part in required_header(headers, HEADER).split(",")]
    times = [value for name, _, value in pairs if name == "t"]
    digests = [hexadecimal(value, HEADER) for name, _, value in pairs if name == "v1"]
    if len(times) != 1 or not digests:
        raise UnverifiedError("no_signature", f"The header {HEADER} should be t=SECONDS,v1=HEX.")
    return Claim(digests, unix_time(times[0], HEADER), f"{times[0]}.".encode())


def read(body: Any, headers: Mapping[str, str], source: IntakeSourceModel) -> Reading:
    """Read one message, or those of a list in ``messages``."""
    fields = Fields.of_body(body)
    listed = _listed(fields, source.fields)
    if len(listed) > MOST_MESSAGES:
        raise InvalidBodyError(f"{len(listed)} messages, {MOST_MESSAGES} are allowed in one webhook", "messages")
    found = [read_message(one, source.fields) for one in listed]
    messages = [message for message in found if message is not None]
    return Reading(messages, len(found) - len(messages))


def read_message(fields: Fields, names: FieldsModel) -> ReceivedMessage | None:
    """Read one message; None if it is not a customer's, or has no text.

    Args:
        fields: of the message.
        names: where they are.
    """
    paths = {name: path_of(getattr(names, name)) for name in type(names).model_fields if name != "messages"}
    known = flattened(fields, paths)
    text = plain_text(known.text("text"))
    message_id = known.id_or_none("message_id")
    message = ReceivedMessage(
        text=text,
        key=message_id,
        subject=known.line("subject"),
        message_id=message_id,
        conversation_id=known.id_or_none("conversation_id"),
        ticket_id=known.id_or_none("ticket_id"),
        customer_id=known.id_or_none("customer_id"),
        channel=known.id_or_none("channel"),
        language=known.id_or_none("language"),
        created_at=known.time("created_at"),
        metadata=_metadata(fields),
    )
    by_customer = known.flag("public", default=True) and not known.flag("from_agent", default=False)
    return message if by_customer and text.strip() else None


def _listed(fields: Fields, names: FieldsModel) -> list[Fields]:
    path = names.messages or "messages"
    if names.messages is None and "messages" not in fields.value:
        return [fields]
    known = flattened(fields, {"messages": path_of(path)})
    if "messages" not in known.value:
        raise InvalidBodyError("it is missing", path)
    return list(known.objects("messages"))


def _metadata(fields: Fields) -> dict[str, str | int | float | bool]:
    given = fields.object_or_empty("metadata").value
    scalars = {name: value for name, value in given.items() if isinstance(value, str | int | float)}
    return dict(list(scalars.items())[:MOST_METADATA])


ADAPTER = Adapter(read, signature)

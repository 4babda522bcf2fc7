"""The values of a message's fields, wherever the settings say that they are."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from triage_schemas.input.fields import name_or_none, text_problem, with_subject
from triage_schemas.json_values.paths import NotFound, Path
from triage_schemas.messages.message import CustomerMessage, InputShape, Rejected
from triage_schemas.messages.names import one_line
from triage_schemas.messages.record_parts import RecordParts, describe, is_outside

ValueAt = Callable[[Path], Any]
"""Returns the value at a path, or a `NotFound`."""

BETWEEN = "\n\n"
"""What is between two texts that are joined."""


def with_record(value_at: ValueAt, record: RecordParts) -> ValueAt:
    """Find values in a record's headers and key as well, where their paths lead there."""
    return lambda path: record.find(path) if is_outside(path) else value_at(path)


def joined_text(value_at: ValueAt, shape: InputShape) -> Any | NotFound:
    """The texts at all paths, joined; missing, null and blank ones, and placeholders, are left out.

    Returns:
        The text; or, if there is none, what is at the first path; or a value that is no text.
    """
    texts = []
    for path in shape.text_paths:
        text = value_at(path)
        if isinstance(text, NotFound) or text is None:
            continue
        if not isinstance(text, str):
            return text
        if text.strip() and text not in shape.placeholders:
            texts.append(text)
    return BETWEEN.join(texts) if texts else value_at(shape.text_path)


def with_outside_fields(message: CustomerMessage, shape: InputShape) -> CustomerMessage | Rejected:
    """Add what headers and the key say to a message of a format that has no named fields.

    Every path that leads into the value stands for its text there.

    Args:
        message: as the format read it.
        shape: has the record.
    """
    if any(map(is_outside, shape.text_paths)) and shape.record is not None:
        inside = message.text
        text = joined_text(with_record(lambda _: inside, shape.record), shape)
        if not isinstance(text, str):
            return _no_text(shape)
        problem = text_problem(text, shape)
        if problem is not None:
            return problem
        message = replace(message, text=text)
    subject = _name(shape.subject_path, shape)
    if subject:
        subject = one_line(subject)
        message = replace(
            message, text=with_subject(subject, message.text), metadata={**message.metadata, "subject": subject}
        )
    return replace(
        message,
        message_id=_name(shape.id_path, shape) or message.message_id,
        conversation_id=_name(shape.conversation_path, shape) or message.conversation_id,
        customer_id=_name(shape.customer_path, shape) or message.customer_id,
        channel=_name(shape.channel_path, shape) or shape.channel or message.channel,
        language=_name(shape.language_path, shape) or message.language or shape.language,
        helpdesk_ticket_id=_name(shape.ticket_path, shape) or message.helpdesk_ticket_id,
    )


def _no_text(shape: InputShape) -> Rejected:
    return Rejected("no_text", f"there is no field {' or '.join(map(describe, shape.text_paths))}")


def _name(path: Path, shape: InputShape) -> str | None:
    if shape.record is None or not is_outside(path):
        return None
    return name_or_none(shape.record.find(path), shape)  # numbers of the key are as they were written

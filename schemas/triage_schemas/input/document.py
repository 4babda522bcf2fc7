"""From a parsed document to a customer's message, for every format whose values have named fields."""

from functools import partial
from typing import Any

from triage_schemas.input.change_events.control_records import control_record
from triage_schemas.input.change_events.reading import read_change, skips_tombstones
from triage_schemas.input.field_values import ValueAt, joined_text, with_record
from triage_schemas.input.fields import (
    default_message_id,
    name_or_none,
    plain_scalars,
    text_problem,
    with_subject,
)
from triage_schemas.json_values.exact_json import parse_embedded
from triage_schemas.json_values.paths import NotFound, find, json_type
from triage_schemas.messages.message import CustomerMessage, InputShape, Rejected, Skipped, Source
from triage_schemas.messages.names import one_line
from triage_schemas.messages.record_parts import describe

DOCUMENT_CODES = ("not_object", "text_not_string", "several_messages")
"""Rejection codes of `read_document`, besides the common ones."""


def read_document(
    document: Any, source: Source, shape: InputShape, value: bytes = b""
) -> CustomerMessage | Rejected | Skipped:
    """Read the known fields of a document of plain values, as a JSON parser returns it.

    Args:
        document: what was parsed.
        source: where the record was read.
        shape: where the fields are, and their limits.
        value: the JSON, if the parser rounded its numbers; empty if it kept them as they were written.

    Raises:
        InexactNumber: a number that is read may have lost digits; only if ``value`` is given.
    """
    if not isinstance(document, dict):
        return _read_other(document, source, shape)
    change = read_change(document, shape)
    if isinstance(change, Rejected | Skipped):
        return change
    value_at: ValueAt = partial(find, document) if change is None else change.value
    if shape.record is not None:
        value_at = with_record(value_at, shape.record)
    text = joined_text(value_at, shape) if shape.more_text_paths else value_at(shape.text_path)
    if not isinstance(text, str):
        return _no_text(text, document, shape)
    problem = text_problem(text, shape)
    if problem is not None:
        return problem
    get = document.get
    metadata = get("metadata")
    scalars = plain_scalars(metadata, shape, value) if isinstance(metadata, dict) else {}
    if shape.subject_path:
        subject = _subject(value_at(shape.subject_path), shape)
        if subject:
            text, scalars = with_subject(subject, text), {"subject": subject, **scalars}
    channel = value_at(shape.channel_path) if shape.channel_path else get("channel")
    language = value_at(shape.language_path) if shape.language_path else get("language")
    ticket = value_at(shape.ticket_path) if shape.ticket_path else get("ticket_id")
    return CustomerMessage(
        text,
        name_or_none(value_at(shape.id_path) if shape.id_path else get("message_id"), shape)
        or default_message_id(source),
        name_or_none(value_at(shape.conversation_path), shape),
        name_or_none(value_at(shape.customer_path) if shape.customer_path else get("customer_id"), shape),
        name_or_none(channel, shape) or shape.channel,
        name_or_none(language, shape) or shape.language,
        name_or_none(get("created_at"), shape),
        scalars,
        helpdesk_ticket_id=name_or_none(ticket, shape),
    )


def _subject(value: Any, shape: InputShape) -> str:
    return one_line(value) if isinstance(value, str) and value not in shape.placeholders else ""


def _read_other(document: Any, source: Source, shape: InputShape) -> CustomerMessage | Rejected | Skipped:
    """Read what is not an object: a string that contains one, or a null that follows a deletion."""
    if document is None and skips_tombstones(shape.text_path):
        return Skipped("tombstone")
    embedded = parse_embedded(document) if isinstance(document, str) else None
    if isinstance(embedded, dict):
        return read_document(embedded, source, shape)
    return Rejected("not_object", f"the value is a JSON {json_type(document)}, not an object")


def _no_text(text: Any | NotFound, document: dict[str, Any], shape: InputShape) -> Rejected | Skipped:
    """What a record is that has no string where the text should be."""
    if not isinstance(text, NotFound):
        return Rejected("text_not_string", f"the text is a JSON {json_type(text)}, not a string")
    reason = control_record(document)
    if reason is not None:
        return Skipped(reason)
    is_null = document.keys() <= {"schema", "payload"} and document.get("payload", "") is None
    if is_null and skips_tombstones(shape.text_path):
        return Skipped("tombstone")
    named = " or ".join(map(describe, shape.text_paths))
    return Rejected("no_text", f"there is no field {named}: {text.reason}")

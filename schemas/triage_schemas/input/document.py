"""From a parsed document to a customer's message, for every format whose values have named fields."""

from typing import Any

from triage_schemas.input.fields import default_message_id, name_or_none, plain_scalars, text_problem
from triage_schemas.input.message import CustomerMessage, InputShape, Rejected, Source
from triage_schemas.input.paths import NotFound, find, json_type

DOCUMENT_CODES = ("not_object", "no_text", "text_not_string")
"""Rejection codes of `read_document`, besides the common ones."""


def read_document(document: Any, source: Source, shape: InputShape) -> CustomerMessage | Rejected:
    """Read the known fields of a document of plain values, as a JSON parser returns it."""
    if not isinstance(document, dict):
        return Rejected("not_object", f"the value is a JSON {json_type(document)}, not an object")
    text = find(document, shape.text_path)
    if isinstance(text, NotFound):
        return Rejected("no_text", f"there is no field {'.'.join(shape.text_path)}: {text.reason}")
    if not isinstance(text, str):
        return Rejected("text_not_string", f"the text is a JSON {json_type(text)}, not a string")
    problem = text_problem(text, shape)
    if problem is not None:
        return problem
    get = document.get
    metadata = get("metadata")
    return CustomerMessage(
        text,
        name_or_none(get("message_id")) or default_message_id(source),
        name_or_none(find(document, shape.conversation_path)),
        name_or_none(get("customer_id")),
        name_or_none(get("channel")),
        name_or_none(get("language")),
        name_or_none(get("created_at")),
        plain_scalars(metadata) if isinstance(metadata, dict) else {},
    )

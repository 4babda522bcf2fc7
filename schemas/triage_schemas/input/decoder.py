"""Decodes a record's value in any of the input formats."""

from triage_schemas.input.formats import FORMATS
from triage_schemas.messages.message import EMPTY_VALUE, Decoded, InputShape, Rejected, Source


def decode(value: bytes | None, source: Source, shape: InputShape) -> Decoded:
    """Decode one record's value. Never raises, whatever the bytes.

    Only the text can make a record unreadable. Other fields are converted where that is safe, and omitted otherwise.

    Args:
        value: the record's value; None is a null value.
        source: where the record was read. It names a message that has no id.
        shape: the format and the size limits.
    """
    if value is None:
        return FORMATS[shape.format].decode_null(shape)
    if not value:
        return Rejected(EMPTY_VALUE, "the value is empty")
    if len(value) > shape.max_message_bytes:
        return Rejected("too_large", f"the value has {len(value)} bytes, {shape.max_message_bytes} are allowed")
    return FORMATS[shape.format].decode(value, source, shape)

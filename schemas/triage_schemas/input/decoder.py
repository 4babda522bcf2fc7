"""Decodes a record's value in any of the input formats."""

from collections.abc import Sequence

from triage_schemas.input.formats import FORMATS
from triage_schemas.input.framed_values import frame_of, read_framed
from triage_schemas.input.registry.schema import Schemas
from triage_schemas.messages.message import EMPTY_VALUE, Decoded, InputShape, Rejected, Source


def decode(
    value: bytes | None,
    source: Source,
    shape: InputShape,
    headers: Sequence[tuple[str, bytes | None]] = (),
    schemas: Schemas | None = None,
) -> Decoded:
    """Decode one record's value. Never raises, whatever the bytes.

    Only the text can make a record unreadable. Other fields are converted where that is safe, and omitted otherwise.

    Args:
        value: the record's value; None is a null value.
        source: where the record was read. It names a message that has no id.
        shape: the format and the size limits.
        headers: the record's, one of which can name a schema.
        schemas: looks up a schema of a registry; it has that of `frame_of`. None: there is no registry.
    """
    if value is None:
        return FORMATS[shape.format].decode_null(shape)
    if not value:
        return Rejected(EMPTY_VALUE, "the value is empty")
    if len(value) > shape.max_message_bytes:
        return Rejected("too_large", f"the value has {len(value)} bytes, {shape.max_message_bytes} are allowed")
    frame = None if schemas is None else frame_of(value, headers, shape)
    if schemas is not None and frame is not None:
        return read_framed(value, frame, schemas(frame.schema_id), source, shape)
    return FORMATS[shape.format].decode(value, source, shape)

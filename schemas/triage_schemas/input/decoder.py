"""Decodes a record's value in any of the input formats."""

from collections.abc import Sequence

from triage_schemas.input.document import read_document
from triage_schemas.input.field_values import with_outside_fields
from triage_schemas.input.formats import FORMATS
from triage_schemas.input.framed_values import frame_of, read_framed
from triage_schemas.input.registry.schema import Schemas
from triage_schemas.messages.message import EMPTY_VALUE, CustomerMessage, Decoded, InputShape, Rejected, Source
from triage_schemas.messages.record_parts import is_outside


def decode(
    value: bytes | None,
    source: Source,
    shape: InputShape,
    headers: Sequence[tuple[str, bytes | None]] = (),
    schemas: Schemas | None = None,
    key: bytes | None = None,
) -> Decoded:
    """Decode one record's value. Never raises, whatever the bytes.

    Only the text can make a record unreadable. Other fields are converted where that is safe, and omitted otherwise.

    Args:
        value: the record's value; None is a null value.
        source: where the record was read. It names a message that has no id.
        shape: the format and the size limits.
        headers: the record's, one of which can name a schema, and where a field can be.
        schemas: looks up a schema of a registry; it has that of `frame_of`. None: there is no registry.
        key: the record's, where a field can be.
    """
    shape = shape.of_record(headers, key)
    if shape.record is not None and all(map(is_outside, shape.text_paths)) and (not value or shape.format == "text"):
        return read_document({}, source, shape)
    declared = FORMATS[shape.format]
    decoded = _decode(value, source, shape, headers, schemas)
    if declared.has_fields or not isinstance(decoded, CustomerMessage):
        return decoded
    return with_outside_fields(decoded, shape) if shape.record or shape.channel or shape.language else decoded


def _decode(
    value: bytes | None,
    source: Source,
    shape: InputShape,
    headers: Sequence[tuple[str, bytes | None]],
    schemas: Schemas | None,
) -> Decoded:
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

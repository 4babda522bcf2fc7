"""Decodes a value by the schema that its frame names."""

from collections.abc import Sequence

from triage_schemas.input.change_events.control_records import is_mirror_maker_heartbeat
from triage_schemas.input.document import DOCUMENT_CODES, read_document
from triage_schemas.input.json_format import decode_json
from triage_schemas.input.registry.frames import Frame, read_frame
from triage_schemas.input.registry.plain_values import as_written
from triage_schemas.input.registry.schema import JsonSchema, KnownSchema, UnreadableError, UnusableSchema
from triage_schemas.json_values.numbers import InexactNumber
from triage_schemas.messages.message import Decoded, InputShape, Rejected, Skipped, Source

BY_REGISTRY = frozenset({"json", "avro", "protobuf"})
"""Formats whose framed values are read by the schema that they name. JSON Schema's values need none."""

REGISTRY_CODES = ("no_schema_id", "unknown_schema", "bad_schema", "not_by_schema", "too_deep", *DOCUMENT_CODES)
"""Rejection codes of values that are read by a registry's schema."""


def frame_of(value: bytes | None, headers: Sequence[tuple[str, bytes | None]], shape: InputShape) -> Frame | None:
    """The frame of a value that can only be decoded by the schema that it names; None for any other value."""
    if not value or len(value) > shape.max_message_bytes or shape.format not in BY_REGISTRY:
        return None
    return read_frame(value, headers)


def read_framed(value: bytes, frame: Frame, schema: KnownSchema, source: Source, shape: InputShape) -> Decoded:
    """Decode a framed value by its schema. Never raises."""
    decoded = _read(frame, schema, source, shape)
    # MirrorMaker's binary heartbeat looks like a frame with the schema 1, which reads nothing like it.
    is_heartbeat = isinstance(decoded, Rejected) and is_mirror_maker_heartbeat(value)
    return Skipped("heartbeat") if is_heartbeat else decoded


def _read(frame: Frame, schema: KnownSchema, source: Source, shape: InputShape) -> Decoded:
    if isinstance(schema, UnusableSchema):
        return Rejected(schema.code, schema.problem)
    if isinstance(schema, JsonSchema):
        return decode_json(frame.payload, source, shape)
    try:
        document = schema.read(frame)
        try:
            return read_document(document, source, shape)
        except InexactNumber:
            return read_document(as_written(document), source, shape)
    except UnreadableError as error:
        return Rejected("not_by_schema", str(error))
    except RecursionError:
        return Rejected("too_deep", "the value is nested too deeply")


def reject_unframed(_value: bytes, _source: Source, shape: InputShape) -> Rejected | Skipped:
    """Make a dead letter of a value that names no schema."""
    return Rejected("no_schema_id", f"neither the value nor a header names a schema, which {shape.format} needs")

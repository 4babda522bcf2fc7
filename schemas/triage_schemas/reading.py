"""Reads events in any format that Triage writes. A value says itself which one it is."""

from collections.abc import Sequence
from typing import Any, TypeVar

import orjson
from pydantic_core import InitErrorDetails, PydanticCustomError, ValidationError

from triage_schemas.events import Event
from triage_schemas.input.registry.frames import Frame, read_frame
from triage_schemas.input.registry.schema import JsonSchema, Schemas, UnreadableError, UnusableSchema

E = TypeVar("E", bound=Event)
RecordHeaders = Sequence[tuple[str, bytes | None]] | None

OBJECT = b"{"

UNREADABLE = "unreadable"
"""The kind of a validation error that says why a value cannot be read by its schema."""


def avro_frame(value: bytes | None, headers: RecordHeaders = None) -> Frame | None:
    """Return the frame of an event in Avro, which can only be read by the schema that it names; None for any other.

    What a frame contains is JSON if it begins like an object. No event in Avro does: each begins with a string, and the
    byte of a brace would be a negative length.
    """
    if not value or value.startswith(OBJECT):
        return None
    frame = read_frame(value, headers or ())
    return None if frame is None or frame.payload.startswith(OBJECT) else frame


def read_event(kind: type[E], value: bytes, headers: RecordHeaders = None, schemas: Schemas | None = None) -> E:
    """Read an event. Unknown fields are ignored, since a newer version may have written it.

    Args:
        kind: the type that it should have.
        value: the record's.
        headers: the record's.
        schemas: looks up a schema of a registry; it has that of `avro_frame`. None: there is no registry.

    Raises:
        pydantic.ValidationError: it is no such event, or cannot be read.
    """
    frame = avro_frame(value, headers)
    if frame is None:
        return kind.read(_json(value, headers))
    try:
        fields = _by_schema(frame, schemas)
    except UnreadableError as error:
        # The message is a template: what is in braces is filled in.
        problem = PydanticCustomError(UNREADABLE, "{why}", {"why": str(error)})
        details = [InitErrorDetails(type=problem, loc=(), input=None)]
        raise ValidationError.from_exception_data(kind.__name__, details) from None
    return kind.model_validate(_as_set(kind, fields), strict=False, extra="ignore")


def read_fields(value: bytes, headers: RecordHeaders = None, schemas: Schemas | None = None) -> Any:
    """Read an event of any type, or another JSON value, as a JSON parser would.

    Raises:
        UnreadableError: it cannot be read.
    """
    frame = avro_frame(value, headers)
    if frame is not None:
        return _by_schema(frame, schemas)
    try:
        return orjson.loads(_json(value, headers))
    except orjson.JSONDecodeError as error:
        raise UnreadableError(f"the value is not JSON: {error}") from None


def _json(value: bytes, headers: RecordHeaders) -> bytes:
    """The value without the frame in front of it, if there is one."""
    frame = None if value.startswith(OBJECT) else read_frame(value, headers or ())
    return value if frame is None else frame.payload


def _by_schema(frame: Frame, schemas: Schemas | None) -> Any:
    if schemas is None:
        raise UnreadableError(f"it was written by the schema {frame.schema_id}: set TRIAGE_SCHEMA_REGISTRY_URL")
    schema = schemas(frame.schema_id)
    if isinstance(schema, UnusableSchema):
        raise UnreadableError(schema.problem)
    if isinstance(schema, JsonSchema):
        raise UnreadableError("it has a JSON schema, and is no JSON object")
    try:
        return schema.read(frame)
    except RecursionError:
        raise UnreadableError("the value is nested too deeply") from None


def _as_set(kind: type[Event], fields: Any) -> Any:
    """Leave out fields with their default values: Avro writes them, JSON does not, and both give the same event."""
    if not isinstance(fields, dict):
        return fields
    defaults = {
        name: field.get_default(call_default_factory=True)
        for name, field in kind.model_fields.items()
        if not field.is_required()
    }
    return {name: value for name, value in fields.items() if name not in defaults or value != defaults[name]}

"""Writes the values of events: as JSON, or framed by the id of the schema that a registry has for their type."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from typing import Any, Protocol

import orjson
from pydantic import AwareDatetime

from triage_schemas.avro_schema import avro_schema
from triage_schemas.cloudevents import CONTENT_TYPE
from triage_schemas.events import EntityRef, Event
from triage_schemas.input.registry.frames import MAGIC_ID

SchemaIds = Mapping[type[Event], int]
"""The registry's id of the schema of each event type."""

LONGS = range(-(2**63), 2**63)


class EventEncoding(Protocol):
    """Writes events in one format."""

    @property
    def content_type(self) -> str:
        """The header ``content-type`` of what it writes."""
        ...

    def write(self, event: Event) -> bytes:
        """Return the value of an event."""
        ...

    def write_fields(self, kind: type[Event], fields: dict[str, Any]) -> bytes:
        """Return the value of an event that is not an object yet. It may change ``fields``.

        Args:
            kind: the event's type.
            fields: as they are in JSON; nested ones may be dataclasses.
        """
        ...

    def constant(self, value: Any) -> Any:
        """Return what stands for a field that is the same in many events, so that it need not be written each time."""
        ...


class JsonEncoding:
    """Writes JSON in UTF-8."""

    content_type = CONTENT_TYPE

    def write(self, event: Event) -> bytes:
        """Return the value of an event; fields that were not set are omitted."""
        return event.write()

    def write_fields(self, kind: type[Event], fields: dict[str, Any]) -> bytes:
        """Return the value of an event that is not an object yet."""
        return orjson.dumps(fields)

    def constant(self, value: Any) -> Any:
        """Return the field's JSON."""
        return orjson.Fragment(orjson.dumps(value))


JSON = JsonEncoding()


class FramedJsonEncoding(JsonEncoding):
    """Writes the same JSON behind the frame of Confluent's clients: a zero byte and the schema's id in four.

    Args:
        ids: of the event types that are written.
    """

    def __init__(self, ids: SchemaIds) -> None:
        self._frames = {kind: frame(schema_id) for kind, schema_id in ids.items()}

    def write(self, event: Event) -> bytes:
        """Return the value of an event."""
        return self._frames[type(event)] + super().write(event)

    def write_fields(self, kind: type[Event], fields: dict[str, Any]) -> bytes:
        """Return the value of an event that is not an object yet."""
        return self._frames[kind] + super().write_fields(kind, fields)


@dataclass(frozen=True, slots=True)
class _AvroType:
    frame: bytes
    schema: Any
    times: tuple[str, ...]


class AvroEncoding:
    """Writes Avro behind the frame of Confluent's clients.

    Args:
        ids: of the event types that are written.

    Raises:
        ImportError: the extra ``registry`` is not installed.
    """

    content_type = "application/avro"

    def __init__(self, ids: SchemaIds) -> None:
        import fastavro  # noqa: PLC0415 (of an extra)

        self._write = fastavro.schemaless_writer
        self._types = {
            kind: _AvroType(frame(schema_id), fastavro.parse_schema(avro_schema(kind)), _times(kind))
            for kind, schema_id in ids.items()
        }

    def write(self, event: Event) -> bytes:
        """Return the value of an event."""
        return self._value(self._types[type(event)], event.model_dump())

    def write_fields(self, kind: type[Event], fields: dict[str, Any]) -> bytes:
        """Return the value of an event that is not an object yet."""
        written = self._types[kind]
        for name in written.times:
            fields[name] = datetime.fromisoformat(fields[name])
        if fields.get("entities"):
            fields["entities"] = [
                {name: getattr(one, name) for name in EntityRef.model_fields} for one in fields["entities"]
            ]
        return self._value(written, fields)

    def constant(self, value: Any) -> Any:
        """Return the value itself."""
        return value

    def _value(self, written: _AvroType, fields: dict[str, Any]) -> bytes:
        metadata = fields.get("metadata")
        if metadata and any(type(value) is int and value not in LONGS for value in metadata.values()):
            fields["metadata"] = {name: _fitting(value) for name, value in metadata.items()}
        stream = BytesIO()
        stream.write(written.frame)
        self._write(stream, written.schema, fields)
        return stream.getvalue()


def frame(schema_id: int) -> bytes:
    """Return what stands in front of a value that was written by a schema."""
    return bytes([MAGIC_ID]) + schema_id.to_bytes(4)


def _times(kind: type[Event]) -> tuple[str, ...]:
    return tuple(name for name, field in kind.model_fields.items() if field.annotation is AwareDatetime)


def _fitting(value: Any) -> Any:
    """Return a number that no Avro type holds with all its digits as text, and any other value as it is."""
    return str(value) if type(value) is int and value not in LONGS else value

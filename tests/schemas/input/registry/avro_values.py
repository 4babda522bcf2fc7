"""Framed Avro values, and the schemas that they are read by."""

from collections.abc import Mapping
from io import BytesIO
from typing import Any

import orjson
import pytest
from triage_schemas.input.decoder import decode
from triage_schemas.input.registry.compiling import compile_schema
from triage_schemas.input.registry.frames import SchemaId
from triage_schemas.input.registry.schema import KnownSchema, SchemaText, UnusableSchema
from triage_schemas.messages.message import Decoded, InputShape, Source

fastavro = pytest.importorskip("fastavro")

SOURCE = Source("customer.messages", 3, 1042)
UNKNOWN = UnusableSchema("unknown_schema", "the registry does not know the schema")


def record(*fields: Mapping[str, Any], name: str = "Message") -> dict[str, Any]:
    """Make the schema of a record."""
    return {"type": "record", "name": name, "fields": list(fields)}


def field(name: str, kind: Any) -> dict[str, Any]:
    return {"name": name, "type": kind}


def framed(schema: Any, value: Any, number: int = 1) -> bytes:
    """Write a value as Confluent's serializer does."""
    stream = BytesIO()
    fastavro.schemaless_writer(stream, fastavro.parse_schema(schema), value)
    return b"\0" + number.to_bytes(4) + stream.getvalue()


def compiled(schema: Any, **references: Any) -> KnownSchema:
    """Compile a schema as the worker does."""
    texts = {name: orjson.dumps(reference).decode() for name, reference in references.items()}
    return compile_schema(SchemaText("AVRO", orjson.dumps(schema).decode(), texts))


def decoded(value: bytes, schema: KnownSchema, path: str = "text", **shape: Any) -> Decoded:
    """Decode a value whose frame names the schema 1; no other is known."""
    known = {SchemaId("short", "1"): schema}
    settings = InputShape(**{"format": "avro", "text_path": tuple(path.split(".")), **shape})
    return decode(value, SOURCE, settings, (), lambda schema_id: known.get(schema_id, UNKNOWN))

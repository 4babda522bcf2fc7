"""The output formats, and the text of the schema that each registers for an event type."""

from typing import Literal

import orjson

from triage_schemas.avro_schema import avro_schema
from triage_schemas.events import Event
from triage_schemas.input.registry.schema import SchemaText
from triage_schemas.json_schema import json_schema

OutputFormat = Literal["json", "avro", "json_schema"]

CONTENT_TYPES: dict[OutputFormat, str] = {
    "json": "application/json",
    "avro": "application/avro",
    "json_schema": "application/json",
}
"""What the header ``content-type`` says; the frame in front of a value is not part of its content."""


def schema_of(kind: type[Event], output_format: OutputFormat) -> SchemaText:
    """Return what a registry gets for the events of a type. The same type always gives the same text.

    Args:
        kind: the type.
        output_format: one that is registered: not "json".
    """
    if output_format == "avro":
        return SchemaText("AVRO", orjson.dumps(avro_schema(kind)).decode())
    return SchemaText("JSON", orjson.dumps(json_schema(kind)).decode())

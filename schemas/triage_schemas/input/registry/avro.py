"""Reads Avro by the schema that it was written with."""

from io import BytesIO
from typing import Any

import fastavro
import orjson

from triage_schemas.input.registry.frames import Frame
from triage_schemas.input.registry.plain_values import plain
from triage_schemas.input.registry.schema import SchemaText, UnreadableError

VALUE = "value"


class AvroSchema:
    """An Avro schema, with those it refers to.

    Raises:
        Exception: the schema is not valid; fastavro has no common type of error.
    """

    def __init__(self, schema: SchemaText) -> None:
        named: dict[str, dict[str, Any]] = {}
        for text in schema.references.values():
            fastavro.parse_schema(orjson.loads(text), named_schemas=named)
        parsed = orjson.loads(schema.text)
        self._is_wrapped = not (isinstance(parsed, dict) and parsed.get("type") == "record")
        if self._is_wrapped:
            # A record with one field is written as that field is. fastavro keeps names with a record, but not with a
            # union, and topics of several events have a union of references.
            field = {"name": VALUE, "type": parsed}
            parsed = {"type": "record", "name": "triage_wrapper", "fields": [field]}
        self._parsed = fastavro.parse_schema(parsed, named_schemas=named)
        self._is_plain = not any("logicalType" in text for text in (schema.text, *schema.references.values()))

    def read(self, frame: Frame) -> Any:
        """Read one value; see `triage_schemas.input.registry.schema.Schema`."""
        stream = BytesIO(frame.payload)
        try:
            read: Any = fastavro.schemaless_reader(stream, self._parsed, None)
        except RecursionError:
            raise
        except Exception as error:  # an EOFError, a struct.error, a UnicodeDecodeError, an IndexError, …
            raise UnreadableError(
                f"the value does not have the shape of its Avro schema ({type(error).__name__})"
            ) from None
        left = len(frame.payload) - stream.tell()
        if left:
            raise UnreadableError(f"the value has {left} bytes more than its Avro schema describes")
        value = read[VALUE] if self._is_wrapped else read
        return value if self._is_plain else plain(value)

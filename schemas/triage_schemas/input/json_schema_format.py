"""The format "json_schema": JSON that a schema registry's client wrote. Its schema is not needed to read it."""

from triage_schemas.input.json_format import FORMAT as JSON
from triage_schemas.input.json_format import decode_json, decode_null
from triage_schemas.input.registry.frames import read_frame
from triage_schemas.messages.message import Decoded, InputFormat, InputShape, Source


def decode_framed_json(value: bytes, source: Source, shape: InputShape) -> Decoded:
    """Read a JSON object, without the frame in front of it if there is one."""
    frame = read_frame(value)
    return decode_json(value if frame is None else frame.payload, source, shape)


FORMAT = InputFormat(
    name="json_schema",
    description="JSON of a schema registry",
    decode=decode_framed_json,
    codes=JSON.codes,
    decode_null=decode_null,
)

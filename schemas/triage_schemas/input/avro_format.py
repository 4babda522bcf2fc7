"""The format "avro": a value that names its schema in a registry, by which it is read."""

from triage_schemas.input.framed_values import REGISTRY_CODES, reject_unframed
from triage_schemas.input.json_format import decode_null
from triage_schemas.messages.message import InputFormat

FORMAT = InputFormat(
    name="avro",
    description="Avro",
    decode=reject_unframed,
    codes=REGISTRY_CODES,
    decode_null=decode_null,
)

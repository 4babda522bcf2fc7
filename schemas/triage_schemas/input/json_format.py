"""The format "json": a JSON object that contains the text, with or without a schema registry's header."""

import json

import orjson

from triage_schemas.input import registry_header
from triage_schemas.input.change_events.control_records import is_mirror_maker_heartbeat
from triage_schemas.input.change_events.reading import skips_tombstones
from triage_schemas.input.document import DOCUMENT_CODES, read_document
from triage_schemas.input.fields import without_bom
from triage_schemas.json_values.exact_json import parse_exactly
from triage_schemas.json_values.numbers import InexactNumber
from triage_schemas.messages.message import Decoded, InputFormat, InputShape, Rejected, Skipped, Source, reject_null


def decode_json(value: bytes, source: Source, shape: InputShape) -> Decoded:
    """Read a JSON object: by a strict and fast parser first, then by a tolerant one that keeps numbers as written."""
    value = without_bom(value)
    try:
        document = orjson.loads(value)
    except ValueError:
        if registry_header.is_present(value):
            return _decode_binary(value, source, shape)
        return _decode_tolerantly(value, source, shape)
    try:
        return read_document(document, source, shape, value)
    except InexactNumber:
        return _decode_tolerantly(value, source, shape)


def decode_null(shape: InputShape) -> Decoded:
    """Read a null value: on the topic of a change log it follows a deletion."""
    return Skipped("tombstone") if skips_tombstones(shape.text_path) else reject_null(shape)


def _decode_binary(value: bytes, source: Source, shape: InputShape) -> Decoded:
    if is_mirror_maker_heartbeat(value):
        return Skipped("heartbeat")
    message = _decode_tolerantly(registry_header.remove(value), source, shape)
    if isinstance(message, Rejected) and message.code in {"not_json", "not_utf8"}:
        return Rejected("not_json", "the value begins with a schema registry's header, and no JSON follows (Avro?)")
    return message


def _decode_tolerantly(value: bytes, source: Source, shape: InputShape) -> Decoded:
    """Accept what orjson refuses: control characters in strings, huge numbers, lone surrogates outside the text."""
    try:
        document = parse_exactly(value.decode())
    except UnicodeDecodeError as error:
        return Rejected("not_utf8", f"the value is not UTF-8 at byte {error.start}")
    except json.JSONDecodeError as error:
        return Rejected("not_json", f"the value is not JSON: {error.msg} at character {error.pos}")
    except ValueError:
        return Rejected("not_json", "the value is not JSON: it contains a number that JSON does not allow")
    except RecursionError:
        return Rejected("too_deep", "the value is nested too deeply")
    return read_document(document, source, shape)


FORMAT = InputFormat(
    name="json",
    description="a JSON object",
    decode=decode_json,
    codes=("not_utf8", "not_json", "too_deep", *DOCUMENT_CODES),
    decode_null=decode_null,
)

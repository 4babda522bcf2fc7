"""The format "json": a JSON object that contains the text, with or without a schema registry's header."""

import json
from typing import NoReturn

import orjson

from triage_schemas.input import registry_header
from triage_schemas.input.document import DOCUMENT_CODES, read_document
from triage_schemas.input.fields import without_bom
from triage_schemas.input.message import CustomerMessage, InputFormat, InputShape, Rejected, Source


def decode_json(value: bytes, source: Source, shape: InputShape) -> CustomerMessage | Rejected:
    """Read a JSON object: strictly first, since that is fast, then tolerantly."""
    value = without_bom(value)
    try:
        document = orjson.loads(value)
    except ValueError:
        if registry_header.is_present(value):
            return _decode_after_header(value, source, shape)
        return _decode_tolerantly(value, source, shape)
    return read_document(document, source, shape)


def _decode_after_header(value: bytes, source: Source, shape: InputShape) -> CustomerMessage | Rejected:
    message = _decode_tolerantly(registry_header.remove(value), source, shape)
    if isinstance(message, Rejected) and message.code in {"not_json", "not_utf8"}:
        return Rejected("not_json", "the value begins with a schema registry's header, and no JSON follows (Avro?)")
    return message


def _decode_tolerantly(value: bytes, source: Source, shape: InputShape) -> CustomerMessage | Rejected:
    """Accept what orjson refuses: control characters within strings, and lone surrogates outside the text."""
    try:
        document = json.loads(value.decode(), strict=False, parse_constant=_refuse_constant)
    except UnicodeDecodeError as error:
        return Rejected("not_utf8", f"the value is not UTF-8 at byte {error.start}")
    except json.JSONDecodeError as error:
        return Rejected("not_json", f"the value is not JSON: {error.msg} at character {error.pos}")
    except ValueError:
        return Rejected("not_json", "the value is not JSON: it contains a number that JSON does not allow")
    except RecursionError:
        return Rejected("too_deep", "the value is nested too deeply")
    return read_document(document, source, shape)


def _refuse_constant(name: str) -> NoReturn:
    """Refuse NaN and Infinity, which Python's parser accepts."""
    raise ValueError(name)


FORMAT = InputFormat(
    name="json",
    description="a JSON object",
    decode=decode_json,
    codes=("not_utf8", "not_json", "too_deep", *DOCUMENT_CODES),
)

"""From the bytes of a record to a customer's message, or to the reason why not. Never raises, whatever the bytes."""

import codecs
import json
import math
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Literal, NamedTuple, NoReturn

import orjson

from triage_schemas.input.paths import Nowhere, find, json_type

RejectionCode = Literal[
    "null_value",
    "empty_value",
    "too_large",
    "not_utf8",
    "not_json",
    "too_deep",
    "not_object",
    "no_text",
    "text_not_string",
    "text_blank",
    "text_too_large",
    "lone_surrogate",
]
"""Why a record cannot be read. Stable: operators filter and replay dead letters by it."""

Scalar = str | int | float | bool

NAME_CHARACTERS = 1_024
"""The longest id, name or metadata string that is kept; what is longer is no name, and is left out."""

SCHEMA_FRAME = 5
"""Bytes that clients of a schema registry put before a value: a zero, and the schema's id."""

METADATA_ENTRIES = 32
"""How many scalars of ``metadata`` are kept, for the router's rules to match on."""


class Source(NamedTuple):
    """Where a record was read."""

    topic: str
    partition: int
    offset: int


@dataclass(frozen=True, slots=True)
class InputShape:
    """What the values on the input topic look like, and how large they may be.

    Attributes:
        format: "json" for an object that holds the text, "text" for the bare text.
        text_path: the names that lead to the text in the object.
        conversation_path: the names that lead to the id of the conversation.
        max_message_bytes: the largest value that is read.
        max_text_bytes: the longest text, in UTF-8, that is classified.
    """

    format: Literal["json", "text"] = "json"
    text_path: tuple[str, ...] = ("text",)
    conversation_path: tuple[str, ...] = ("conversation_id",)
    max_message_bytes: int = 1_048_576
    max_text_bytes: int = 65_536


@dataclass(frozen=True, slots=True)
class CustomerMessage:
    """One message, as far as Triage needs it. ``metadata`` holds its scalars only."""

    text: str
    message_id: str
    conversation_id: str | None = None
    customer_id: str | None = None
    channel: str | None = None
    language: str | None = None
    created_at: str | None = None
    metadata: dict[str, Scalar] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Rejected:
    """Why a record is a dead letter: a stable code, and a sentence that carries nothing of the customer's text."""

    code: RejectionCode
    message: str


def decode(value: bytes | None, source: Source, shape: InputShape) -> CustomerMessage | Rejected:
    """Read one record's value. Only the text can make it a dead letter; other fields are coerced or left out."""
    if value is None:
        return Rejected("null_value", "the value is null")
    if not value:
        return Rejected("empty_value", "the value is empty")
    if len(value) > shape.max_message_bytes:
        return Rejected("too_large", f"the value has {len(value)} bytes, {shape.max_message_bytes} are allowed")
    if value.startswith(codecs.BOM_UTF8):
        value = value[len(codecs.BOM_UTF8) :]
    if shape.format == "text":
        return _decode_text(value, source, shape)
    try:
        document = orjson.loads(value)
    except ValueError:
        return (_decode_framed if value.startswith(b"\0") else _decode_leniently)(value, source, shape)
    return _from_document(document, source, shape)


def _decode_text(value: bytes, source: Source, shape: InputShape) -> CustomerMessage | Rejected:
    try:
        text = value.decode()
    except UnicodeDecodeError as error:
        return Rejected("not_utf8", f"the value is not UTF-8 at byte {error.start}")
    return _text_problem(text, shape) or CustomerMessage(text, _default_id(source))


def _decode_framed(value: bytes, source: Source, shape: InputShape) -> CustomerMessage | Rejected:
    """A value with a schema's id before it, as registries' clients write it; no JSON begins with a zero."""
    message = _decode_leniently(value[SCHEMA_FRAME:], source, shape)
    if isinstance(message, Rejected) and message.code in {"not_json", "not_utf8"}:
        return Rejected("not_json", "the value begins as those of a schema registry do, and no JSON follows (Avro?)")
    return message


def _decode_leniently(value: bytes, source: Source, shape: InputShape) -> CustomerMessage | Rejected:
    """What a strict parser refuses: control characters in a string and surrogates outside the text are let through."""
    try:
        document = json.loads(value.decode(), strict=False, parse_constant=_refuse_constant)
    except UnicodeDecodeError as error:
        return Rejected("not_utf8", f"the value is not UTF-8 at byte {error.start}")
    except json.JSONDecodeError as error:
        return Rejected("not_json", f"the value is not JSON: {error.msg} at character {error.pos}")
    except ValueError:
        return Rejected("not_json", "the value is not JSON: a number that JSON does not know")
    except RecursionError:
        return Rejected("too_deep", "the value is nested too deeply")
    return _from_document(document, source, shape)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)


def _from_document(document: Any, source: Source, shape: InputShape) -> CustomerMessage | Rejected:
    if not isinstance(document, dict):
        return Rejected("not_object", f"the value is a JSON {json_type(document)}, not an object")
    text = find(document, shape.text_path)
    if isinstance(text, Nowhere):
        return Rejected("no_text", f"there is no field {'.'.join(shape.text_path)}: {text.reason}")
    if not isinstance(text, str):
        return Rejected("text_not_string", f"the text is a JSON {json_type(text)}, not a string")
    problem = _text_problem(text, shape)
    if problem is not None:
        return problem
    get = document.get
    metadata = get("metadata")
    return CustomerMessage(
        text,
        _name(get("message_id")) or _default_id(source),
        _name(find(document, shape.conversation_path)),
        _name(get("customer_id")),
        _name(get("channel")),
        _name(get("language")),
        _name(get("created_at")),
        _scalars(metadata) if isinstance(metadata, dict) else {},
    )


def _text_problem(text: str, shape: InputShape) -> Rejected | None:
    if not text or text.isspace():
        return Rejected("text_blank", "the text is empty or blank")
    if not _encodable(text):
        return Rejected("lone_surrogate", "the text holds half of a surrogate pair, which no encoding can carry")
    if len(text) * 4 > shape.max_text_bytes:
        size = len(text.encode())
        if size > shape.max_text_bytes:
            return Rejected("text_too_large", f"the text has {size} bytes, {shape.max_text_bytes} are allowed")
    return None


def _default_id(source: Source) -> str:
    return f"{source.topic}-{source.partition}-{source.offset}"


def _name(value: Any) -> str | None:
    """A known field as a string; None when missing, empty, or of a type that has no plain reading as one."""
    if isinstance(value, str):
        return value if 0 < len(value) <= NAME_CHARACTERS and _encodable(value) else None
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    return None


def _scalars(metadata: dict[str, Any]) -> dict[str, Scalar]:
    kept = ((name, value) for name, value in metadata.items() if _is_plain(name) and _is_plain(value))
    return dict(islice(kept, METADATA_ENTRIES))


def _is_plain(value: Any) -> bool:
    """Whether a value is a scalar that every JSON reader gets back as it was."""
    if isinstance(value, str):
        return len(value) <= NAME_CHARACTERS and _encodable(value)
    if isinstance(value, int):
        return -(2**63) <= value < 2**63
    return isinstance(value, float) and math.isfinite(value)


def _encodable(text: str) -> bool:
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True

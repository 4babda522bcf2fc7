"""Checks and conversions of single fields, shared by all input formats."""

import codecs
from typing import Any

from triage_schemas.json_values.numbers import (
    SAFE_INTEGER,
    InexactNumber,
    WrittenNumber,
    exact_number,
    may_have_lost_digits,
)
from triage_schemas.messages.message import InputShape, Rejected, Scalar, Source
from triage_schemas.messages.names import NAME_CHARACTERS

METADATA_ENTRIES = 32
"""How many scalars of ``metadata`` are read, for the router's rules to match on."""

EXTENDED_JSON = frozenset({"$oid", "$uuid", "$numberInt", "$numberLong", "$numberDouble", "$numberDecimal"})
"""The names by which MongoDB marks the type of an id or of a number."""


def without_bom(value: bytes) -> bytes:
    """The value without a UTF-8 byte order mark at its start."""
    return value[len(codecs.BOM_UTF8) :] if value.startswith(codecs.BOM_UTF8) else value


def text_problem(text: str, shape: InputShape) -> Rejected | None:
    """Why a text cannot be classified, or None where it can."""
    if not text or text.isspace():
        return Rejected("text_blank", "the text is empty or blank")
    if text in shape.placeholders:
        return Rejected("no_text", "the text is the placeholder of a value that a connector left out")
    if not (text.isascii() or _is_encodable(text)):
        return Rejected("lone_surrogate", "the text contains half of a surrogate pair, which UTF-8 cannot encode")
    if len(text) * 4 > shape.max_text_bytes:
        size = len(text.encode())
        if size > shape.max_text_bytes:
            return Rejected("text_too_large", f"the text has {size} bytes, {shape.max_text_bytes} are allowed")
    return None


def with_subject(subject: str, text: str) -> str:
    """A text below its subject. Whoever reads it knows the subject by its name."""
    return f"Subject: {subject}\n\n{text}" if subject else text


def default_message_id(source: Source) -> str:
    """The id of a message that has none: topic-partition-offset."""
    return f"{source.topic}-{source.partition}-{source.offset}"


def name_or_none(value: Any, shape: InputShape) -> str | None:
    """An id or a name as a string; None if missing, empty, too long, a placeholder or of another type.

    A number becomes the digits that it was written with.

    Raises:
        InexactNumber: the digits are not known, since the value was parsed by a parser that rounds numbers.
    """
    if isinstance(value, str):
        usable = 0 < len(value) <= NAME_CHARACTERS and value not in shape.placeholders
        return value if usable and (value.isascii() or _is_encodable(value)) else None
    if value is None or isinstance(value, bool):
        return None
    if isinstance(value, WrittenNumber):
        return value.text if len(value.text) <= NAME_CHARACTERS else None
    if isinstance(value, int) and value != 0:
        return str(value)
    if isinstance(value, int | float):  # 0 may have been written as -0
        raise InexactNumber
    return name_or_none(next(iter(value.values())), shape) if is_extended_json(value) else None


def is_extended_json(value: Any) -> bool:
    """Whether a value is MongoDB's notation of an id or a number, such as ``{"$numberLong": "7"}``."""
    return isinstance(value, dict) and len(value) == 1 and not EXTENDED_JSON.isdisjoint(value)


def plain_scalars(metadata: dict[str, Any], shape: InputShape, value: bytes) -> dict[str, Scalar]:
    """The first `METADATA_ENTRIES` entries whose value every JSON reader reads back unchanged.

    A number that not every reader can represent becomes a string, as it was written.

    Args:
        metadata: the parsed object.
        shape: the placeholders to leave out.
        value: the JSON that it was parsed from; empty if numbers were kept as written.

    Raises:
        InexactNumber: a number may have lost digits when ``value`` was parsed.
    """
    scalars: dict[str, Scalar] = {}
    for name, entry in metadata.items():
        scalar = entry
        if not isinstance(entry, str):
            scalar = _plain_number(entry, value)
        elif not _is_plain(entry) or entry in shape.placeholders:
            continue
        if scalar is not None and _is_plain(name):
            scalars[name] = scalar
            if len(scalars) == METADATA_ENTRIES:
                break
    return scalars


def _plain_number(entry: Any, value: bytes) -> Scalar | None:
    """A number or a boolean that every JSON reader reads back unchanged, or the number as it was written."""
    if isinstance(entry, int):
        return entry if -SAFE_INTEGER <= entry <= SAFE_INTEGER else str(entry)
    if isinstance(entry, float):
        start = value.find(b'"metadata"')
        if may_have_lost_digits(entry, value if start < 0 else value[start:]):
            raise InexactNumber
        return entry
    if isinstance(entry, WrittenNumber):
        return exact_number(entry.text) if len(entry.text) <= NAME_CHARACTERS else None
    return None


def _is_plain(text: str) -> bool:
    return len(text) <= NAME_CHARACTERS and (text.isascii() or _is_encodable(text))


def _is_encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True

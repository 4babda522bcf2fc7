"""Checks and conversions of single fields, shared by all input formats."""

import codecs
import math
from itertools import islice
from typing import Any

from triage_schemas.input.message import InputShape, Rejected, Scalar, Source

NAME_CHARACTERS = 1_024
"""The longest id, name or metadata string that is accepted. A longer one is omitted."""

METADATA_ENTRIES = 32
"""How many scalars of ``metadata`` are read, for the router's rules to match on."""


def without_bom(value: bytes) -> bytes:
    """The value without a UTF-8 byte order mark at its start."""
    return value[len(codecs.BOM_UTF8) :] if value.startswith(codecs.BOM_UTF8) else value


def text_problem(text: str, shape: InputShape) -> Rejected | None:
    """Why a text cannot be classified, or None where it can."""
    if not text or text.isspace():
        return Rejected("text_blank", "the text is empty or blank")
    if not _is_encodable(text):
        return Rejected("lone_surrogate", "the text contains half of a surrogate pair, which UTF-8 cannot encode")
    if len(text) * 4 > shape.max_text_bytes:
        size = len(text.encode())
        if size > shape.max_text_bytes:
            return Rejected("text_too_large", f"the text has {size} bytes, {shape.max_text_bytes} are allowed")
    return None


def default_message_id(source: Source) -> str:
    """The id of a message that has none: topic-partition-offset."""
    return f"{source.topic}-{source.partition}-{source.offset}"


def name_or_none(value: Any) -> str | None:
    """An id or a name as a string. Numbers are converted; None if missing, empty, too long or of another type."""
    if isinstance(value, str):
        return value if 0 < len(value) <= NAME_CHARACTERS and _is_encodable(value) else None
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    return None


def plain_scalars(metadata: dict[str, Any]) -> dict[str, Scalar]:
    """The first `METADATA_ENTRIES` entries whose value every JSON reader reads back unchanged."""
    plain = ((name, value) for name, value in metadata.items() if _is_plain(name) and _is_plain(value))
    return dict(islice(plain, METADATA_ENTRIES))


def _is_plain(value: Any) -> bool:
    if isinstance(value, str):
        return len(value) <= NAME_CHARACTERS and _is_encodable(value)
    if isinstance(value, int):
        return -(2**63) <= value < 2**63
    return isinstance(value, float) and math.isfinite(value)


def _is_encodable(text: str) -> bool:
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True

"""Decodes change events in tests."""

from dataclasses import replace
from typing import Any

import orjson
from triage_schemas.input.decoder import decode
from triage_schemas.messages.message import CustomerMessage, Decoded, InputShape, Rejected, Skipped

from tests.schemas.input.change_events.formats import FORMATS, Row
from tests.schemas.input.examples import SOURCE

TEXT = "where is my parcel?"
OTHER = "please cancel my order"
ROW: Row = {"id": 7, "text": TEXT, "conversation_id": "c-1", "status": "open"}


def shape_of(row: str, **settings: Any) -> InputShape:
    """The shape that reads the text and the conversation from a row."""
    start = tuple(row.split("."))
    return replace(InputShape(text_path=(*start, "text"), conversation_path=(*start, "conversation_id")), **settings)


def decode_event(event: Any, row: str, **settings: Any) -> Decoded:
    """Decode an event whose text is in the row at a path."""
    return decode(orjson.dumps(event), SOURCE, shape_of(row, **settings))


def decode_change(name: str, before: Row | None, after: Row | None, **settings: Any) -> Decoded:
    """Decode an event of a format."""
    chosen = FORMATS[name]
    return decode_event(chosen.change(before, after), chosen.row, **settings)


def outcome(decoded: Decoded) -> str:
    """The text of a message, the reason of a skipped record, or the code of a dead letter."""
    if isinstance(decoded, CustomerMessage):
        return decoded.text
    if isinstance(decoded, Skipped):
        return f"skipped: {decoded.reason}"
    assert isinstance(decoded, Rejected)
    return f"dead letter: {decoded.code}"

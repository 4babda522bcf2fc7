"""Formats decisions as lines of a table: text, intent, confidence, and accepted or the reason.

Lines are printed one by one as they come, so the columns have fixed widths.
"""

from typing import NamedTuple

from rich.cells import cell_len, set_cell_size
from rich.text import Text

INTENT_WIDTH = 18
CONFIDENCE_WIDTH = 10
VERDICT_WIDTH = 16
NARROWEST_TEXT = 20


class Row(NamedTuple):
    """A message and its decision; ``reason`` is why it was not accepted, or the error code of a dead letter."""

    text: str
    intent: str
    confidence: float | None
    accepted: bool
    reason: str | None


def header(width: int) -> Text:
    """The header line, ``width`` columns wide."""
    return Text(_columns("message", "intent", "confidence", "accepted", width), style="bold")


def line(row: Row, width: int) -> Text:
    """The line of one row, ``width`` columns wide; control characters in the text become spaces."""
    printable = " ".join("".join(mark if mark.isprintable() else " " for mark in row.text).split())
    confidence = "" if row.confidence is None else f"{row.confidence:.3f}"
    verdict = "accepted" if row.accepted else (row.reason or "").replace("_", " ")
    text = Text(_columns(printable, row.intent, confidence, verdict, width))
    text.stylize("green" if row.accepted else "yellow", len(text) - len(verdict.ljust(VERDICT_WIDTH)))
    return text


def _columns(message: str, intent: str, confidence: str, verdict: str, width: int) -> str:
    room = max(NARROWEST_TEXT, width - INTENT_WIDTH - CONFIDENCE_WIDTH - VERDICT_WIDTH - 3)
    return " ".join(
        [
            _shortened(message, room),
            set_cell_size(intent, INTENT_WIDTH),
            confidence.rjust(CONFIDENCE_WIDTH),
            verdict.ljust(VERDICT_WIDTH),
        ]
    )


def _shortened(text: str, room: int) -> str:
    """The text in exactly ``room`` columns; one that is cut off ends with an ellipsis."""
    return set_cell_size(text, room) if cell_len(text) <= room else set_cell_size(text, room - 1) + "…"

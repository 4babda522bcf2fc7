"""The templates of the pages. Everything that comes from outside is escaped, and shown as text."""

import math
import unicodedata
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from markupsafe import Markup, escape

FOLDER = Path(__file__).parent.parent / "templates"
SHOWN_CHARACTERS = 4_000
"""Of a customer's text; the rest is shown on request."""

_ROUNDING = 1e-9
"""Less than this is an error of floating-point arithmetic."""

LINES = "\n\t"
INVISIBLE = {"Cc", "Cf", "Co", "Cs", "Zl", "Zp"}
JOINERS = {"\u200c", "\u200d"}
"""They belong to words and emojis, and reorder nothing."""


class Templates:
    """Renders templates by name."""

    def __init__(self) -> None:
        self._environment = Environment(
            loader=FileSystemLoader(FOLDER),
            autoescape=select_autoescape(default=True, default_for_string=True),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.filters |= {
            "shown": shown,
            "moment": moment,
            "iso": iso,
            "span": span,
            "thousands": thousands,
            "percent": percent,
            "at_least": at_least,
            "at_most": at_most,
            "words": words,
            "counted": counted,
            "breakable": breakable,
        }

    def render(self, name: str, values: Mapping[str, Any]) -> str:
        """Return the page of a template."""
        return self._environment.get_template(name).render(values)


def shown(text: str | None) -> str:
    """Return a text in which every character can be seen, and none changes the order or the place of others.

    Marks that reverse the direction, terminal codes and the like are replaced by their names, such as ⟦U+202E⟧.
    """
    return "".join(
        character if character in LINES or character in JOINERS or unicodedata.category(character) not in INVISIBLE
        else f"⟦U+{ord(character):04X}⟧"
        for character in text or ""
    )  # fmt: skip


def moment(milliseconds: int | None) -> str:
    """Return a time in UTC, such as 30 Nov 10:15."""
    if milliseconds is None:
        return "–"
    time = datetime.fromtimestamp(milliseconds / 1000, UTC)
    return f"{time.day} {time:%b %H:%M}"


def iso(milliseconds: int | None) -> str:
    """Return a time for machines."""
    return "" if milliseconds is None else datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat()


def span(seconds: float | None) -> str:
    """Return a duration in words, such as 3 min or 2 h 5 min."""
    if seconds is None:
        return "–"
    if seconds < 0.9995:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    return f"{hours // 24} days"


def thousands(number: float | None) -> str:
    """Return a whole number with commas."""
    return "–" if number is None else f"{number:,.0f}"


def breakable(name: str) -> Markup:
    """Return a name such as RETURN_REQUEST, which may be broken after its underscores; escaped."""
    return Markup(str(escape(name)).replace("_", "_<wbr>"))


def counted(number: int, name: str) -> str:
    """Return a number of things, such as 1 message or 1,200 messages."""
    return f"{number:,} {name}{'' if number == 1 else 's'}"


def percent(share: float | None, digits: int = 0) -> str:
    """Return a share, 0 to 1, in percent."""
    return "–" if share is None else f"{100 * share:.{digits}f} %"


def at_least(share: float) -> str:
    """Return a lower bound, 0 to 1, in percent; rounded down, since more would be claimed than is known."""
    return f"{math.floor(1000 * share + _ROUNDING) / 10:.1f} %"


def at_most(share: float) -> str:
    """Return an upper bound, 0 to 1, in percent; rounded up."""
    return f"{math.ceil(1000 * share - _ROUNDING) / 10:.1f} %"


def words(name: str | None) -> str:
    """Return a name such as LOW_CONFIDENCE as words."""
    return (name or "–").replace("_", " ").lower()

"""Values of events as the columns of rows."""

from datetime import datetime
from hashlib import blake2b
from typing import Any

MINUTE_MS = 60_000
HOUR_MS = 3_600_000
LONGEST_NAME = 200
"""Characters of a channel or a language that are kept: producers can write anything."""


def milliseconds(moment: Any) -> int | None:
    """Return an RFC 3339 time as milliseconds since the epoch; None if it is none."""
    if not isinstance(moment, str):
        return None
    try:
        return round(datetime.fromisoformat(moment).timestamp() * 1000)
    except (ValueError, OverflowError):
        return None


def text_of(value: Any) -> str | None:
    """Return a string without what SQLite and a page cannot take; None if it is no string."""
    if not isinstance(value, str):
        return None
    return value.replace("\x00", "").encode("utf-8", "replace").decode("utf-8")


def short(value: Any) -> str:
    """Return a short string for a group of rows; empty if there is none."""
    return (text_of(value) or "")[:LONGEST_NAME]


def number(value: Any) -> float | None:
    """Return a number; None if it is none."""
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def place_of(fields: dict[str, Any]) -> tuple[str, int, int] | None:
    """Return the position of the customer's message that an event is about."""
    source = fields.get("source")
    if not isinstance(source, dict):
        return None
    topic, partition, offset = source.get("topic"), source.get("partition"), source.get("offset")
    if isinstance(topic, str) and isinstance(partition, int) and isinstance(offset, int):
        return topic, partition, offset
    return None


def fraction(key: str, purpose: str) -> float:
    """Return a number from 0 to 1 that is always the same for a key, and differs between purposes."""
    return int.from_bytes(blake2b(f"{purpose}:{key}".encode(), digest_size=6).digest(), "big") / float(1 << 48)


class FewNames:
    """Keeps the number of different names in the rows small: producers can write anything into a field.

    Args:
        most: different names; all further ones are `OTHERS`.
    """

    OTHERS = "(others)"

    def __init__(self, most: int) -> None:
        self._most = most
        self._known: set[str] = set()

    def of(self, value: Any) -> str:
        """Return a name for groups of rows; empty if there is none."""
        name = short(value)
        if name in self._known:
            return name
        if len(self._known) >= self._most:
            return self.OTHERS
        self._known.add(name)
        return name

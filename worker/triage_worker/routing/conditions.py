"""One condition on a message: whether it holds, and the words to explain it by."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time
from operator import attrgetter
from typing import Any
from zoneinfo import ZoneInfo

from triage_schemas.input.message import Scalar

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a message when it is routed. ``text`` is there with TRIAGE_INCLUDE_TEXT only."""

    intent: str
    confidence: float
    at: datetime
    decided_by: str = "model"
    channel: str | None = None
    language: str | None = None
    customer_id: str | None = None
    metadata: Mapping[str, Scalar] = field(default_factory=dict)
    text: str | None = None


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition; ``wanted`` and ``found`` are what would hold and what there is, in words."""

    name: str
    wanted: str
    holds: Callable[[Facts], bool]
    found: Callable[[Facts], str]


def is_one_of(name: str, wanted: Sequence[Scalar]) -> Condition:
    """A field of `Facts` has one of these values."""
    return _one_of(name, wanted, attrgetter(name))


def has_metadata(name: str, wanted: Sequence[Scalar]) -> Condition:
    """A name in the message's metadata has one of these values."""
    return _one_of(f"metadata.{name}", wanted, lambda facts: facts.metadata.get(name))


def on_days(days: Sequence[str], zone: ZoneInfo) -> Condition:
    """It is one of these days, in the zone."""
    return _one_of("days", days, lambda facts: DAYS[facts.at.astimezone(zone).weekday()])


def between(at_least: float, below: float) -> Condition:
    """The confidence is within bounds."""
    wanted = f"at least {at_least:g}" + (f" and below {below:g}" if below <= 1 else "")
    return Condition(
        "confidence",
        wanted,
        lambda facts: at_least <= facts.confidence < below,
        lambda facts: f"{facts.confidence:g}",
    )


def in_hours(start: time, end: time, zone: ZoneInfo) -> Condition:
    """It is some time of day, in the zone; where the end comes before the start, over midnight."""

    def holds(facts: Facts) -> bool:
        now = facts.at.astimezone(zone).time()
        return start <= now < end if start < end else now >= start or now < end

    return Condition(
        "time", f"{start:%H:%M}-{end:%H:%M}", holds, lambda facts: f"{facts.at.astimezone(zone):%H:%M} {zone.key}"
    )


def has_words(words: Sequence[str]) -> Condition:
    """The text has one of these words or phrases, whole and in any case."""
    pattern = re.compile(r"\b(" + "|".join(map(re.escape, words)) + r")\b", re.IGNORECASE)
    return Condition(
        "words",
        _listed(words),
        lambda facts: facts.text is not None and pattern.search(facts.text) is not None,
        lambda facts: "no text (TRIAGE_INCLUDE_TEXT is off)" if facts.text is None else "the text",
    )


def _one_of(name: str, wanted: Sequence[Scalar], of: Callable[[Facts], Any]) -> Condition:
    exact = {(type(value) is bool, value) for value in wanted}

    def holds(facts: Facts) -> bool:
        value = of(facts)
        return (type(value) is bool, value) in exact

    return Condition(name, _listed(wanted), holds, lambda facts: str(of(facts)))


def _listed(values: Iterable[object]) -> str:
    return " or ".join(str(value) for value in values)

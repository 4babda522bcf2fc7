"""The conditions of routing rules: whether each one holds for a message, and how it is explained."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time
from operator import attrgetter
from typing import Any
from zoneinfo import ZoneInfo

from triage_schemas.events import EntityKind, EntityRef
from triage_schemas.messages.message import Scalar

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass(frozen=True, slots=True)
class Facts:
    """What rules can match on.

    Attributes:
        intent: the message's intent.
        confidence: of the decision, 0 to 1.
        at: when it was classified, with a time zone.
        decided_by: "model", "llm" or "human".
        channel: where the message was sent from.
        language: the message's language.
        customer_id: who wrote it.
        metadata: the message's metadata.
        text: the message's text; None unless TRIAGE_INCLUDE_TEXT is set.
        entities: what the text names, in order.
        wishes: what the message asks for besides its intent.
    """

    intent: str
    confidence: float
    at: datetime
    decided_by: str = "model"
    channel: str | None = None
    language: str | None = None
    customer_id: str | None = None
    metadata: Mapping[str, Scalar] = field(default_factory=dict)
    text: str | None = None
    entities: Sequence[EntityRef] = ()
    wishes: Sequence[str] = ()

    def named(self, kind: str) -> str | None:
        """Return the value of the first entity of a kind; None if the text names none."""
        return next((entity.value for entity in self.entities if entity.type == kind), None)


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition of a rule.

    Attributes:
        name: what it compares, such as ``metadata.tier``.
        wanted: the values for which it holds, in words.
        holds: whether it holds.
        found: returns the message's value, in words.
    """

    name: str
    wanted: str
    holds: Callable[[Facts], bool]
    found: Callable[[Facts], str]


def is_one_of(name: str, wanted: Sequence[Scalar]) -> Condition:
    """Make the condition that a field of `Facts` has one of some values."""
    return _one_of(name, wanted, attrgetter(name))


def asks_for(wanted: Sequence[str]) -> Condition:
    """Make the condition that the message's intent, or another one that it asks for besides, is one of some."""
    intents = frozenset(wanted)
    return Condition(
        "any_intent",
        _joined(wanted),
        lambda facts: facts.intent in intents or not intents.isdisjoint(facts.wishes),
        lambda facts: " and ".join((facts.intent, *facts.wishes)),
    )


def is_in_language(wanted: Sequence[str]) -> Condition:
    """Make the condition that a message is in one of some languages; ``pt`` also holds for a message in ``pt-BR``."""

    def holds(facts: Facts) -> bool:
        return facts.language is not None and not wanted_tags.isdisjoint(_tags(facts.language))

    wanted_tags = {tag.lower().replace("_", "-") for tag in wanted}
    return Condition("language", _joined(wanted), holds, lambda facts: facts.language or "missing")


def _tags(language: str) -> set[str]:
    """Return a tag of BCP 47 in lower case, and that of the language alone."""
    tag = language.lower().replace("_", "-")
    return {tag, tag.partition("-")[0]}


def has_metadata(name: str, wanted: Sequence[Scalar]) -> Condition:
    """Make the condition that an entry of the message's metadata has one of some values."""
    return _one_of(f"metadata.{name}", wanted, lambda facts: facts.metadata.get(name))


def names_entity(kinds: Sequence[EntityKind]) -> Condition:
    """Make the condition that the text names an entity of one of some kinds."""
    return _of_entities("entities", _joined(kinds), kinds, wanted=True)


def names_no_entity(kinds: Sequence[EntityKind]) -> Condition:
    """Make the condition that the text names no entity of any of some kinds."""
    return _of_entities("without_entities", f"without {_joined(kinds)}", kinds, wanted=False)


def _of_entities(name: str, described: str, kinds: Sequence[EntityKind], *, wanted: bool) -> Condition:
    def found(facts: Facts) -> str:
        return ", ".join(dict.fromkeys(entity.type for entity in facts.entities)) or "nothing"

    return Condition(
        name, described, lambda facts: any(facts.named(kind) is not None for kind in kinds) is wanted, found
    )


def on_days(days: Sequence[str], zone: ZoneInfo) -> Condition:
    """Make the condition that the message was classified on one of some days, in a time zone."""
    return _one_of("days", days, lambda facts: DAYS[facts.at.astimezone(zone).weekday()])


def between(at_least: float, below: float) -> Condition:
    """Make the condition that the confidence is at least one bound and below the other."""
    wanted = f"at least {at_least:g}" + (f" and below {below:g}" if below <= 1 else "")
    return Condition(
        "confidence",
        wanted,
        lambda facts: at_least <= facts.confidence < below,
        lambda facts: f"{facts.confidence:g}",
    )


def in_hours(start: time, end: time, zone: ZoneInfo) -> Condition:
    """Make the condition that the message was classified at some time of day, in a time zone.

    The end is excluded. If it is before the start, the condition spans midnight.
    """

    def holds(facts: Facts) -> bool:
        now = facts.at.astimezone(zone).time()
        return start <= now < end if start < end else now >= start or now < end

    return Condition(
        "time", f"{start:%H:%M}-{end:%H:%M}", holds, lambda facts: f"{facts.at.astimezone(zone):%H:%M} {zone.key}"
    )


def has_words(words: Sequence[str]) -> Condition:
    """Make the condition that the text has one of some words or phrases, whole and in any case."""
    pattern = re.compile(r"\b(" + "|".join(map(re.escape, words)) + r")\b", re.IGNORECASE)
    return Condition(
        "words",
        _joined(words),
        lambda facts: facts.text is not None and pattern.search(facts.text) is not None,
        lambda facts: "no text (TRIAGE_INCLUDE_TEXT is off)" if facts.text is None else "the text",
    )


def _one_of(name: str, wanted: Sequence[Scalar], value_of: Callable[[Facts], Any]) -> Condition:
    # In Python, True == 1: a bool must only equal a bool.
    exact = {(type(value) is bool, value) for value in wanted}

    def holds(facts: Facts) -> bool:
        value = value_of(facts)
        return (type(value) is bool, value) in exact

    def found(facts: Facts) -> str:
        value = value_of(facts)
        return "missing" if value is None else str(value)

    return Condition(name, _joined(wanted), holds, found)


def _joined(values: Iterable[object]) -> str:
    return " or ".join(str(value) for value in values)

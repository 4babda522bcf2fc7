"""The schema of ``routes.yaml``, and how its rules route a message.

Rules are evaluated from top to bottom, and the first one whose conditions all hold fires. The defaults fill in what it
leaves out.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import time
from functools import cached_property
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from triage_schemas.events import ENTITY_KINDS, DecidedBy, EntityKind, Probability
from triage_schemas.messages.message import Scalar

from triage_worker.routing.conditions import (
    Condition,
    Facts,
    asks_for,
    between,
    has_metadata,
    has_words,
    in_hours,
    is_in_language,
    is_one_of,
    names_entity,
    names_no_entity,
    on_days,
)
from triage_worker.routing.helpdesk_section import Helpdesk

Priority = Literal["low", "normal", "high", "urgent"]
PRIORITIES: Sequence[Priority] = ("low", "normal", "high", "urgent")
Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
"""A kind of entities in a tag, in whose place its value goes."""

UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


def _seconds(value: object) -> object:
    found = re.fullmatch(r"([1-9]\d{0,6})([smhd])", value) if isinstance(value, str) else None
    if found is None:
        raise ValueError(f"{value!r} is not a duration such as 90s, 15m, 4h or 3d")
    return int(found[1]) * UNITS[found[2]]


def _hours(value: object) -> object:
    found = re.fullmatch(r"(\d\d:\d\d)\s*-\s*(\d\d:\d\d)", value) if isinstance(value, str) else None
    if found is None:
        raise ValueError(f"{value!r} is not a time of day such as 18:00-08:00")
    return time.fromisoformat(found[1]), time.fromisoformat(found[2])


def _kind(value: object) -> object:
    if value not in ENTITY_KINDS:
        raise ValueError(f"{value!r} is no kind of entity; there are {', '.join(ENTITY_KINDS)}")
    return value


def _tag(value: str) -> str:
    for kind in PLACEHOLDER.findall(value):
        _kind(kind)
    return value


def _zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (KeyError, ValueError, OSError):
        raise ValueError(f"{value!r} is not a time zone such as Europe/Berlin") from None
    return value


Seconds = Annotated[int, BeforeValidator(_seconds)]
Hours = Annotated[tuple[time, time], BeforeValidator(_hours)]
Zone = Annotated[str, AfterValidator(_zone)]
Name = Annotated[str, Field(min_length=1)]
OneOrMore = BeforeValidator(lambda value: value if isinstance(value, list | tuple) else [value])
Names = Annotated[tuple[Name, ...], OneOrMore, Field(min_length=1)]
Kind = Annotated[EntityKind, BeforeValidator(_kind)]
Kinds = Annotated[tuple[Kind, ...], OneOrMore, Field(min_length=1)]
Tags = Annotated[tuple[Annotated[Name, AfterValidator(_tag)], ...], OneOrMore]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Confidence(_Section):
    """The bounds of a condition on the confidence."""

    at_least: Probability = 0.0
    below: float = Field(1.01, gt=0)


class When(_Section):
    """The conditions of a rule. All that are given must hold; a condition with several values holds for any of them."""

    intent: Names | None = None
    any_intent: Names | None = None
    confidence: Confidence | None = None
    channel: Names | None = None
    language: Names | None = None
    decided_by: Annotated[tuple[DecidedBy, ...], OneOrMore, Field(min_length=1)] | None = None
    customer_id: Names | None = None
    metadata: dict[str, Annotated[tuple[Scalar, ...], OneOrMore, Field(min_length=1)]] = {}
    entities: Kinds | None = None
    without_entities: Kinds | None = None
    words: Names | None = None
    days: Annotated[tuple[Day, ...], OneOrMore, Field(min_length=1)] | None = None
    time: Hours | None = None

    def conditions(self, zone: ZoneInfo) -> Iterator[Condition]:
        """Yield the conditions that are given, cheapest first."""
        for name in ("intent", "channel", "decided_by", "customer_id"):
            wanted = getattr(self, name)
            if wanted is not None:
                yield is_one_of(name, wanted)
        if self.any_intent is not None:
            yield asks_for(self.any_intent)
        if self.language is not None:
            yield is_in_language(self.language)
        if self.confidence is not None:
            yield between(self.confidence.at_least, self.confidence.below)
        for name, values in self.metadata.items():
            yield has_metadata(name, values)
        if self.days is not None:
            yield on_days(self.days, zone)
        if self.time is not None:
            yield in_hours(*self.time, zone)
        yield from self._about_the_text()

    def _about_the_text(self) -> Iterator[Condition]:
        if self.entities is not None:
            yield names_entity(self.entities)
        if self.without_entities is not None:
            yield names_no_entity(self.without_entities)
        if self.words is not None:
            yield has_words(self.words)


class Then(_Section):
    """What a rule sets on a ticket; the defaults fill in what is left out."""

    queue: Name | None = None
    priority: Priority | None = None
    sla: Seconds | None = None
    tags: Tags = ()
    fields: dict[Name, Kind] = {}


class Rule(_Section):
    """A rule: its name, its conditions, and what it sets."""

    name: Name
    when: When = When()
    then: Then


class Defaults(_Section):
    """What a ticket gets where no rule sets it. Without ``sla``, a ticket has no time by which an answer is due."""

    queue: Name = "general"
    priority: Priority = "normal"
    sla: Seconds | None = None
    tags: Tags = ()
    fields: dict[Name, Kind] = {}


class Alerts(_Section):
    """When a surge starts: at ``factor`` times the usual rate, and with at least ``minimum`` messages in a window."""

    window: Annotated[Seconds, Field(ge=120, le=3_600)] = 900
    factor: float = Field(4.0, ge=1.5)
    minimum: int = Field(20, ge=4)


@dataclass(frozen=True, slots=True)
class Route:
    """Where a message is routed.

    Attributes:
        rule: the name of the rule that fired; None if none did.
        queue: where its ticket is worked on.
        priority: of its ticket.
        sla_s: seconds until an answer is due; None if no time is set.
        tags: of its ticket.
        fields: of its ticket, by name.
    """

    rule: str | None
    queue: str
    priority: Priority
    sla_s: int | None
    tags: tuple[str, ...]
    fields: Mapping[str, str] = field(default_factory=dict)


class Routes(_Section):
    """The content of ``routes.yaml``."""

    timezone: Zone = "UTC"
    close_after: Seconds = 259_200
    remember: Seconds = 604_800
    defaults: Defaults = Defaults()
    alerts: Alerts = Alerts()
    helpdesk: Helpdesk = Helpdesk()
    rules: tuple[Rule, ...] = ()

    @cached_property
    def zone(self) -> ZoneInfo:
        """The time zone of conditions on time and days, and of the usual rates."""
        return ZoneInfo(self.timezone)

    @cached_property
    def field_names(self) -> frozenset[str]:
        """The fields of tickets that the defaults and the rules set."""
        return frozenset(self.defaults.fields).union(*(rule.then.fields for rule in self.rules))

    @cached_property
    def intents(self) -> frozenset[str]:
        """The intents that this file names."""
        named = [*(rule.when.intent or () for rule in self.rules), *(rule.when.any_intent or () for rule in self.rules)]
        teach = self.helpdesk.teach
        return frozenset().union(*named, self.helpdesk.intents, teach.groups.values(), teach.tags.values())

    @cached_property
    def _conditions(self) -> list[tuple[Rule, list[Condition]]]:
        return [(rule, list(rule.when.conditions(self.zone))) for rule in self.rules]

    def route(self, facts: Facts) -> Route:
        """Return where a message is routed."""
        for rule, conditions in self._conditions:
            if all(condition.holds(facts) for condition in conditions):
                return self._route(rule.name, rule.then, facts)
        return self._route(None, Then(), facts)

    def evaluate(self, facts: Facts) -> Iterator[tuple[Rule, list[tuple[Condition, bool]]]]:
        """Yield each rule up to the one that fires, with its conditions and whether they hold."""
        for rule, conditions in self._conditions:
            results = [(condition, condition.holds(facts)) for condition in conditions]
            yield rule, results
            if all(holds for _, holds in results):
                return

    def _route(self, name: str | None, then: Then, facts: Facts) -> Route:
        defaults = self.defaults
        kinds = {**defaults.fields, **then.fields}
        return Route(
            rule=name,
            queue=then.queue or defaults.queue,
            priority=then.priority or defaults.priority,
            sla_s=then.sla if then.sla is not None else defaults.sla,
            tags=tuple(dict.fromkeys(_filled((*defaults.tags, *then.tags), facts))),
            fields={name: value for name, kind in kinds.items() if (value := facts.named(kind)) is not None},
        )


def _filled(tags: Iterable[str], facts: Facts) -> Iterator[str]:
    """Yield tags with values in place of the kinds of entities; those for which the text has no value are left out."""
    for tag in tags:
        parts = PLACEHOLDER.split(tag)  # every second one is a kind
        values = [value for kind in parts[1::2] if (value := facts.named(kind)) is not None]
        if len(values) == len(parts) // 2:
            parts[1::2] = values
            yield "".join(parts)

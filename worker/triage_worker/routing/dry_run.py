"""What other rules would change: the same intents, routed by both."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from triage_worker.routing.conditions import Facts
from triage_worker.routing.routes import Route, Routes

EXAMPLES = 3
"""Of each move."""


class Weighted(NamedTuple):
    """An intent, and how many it stands for."""

    facts: Facts
    weight: float = 1.0


class Place(NamedTuple):
    """Where a ticket goes, and how urgent it is; ``sla_s`` is in seconds."""

    queue: str
    priority: str
    sla_s: int | None


@dataclass
class Move:
    """Intents that the rules before and after send to different places.

    Attributes:
        before: where they went.
        after: where they would go.
        messages: how many there are, by their weights.
        rules: the rules that fire then, with how many messages; None for the defaults.
        examples: positions of some of them, in the order that they were given in.
    """

    before: Place
    after: Place
    messages: float = 0.0
    rules: defaultdict[str | None, float] = field(default_factory=lambda: defaultdict(float))
    examples: list[int] = field(default_factory=list)

    @property
    def is_elsewhere(self) -> bool:
        """Whether the queue differs, and not only the priority or the time."""
        return self.before.queue != self.after.queue


@dataclass
class DryRun:
    """The result of a dry run.

    Attributes:
        messages: how many intents were routed, by their weights.
        moves: what would change: queues first, then by the number of messages.
        fired_before: messages by the rule that fires now; None for the defaults.
        fired_after: messages by the rule that would fire.
    """

    messages: float
    moves: Sequence[Move]
    fired_before: Mapping[str | None, float]
    fired_after: Mapping[str | None, float]

    @property
    def elsewhere(self) -> float:
        """Messages that would go to another queue."""
        return sum(move.messages for move in self.moves if move.is_elsewhere)


def dry_run(before: Routes, after: Routes, intents: Iterable[Weighted]) -> DryRun:
    """Route intents by the rules before and after.

    Each one is routed by itself: the queue of a ticket that is open already changes only if its priority rises.
    """
    moves: dict[tuple[Place, Place], Move] = {}
    fired_before: defaultdict[str | None, float] = defaultdict(float)
    fired_after: defaultdict[str | None, float] = defaultdict(float)
    messages = 0.0
    for position, (facts, weight) in enumerate(intents):
        old, new = before.route(facts), after.route(facts)
        messages += weight
        fired_before[old.rule] += weight
        fired_after[new.rule] += weight
        places = _place(old), _place(new)
        if places[0] == places[1]:
            continue
        move = moves.setdefault(places, Move(*places))
        move.messages += weight
        move.rules[new.rule] += weight
        if len(move.examples) < EXAMPLES:
            move.examples.append(position)
    ordered = sorted(moves.values(), key=lambda move: (not move.is_elsewhere, -move.messages))
    return DryRun(messages, ordered, fired_before, fired_after)


def _place(route: Route) -> Place:
    return Place(route.queue, route.priority, route.sla_s)


def changed_rules(before: Routes, after: Routes) -> list[str]:
    """Return what differs between two files of rules, each in a few words."""
    old, new = ({rule.name: rule for rule in routes.rules} for routes in (before, after))
    said = [f"added {name!r}" for name in new if name not in old]
    said += [f"removed {name!r}" for name in old if name not in new]
    said += [f"changed {name!r}" for name in new if name in old and new[name] != old[name]]
    both = [name for name in old if name in new]
    if both != [name for name in new if name in old]:
        said.append("another order of rules")
    sections = ("timezone", "close_after", "remember", "defaults", "alerts", "helpdesk")
    return said + [f"changed {name}" for name in sections if getattr(before, name) != getattr(after, name)]

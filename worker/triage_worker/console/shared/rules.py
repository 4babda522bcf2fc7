"""The rules of the router on this machine: their text, whether it can be changed here, and how they read."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from triage_worker.config.errors import ConfigError
from triage_worker.config.settings import Settings
from triage_worker.console.queries.routes import SampledIntent
from triage_worker.console.shared.routing import entities_of, wishes_of
from triage_worker.console.shared.scraping import Look
from triage_worker.routing import saving
from triage_worker.routing.conditions import Condition, Facts
from triage_worker.routing.dry_run import DryRun, Weighted, dry_run
from triage_worker.routing.routes import Routes, Rule
from triage_worker.routing.routes_file import DEFAULT_ROUTES, SHOWN_DIGITS, RulesText, parse, read

NAMES = {
    "intent": "the intent is",
    "any_intent": "it asks for",
    "channel": "the channel is",
    "decided_by": "it was decided by the",
    "customer_id": "the customer is",
    "language": "the language is",
    "confidence": "the confidence is",
    "entities": "the text names",
    "without_entities": "it is",
    "words": "the text has",
    "days": "the day is",
    "time": "the time is",
}
"""Conditions as they read, by their names; one of metadata has the name of its entry."""

FILE = "routes.yaml"
"""What errors and downloads call the rules."""


@dataclass(frozen=True)
class RulesInForce:
    """The rules of this console, which should be those of the router.

    Attributes:
        path: the file.
        is_own: whether TRIAGE_ROUTES names it; otherwise it is the shipped one, which nobody should change.
        found: its text; None if it cannot be read.
        routes: what it says; None if that is not valid.
        problem: why there are none.
        can_save: whether this console can replace the file.
    """

    path: Path
    is_own: bool
    found: RulesText | None
    routes: Routes | None
    problem: str | None
    can_save: bool

    @property
    def digest(self) -> str:
        """Of the text; empty if there is none."""
        return self.found.digest if self.found else ""


def rules_in_force(settings: Settings) -> RulesInForce:
    """Read the rules. What is wrong with them is said in what is returned."""
    path = settings.routes or DEFAULT_ROUTES
    is_own = settings.routes is not None
    can_save = is_own and saving.is_writable(path)
    found = None
    try:
        found = read(path)
        return RulesInForce(path, is_own, found, parse(found.text, str(path)), None, can_save)
    except ConfigError as error:
        return RulesInForce(path, is_own, found, None, str(error), can_save and found is not None)


def conditions(rule: Rule, routes: Routes) -> list[str]:
    """Return the conditions of a rule as they read; empty if it fires for all."""
    return [_sentence(condition) for condition in rule.when.conditions(routes.zone)]


def _sentence(condition: Condition) -> str:
    name = condition.name.removeprefix("metadata.")
    is_entry = name != condition.name
    return f"{name if is_entry else NAMES[name]} {'is ' if is_entry else ''}{condition.wanted}"


def tried(before: Routes, after: Routes, intents: Sequence[SampledIntent]) -> DryRun:
    """Route intents by two versions of the rules; takes some 20 µs for each, so it belongs into a thread."""
    return dry_run(before, after, (Weighted(_facts(one), one.weight) for one in intents))


def _facts(one: SampledIntent) -> Facts:
    """Return what rules can match on, as the router has it."""
    metadata = one.more.get("metadata")
    return Facts(
        intent=one.intent,
        confidence=one.confidence or 0.0,
        at=datetime.fromtimestamp(one.at / 1000, UTC),
        decided_by=one.decided_by,
        channel=one.channel,
        language=one.language,
        customer_id=one.customer_id,
        metadata=metadata if isinstance(metadata, dict) else {},
        text=one.text,
        entities=entities_of(one.more),
        wishes=wishes_of(one.more, one.intent),
    )


@dataclass(frozen=True)
class RoutersRules:
    """What the routers' metrics say: how many have these rules, how many have others, and how many refuse a file."""

    same: int
    other: int
    refused: int


def routers_rules(look: Look | None, digest: str) -> RoutersRules | None:
    """Compare the rules of the routers with a digest; None without metrics of a router."""
    digests, refused = [], 0
    for service in look.services if look else ():
        digests += [labels.get("digest", "") for labels, _ in service.values("triage_router_rules_info")]
        refused += int(service.total("triage_router_rules_refused") or 0)
    if not digests:
        return None
    same = digests.count(digest[:SHOWN_DIGITS])
    return RoutersRules(same, len(digests) - same, refused)

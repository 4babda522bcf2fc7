"""Dry runs: what other rules would change, by weighted intents."""

from collections.abc import Sequence
from datetime import UTC, datetime

from triage_worker.routing.conditions import Facts
from triage_worker.routing.dry_run import EXAMPLES, Weighted, changed_rules, dry_run
from triage_worker.routing.routes import Routes
from triage_worker.routing.routes_file import parse

NOW = datetime(2026, 11, 30, tzinfo=UTC)
BEFORE = """
rules:
  - {name: parcels, when: {intent: WISMO}, then: {queue: delivery}}
  - {name: returns, when: {intent: RETURN}, then: {queue: returns, sla: 4h}}
"""


def rules(text: str) -> Routes:
    return parse(text, "routes.yaml")


def intents(*names: str, weight: float = 1.0) -> Sequence[Weighted]:
    return [Weighted(Facts(name, 0.9, NOW), weight) for name in names]


def test_moves_are_counted_by_where_from_and_where_to() -> None:
    after = BEFORE.replace("queue: delivery", "queue: parcels").replace("4h", "2h")
    run = dry_run(rules(BEFORE), rules(after), intents("RETURN", "WISMO", "OTHER", "WISMO", *["WISMO"] * 5, weight=2.5))
    assert run.messages == 22.5
    assert [(move.before.queue, move.after.queue, move.messages) for move in run.moves] == [
        ("delivery", "parcels", 17.5),
        ("returns", "returns", 2.5),
    ]
    assert run.elsewhere == 17.5
    assert run.moves[0].examples == [1, 3, 4]
    assert len(run.moves[0].examples) == EXAMPLES
    assert (run.moves[1].before.sla_s, run.moves[1].after.sla_s) == (4 * 3600, 2 * 3600)
    assert run.fired_before == run.fired_after == {"parcels": 17.5, "returns": 2.5, None: 2.5}


def test_without_a_change_or_without_intents_nothing_moves() -> None:
    assert dry_run(rules(BEFORE), rules(BEFORE), intents("WISMO")).moves == []
    empty = dry_run(rules(BEFORE), rules("rules: []"), [])
    assert (empty.messages, empty.moves, empty.elsewhere) == (0, [], 0)


def test_the_rule_that_would_fire_is_named() -> None:
    run = dry_run(rules(BEFORE), rules("rules: [{name: all, then: {queue: one}}]"), intents("WISMO", "OTHER"))
    assert [dict(move.rules) for move in run.moves] == [{"all": 1.0}, {"all": 1.0}]
    assert run.fired_after == {"all": 2.0}


def test_changes_are_named() -> None:
    assert changed_rules(rules(BEFORE), rules(BEFORE + "# a comment\n")) == []
    after = """
timezone: Europe/Berlin
rules:
  - {name: returns, when: {intent: RETURN}, then: {queue: returns, sla: 8h}}
  - {name: parcels, when: {intent: WISMO}, then: {queue: delivery}}
  - {name: new, then: {queue: rest}}
"""
    assert changed_rules(rules(BEFORE), rules(after)) == [
        "added 'new'",
        "changed 'returns'",
        "another order of rules",
        "changed timezone",
    ]
    assert changed_rules(rules(BEFORE), rules("rules: []")) == ["removed 'parcels'", "removed 'returns'"]

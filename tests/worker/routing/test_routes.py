"""The rules: which one fires, how errors in the file are reported, and when a changed file is loaded."""

import os
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from triage_models import DEFAULT_BUNDLE
from triage_models.bundle.bundle import Bundle
from triage_models.text.entities.entity import ENTITY_TYPES
from triage_schemas.events import ENTITY_KINDS, EntityRef
from triage_worker.config.errors import ConfigError
from triage_worker.routing.conditions import Facts
from triage_worker.routing.routes import PRIORITIES
from triage_worker.routing.routes_file import DEFAULT_ROUTES, RoutesFile, load, parse

INTENTS = (
    "WISMO",
    "RETURN_REQUEST",
    "EXCHANGE_REQUEST",
    "CANCEL_ORDER",
    "DAMAGED_ITEM",
    "BILLING_DISPUTE",
    "PRODUCT_QUESTION",
    "ACCOUNT_ISSUE",
    "OTHER",
)
MONDAY = datetime(2026, 1, 5, 17, 30, tzinfo=UTC)

ALIASES = "x: &x [1]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n" for before, name in pairwise("xabcdefghi")
)
"""Stands for 9 to the power of 9 values."""

MISTAKES = {
    "rules:\n - name: a\n   when: {intnt: X}\n   then: {}": "line 3: rules.0.when.intnt: not known here",
    "rules:\n - name: a\n   then: {priority: hi}": "line 3: rules.0.then.priority: Input should be 'low'",
    "rules:\n - name: a\n   then: {queue: ''}": "line 3: rules.0.then.queue: String should have at least 1",
    "rules:\n - name: a\n   then:\n     sla: 4": "line 4: rules.0.then.sla: 4 is not a duration",
    "rules: 5": "line 1: rules: should be a list",
    "defaults: [a]": "line 1: defaults: should be a mapping of names to values",
    "timezone: UTC\ntimezone: UTC": "line 2: 'timezone' is given twice",
    "\ntimezone: Mars/Base": "line 2: timezone: 'Mars/Base' is not a time zone",
    "rules:\n - name: a\n   when:\n     time: 9-5\n   then: {}": (
        "line 4: rules.0.when.time: '9-5' is not a time of day"
    ),
    "rules:\n - name: a\n   when: {time: '25:00-01:00'}\n   then: {}": "line 3: rules.0.when.time",
    "rules:\n - name: a\n   when: {days: [mon, xyz]}\n   then: {}": "line 3: rules.0.when.days.1",
    "rules:\n - name: a\n   when: {intent: [A, 5]}\n   then: {}": "line 3: rules.0.when.intent.1: should be a word",
    "rules:\n - name: a\n   when: {intent: []}\n   then: {}": "line 3: rules.0.when.intent",
    "rules:\n - name: a\n   when: {confidence: {at_least: 2}}\n   then: {}": "line 3: rules.0.when.confidence.at_least",
    "rules:\n - when: {intent: A}\n   then: {}": "line 2: rules.0.name: is missing",
    "rules:\n - name: a\n   then: {}\n - name: b\n   then: {}": "line 4: 'b' can never fire",
    "rules:\n - name: a\n   when: {intent: A}\n   then: {}\n - name: a\n   then: {}": "line 5: another rule has",
    "rules: [": "line 1: expected the node content",
    "a:\n\t- b": "line 2: ",
    "&a [*a]": "line 1: an alias that contains itself",
    "[1]: 2": "line 1: a name should be a single word",
    "close_after: 2000-99-99": "line 1: month must be in 1..12",
    "alerts: {window: 10s}": "line 1: alerts.window",
    "rules:\n - name: a\n   when:\n    entities: [ordernumber]\n   then: {}": (
        "line 4: rules.0.when.entities.0: 'ordernumber' is no kind of entity; there are order_number, tracking_number, "
    ),
    "rules:\n - name: a\n   when: {without_entities: iban}\n   then: {}": (
        "line 3: rules.0.when.without_entities: 'iban' is no kind"
    ),
    "rules:\n - name: a\n   then: {fields: {order: order}}": "line 3: rules.0.then.fields.order: 'order' is no kind",
    "defaults: {fields: {order: 5}}": "line 1: defaults.fields.order: 5 is no kind",
    "rules:\n - name: a\n   then: {tags: ['{sku}']}": "line 3: rules.0.then.tags.0: 'sku' is no kind",
    "helpdesk:\n fields: {odrer: 5}\ndefaults: {fields: {order: order_number}}": (
        "line 2: helpdesk.fields.odrer: neither a rule nor the defaults set it"
    ),
    "a: !!bool perhaps": "line 1: a value that does not fit its tag",
    ALIASES: "line 1: more than 50,000 values",
    "5": "line 1: the file: should be a mapping of names to values",
}


def facts(intent: str = "WISMO", at: datetime = MONDAY, confidence: float = 0.95, **fields: object) -> Facts:
    return Facts(intent, confidence, at, **fields)  # type: ignore[arg-type]


def fires(when: str, given_facts: Facts, zone: str = "UTC") -> bool:
    routes = parse(f"timezone: {zone}\nrules:\n - name: it\n   when: {when}\n   then: {{queue: q}}", "r")
    return routes.route(given_facts).rule == "it"


@pytest.mark.parametrize(("text", "expected"), MISTAKES.items())
def test_an_error_names_its_line(text: str, expected: str) -> None:
    with pytest.raises(ConfigError) as refused:
        parse(text, "routes.yaml")
    assert str(refused.value).startswith(f"routes.yaml, {expected}")


def test_rules_that_are_nested_too_deeply_are_an_error() -> None:
    with pytest.raises(ConfigError, match="it is nested too deeply"):
        parse("[" * 5_000, "routes.yaml")


@given(st.text(alphabet="abc:-[]{}&*!|>'\"#\n \t0%@`?,", max_size=60))
def test_any_text_is_valid_or_a_clear_error(text: str) -> None:
    try:
        parse(text, "routes.yaml")
    except ConfigError as refused:
        assert str(refused).startswith("routes.yaml")  # noqa: PT017 (most texts are not valid, and some are)


@pytest.mark.parametrize("content", [b"\xff\xfe", None])
def test_an_unreadable_file_is_an_error(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "routes.yaml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError, match="cannot be read"):
        load(path)


@pytest.mark.parametrize(
    ("when", "given_facts", "expected"),
    [
        ("{}", facts(), True),
        ("{intent: WISMO}", facts(), True),
        ("{intent: [OTHER, WISMO]}", facts(), True),
        ("{intent: OTHER}", facts(), False),
        ("{any_intent: OTHER}", facts(), False),
        ("{any_intent: [OTHER, WISMO]}", facts(), True),
        ("{any_intent: OTHER}", facts(wishes=["OTHER"]), True),
        ("{intent: OTHER}", facts(wishes=["OTHER"]), False),
        ("{intent: WISMO, any_intent: OTHER}", facts(wishes=["OTHER"]), True),
        ("{intent: WISMO, channel: chat}", facts(), False),
        ("{intent: WISMO, channel: chat}", facts(channel="chat"), True),
        ("{confidence: {at_least: 0.95}}", facts(), True),
        ("{confidence: {below: 0.95}}", facts(), False),
        ("{confidence: {at_least: 0.9, below: 1}}", facts(confidence=1.0), False),
        ("{metadata: {tier: [vip, gold]}}", facts(metadata={"tier": "gold"}), True),
        ("{metadata: {tier: [vip, gold]}}", facts(), False),
        ("{metadata: {orders: 1}}", facts(metadata={"orders": 1.0}), True),
        ("{metadata: {first: true}}", facts(metadata={"first": 1}), False),
        ("{metadata: {first: true}}", facts(metadata={"first": True}), True),
        ("{decided_by: [llm, human]}", facts(decided_by="human"), True),
        ("{language: pt}", facts(language="pt"), True),
        ("{language: [es, PT]}", facts(language="pt-BR"), True),
        ("{language: pt-PT}", facts(language="pt_BR"), False),
        ("{language: pt}", facts(language="pl"), False),
        ("{language: pt}", facts(), False),
        ("{customer_id: c-1}", facts(customer_id="c-1"), True),
        ("{words: [lawyer, charge back]}", facts(text="My LAWYER will call"), True),
        ("{words: [law]}", facts(text="My lawyer will call"), False),
        ("{words: [lawyer]}", facts(), False),
        ("{days: mon}", facts(), True),
        ("{days: [sat, sun]}", facts(), False),
        ("{time: '09:00-18:00'}", facts(), True),
        ("{time: '09:00-17:30'}", facts(), False),
        ("{time: '17:30-09:00'}", facts(), True),
        ("{time: '18:00-09:00'}", facts(), False),
    ],
)
def test_a_condition_holds(when: str, given_facts: Facts, expected: bool) -> None:
    assert fires(when, given_facts) is expected


def test_time_and_days_are_in_the_time_zone() -> None:
    late = facts(at=datetime(2026, 1, 5, 23, 30, tzinfo=UTC))
    assert fires("{days: tue, time: '00:00-01:00'}", late, zone="Europe/Berlin")


def test_the_first_matching_rule_fires_and_defaults_fill_in() -> None:
    routes = parse(
        "defaults: {queue: d, priority: low, sla: 2d, tags: all}\n"
        "rules:\n"
        " - {name: one, when: {intent: A}, then: {queue: a, tags: [x, all]}}\n"
        " - {name: two, when: {intent: [A, B]}, then: {sla: 90s, priority: urgent}}\n",
        "r",
    )
    one, two, none = (routes.route(facts(intent)) for intent in "ABC")
    assert (one.rule, one.queue, one.priority, one.sla_s, one.tags) == ("one", "a", "low", 172_800, ("all", "x"))
    assert (two.rule, two.queue, two.priority, two.sla_s, two.tags) == ("two", "d", "urgent", 90, ("all",))
    assert (none.rule, none.queue) == (None, "d")


def test_the_default_rules_cover_every_intent_of_the_default_bundle() -> None:
    labels = Bundle.open(DEFAULT_BUNDLE, verify=False).labels
    assert set(INTENTS) <= set(labels)
    routes = load(DEFAULT_ROUTES)
    for intent in INTENTS:
        route = routes.route(facts(intent))
        assert route.rule is not None, intent
        assert route.sla_s is not None
        assert route.tags
        assert PRIORITIES.index(routes.route(facts(intent, metadata={"tier": "vip"})).priority) >= PRIORITIES.index(
            route.priority
        )


def test_a_changed_file_is_loaded_and_an_invalid_one_is_not(tmp_path: Path) -> None:
    path = tmp_path / "routes.yaml"
    path.write_text("defaults: {queue: first}")
    rules = RoutesFile(path)
    assert not rules.refresh()
    _replace(path, "defaults: {queue: second}")
    assert rules.refresh()
    assert rules.routes.defaults.queue == "second"
    _replace(path, "defaults: {queue: }")
    assert not rules.refresh()
    assert rules.problem is not None
    assert "line 1" in rules.problem
    path.unlink()
    assert not rules.refresh()
    assert rules.routes.defaults.queue == "second"
    _replace(path, "defaults: {queue: third}")
    assert rules.refresh()
    assert rules.routes.defaults.queue == "third"
    assert rules.problem is None


def _replace(path: Path, text: str) -> None:
    """Replace a file the way editors and Kubernetes do."""
    new = path.with_suffix(".new")
    new.write_text(text)
    os.replace(new, path)  # noqa: PTH105 (says that it replaces)


ORDER = EntityRef(type="order_number", start=0, end=6, value="A-1042")
MONEY = EntityRef(type="amount", start=9, end=11, value="5", currency="USD")


@pytest.mark.parametrize(
    ("when", "entities", "expected"),
    [
        ("{entities: order_number}", [ORDER], True),
        ("{entities: order_number}", [MONEY], False),
        ("{entities: order_number}", [], False),
        ("{entities: [order_number, amount]}", [MONEY], True),
        ("{without_entities: [order_number]}", [], True),
        ("{without_entities: [order_number]}", [MONEY], True),
        ("{without_entities: [order_number, amount]}", [MONEY], False),
        ("{entities: amount, without_entities: order_number}", [MONEY], True),
        ("{entities: amount, without_entities: order_number}", [MONEY, ORDER], False),
    ],
)
def test_a_rule_may_require_entities_and_their_absence(when: str, entities: list[EntityRef], expected: bool) -> None:
    assert fires(when, facts(entities=entities)) is expected


def test_a_route_puts_values_into_fields_and_tags() -> None:
    rules = """
    defaults: {tags: [all], fields: {order: order_number, sum: amount}}
    rules:
      - name: r
        then:
          tags: ["order {order_number}", "{product}", "{amount}-{order_number}", all]
          fields: {o: order_number}
    """
    routes = parse(rules, "r")
    second = ORDER.model_copy(update={"value": "A-9"})
    route = routes.route(facts(entities=[ORDER, second]))
    assert route.tags == ("all", "order A-1042"), "of several values the first; a tag without a value is left out"
    assert route.fields == {"order": "A-1042", "o": "A-1042"}
    assert routes.route(facts()).fields == {}


def test_rules_know_the_entities_that_the_worker_finds() -> None:
    assert ENTITY_KINDS == ENTITY_TYPES

"""``triage router --explain``."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st
from triage_worker.router.explain import _parse, explain_route
from triage_worker.routing.routes_file import DEFAULT_ROUTES, load, parse

from tests.worker.routing.test_routes import INTENTS, facts

ROUTES = load(DEFAULT_ROUTES)


@given(intent=st.sampled_from(INTENTS), channel=st.sampled_from(["chat", "email", None]), tier=st.text(max_size=4))
def test_the_explanation_agrees_with_the_route(intent: str, channel: str | None, tier: str) -> None:
    given_facts = facts(intent, channel=channel, metadata={"tier": tier})
    route = ROUTES.route(given_facts)
    lines = list(explain_route(ROUTES, given_facts))
    assert f"  FIRES {route.rule}: " in "\n".join(lines)
    assert lines[-1].startswith(f"queue {route.queue}, ")


def test_the_explanation_says_why_a_rule_does_not_fire() -> None:
    routes = parse("rules: [{name: r, when: {intent: A, channel: chat}, then: {}}]", "r")
    lines = list(explain_route(routes, facts("A", channel="email")))
    assert lines[1:3] == ["  no   r: channel is email, not chat", "  No rule fires: the defaults apply."]


def test_what_a_message_does_not_have_is_called_missing() -> None:
    routes = parse("rules: [{name: r, when: {channel: chat, metadata: {tier: vip}}, then: {}}]", "r")
    lines = list(explain_route(routes, facts("A")))
    assert lines[1] == "  no   r: channel is missing, not chat, metadata.tier is missing, not vip"


def test_times_are_in_the_time_zone_of_the_rules() -> None:
    routes = parse("timezone: Europe/Berlin\ndefaults: {queue: q, sla: 7h}", "r")
    lines = list(explain_route(routes, facts("A", at=datetime(2026, 3, 28, 20, tzinfo=UTC))))
    assert lines[0].endswith(" at Sat 28 Mar 2026 21:00 CET")
    assert ", due Sun 29 Mar 2026 05:00 CEST, " in lines[-1]  # seven hours later; summer time began in between


def test_wishes_are_explained() -> None:
    routes = parse("rules: [{name: first, when: {any_intent: C}, then: {}}]", "routes.yaml")
    typed = _parse('{"intent": "A", "intents": [{"intent": "A"}, {"intent": "B", "probability": 0.8}]}')
    assert list(explain_route(routes, typed))[1] == "  no   first: any_intent is A and B, not C"


def test_entities_are_explained() -> None:
    rules = """
    rules:
      - {name: first, when: {entities: order_number}, then: {}}
      - {name: second, when: {without_entities: amount}, then: {}}
      - {name: third, then: {fields: {sum: amount}}}
    """
    typed = _parse('{"intent": "A", "entities": [{"type": "amount", "value": "5"}]}')
    lines = list(explain_route(parse(rules, "r"), typed))
    assert lines[1] == "  no   first: entities is amount, not order_number"
    assert lines[2] == "  no   second: without_entities is amount, not without amount"
    assert lines[-1].endswith(", tags none, sum 5")

"""``triage router --explain``."""

from hypothesis import given
from hypothesis import strategies as st
from triage_worker.router.explain import explain_route
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

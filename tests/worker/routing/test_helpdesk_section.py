"""The section ``helpdesk`` of the rules: what is written on tickets, and what agents' changes mean."""

import pytest
from triage_worker.config.errors import ConfigError
from triage_worker.helpdesk.connection import fields_of
from triage_worker.routing.routes_file import parse

RULES = """
defaults: {fields: {order: order_number}}
rules:
  - {name: a, when: {intent: [WISMO, OTHER]}, then: {queue: delivery}}
  - {name: b, when: {any_intent: RETURN_REQUEST}, then: {queue: returns}}
helpdesk:
  groups: {delivery: 360001}
  fields: {order: cf_order}
  ticket: {intent: cf_intent, confidence: 5002, priority: Urgency, tags: false}
  intents: {DAMAGED_ITEM: broken}
  new_tickets: {priority: low, group: [1, 2]}
  teach: {groups: {42: BILLING_DISPUTE}, tags: {spam: SPAM}, group_confidence: 0.5}
"""


def test_fields_are_numbers_or_names() -> None:
    routes = parse(RULES, "routes.yaml")
    fields = fields_of(routes.helpdesk)
    assert fields.custom == {
        "field.order": "cf_order",
        "intent": "cf_intent",
        "confidence": 5002,
        "priority": "Urgency",
    }
    assert fields.texts()["confidence"] == "5002"
    assert routes.helpdesk.new_tickets.group == (1, 2)
    assert routes.helpdesk.teach.groups == {42: "BILLING_DISPUTE"}


def test_the_intents_of_the_file_are_known() -> None:
    known = {"WISMO", "OTHER", "RETURN_REQUEST", "DAMAGED_ITEM", "BILLING_DISPUTE", "SPAM"}
    assert parse(RULES, "routes.yaml").intents == known


def test_without_a_field_the_intent_is_a_tag_only() -> None:
    section = parse("rules: []", "routes.yaml").helpdesk
    assert fields_of(section).custom == {}
    assert (section.ticket.priority, section.ticket.group, section.ticket.tags) == (True, True, True)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("helpdesk:\n ticket: {intents: 5}", r"line 2: helpdesk.ticket.intents: not known here"),
        ("helpdesk:\n teach:\n  groups: {support: WISMO}", r"line 3: helpdesk.teach.groups.*integer"),
        (
            "helpdesk:\n teach: {group_confidence: 2}",
            r"line 2: helpdesk.teach.group_confidence.*less than or equal to 1",
        ),
    ],
)
def test_a_mistake_has_its_line(text: str, problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        parse(text, "routes.yaml")

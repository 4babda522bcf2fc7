"""Each vendor's webhooks become customer messages; what no customer wrote is left out; odd bodies are refused."""

import copy
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from triage_worker.config.intake_sources import IntakeSourceModel
from triage_worker.intake.adapter import Reading, load_adapter
from triage_worker.intake.body_fields import InvalidBodyError

from tests.worker.intake import webhooks
from tests.worker.intake.webhooks import BY_KIND, TEXT

CASES = [(kind, number) for kind, bodies in BY_KIND.items() for number in range(len(bodies))]


def source(kind: str, **more: Any) -> IntakeSourceModel:
    return IntakeSourceModel.model_validate({"name": kind, "kind": kind, "secrets": [{"env": "SECRET"}]} | more)


def read(kind: str, body: Any, headers: dict[str, str] | None = None, **more: Any) -> Reading:
    parsed = orjson.loads(orjson.dumps(body))
    return load_adapter(kind).read(parsed, headers or {}, source(kind, **more))


@pytest.mark.parametrize(("kind", "number"), CASES)
def test_the_text_of_the_customer_is_read_without_html(kind: str, number: int) -> None:
    reading = read(kind, BY_KIND[kind][number])
    assert [message.text for message in reading.messages] == [TEXT]
    assert reading.ignored == 0


@pytest.mark.parametrize(("kind", "number"), [case for case in CASES if case[0] not in {"freshdesk"}])
def test_a_webhook_that_is_sent_again_has_the_same_key(kind: str, number: int) -> None:
    first, again = (read(kind, BY_KIND[kind][number]).messages for _ in range(2))
    assert first[0].key is not None
    assert first == again


@pytest.mark.parametrize("kind", [kind for kind in BY_KIND if kind != "plain"])
def test_the_ticket_can_be_found_again(kind: str) -> None:
    expected = {
        "zendesk": "35436",
        "intercom": "2150",
        "front": "cnv_55",
        "chatwoot": "77",
        "gorgias": "4712",
        "freshdesk": "11",
    }
    (message,) = read(kind, BY_KIND[kind][0]).messages
    assert message.ticket_id == message.conversation_id == expected[kind]
    assert message.customer_id
    assert message.channel


def test_times_are_those_of_the_message() -> None:
    assert read("front", webhooks.FRONT_EVENT).messages[0].created_at == "2026-11-24T08:59:59.250Z"
    assert read("intercom", webhooks.INTERCOM_REPLIED).messages[0].created_at == "2026-11-24T09:01:40.000Z"
    assert read("gorgias", webhooks.GORGIAS_TICKET).messages[0].created_at == "2026-11-24T09:00:00"


def test_a_subject_is_read_with_the_first_message_only() -> None:
    first, later = webhooks.INTERCOM_CREATED, webhooks.INTERCOM_REPLIED
    assert [read("intercom", body).messages[0].subject for body in (first, later)] == ["Order 4711", ""]
    created, comment = webhooks.ZENDESK_CREATED, webhooks.ZENDESK_COMMENT
    assert [read("zendesk", body).messages[0].subject for body in (created, comment)] == ["Order 4711", ""]
    assert {message.metadata["subject"] for message in read("zendesk", comment).messages} == {"Order 4711"}


def changed(body: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """Return a body with another value at a path."""
    copied = copy.deepcopy(body)
    *names, last = path.split(".")
    place: Any = copied
    for name in names:
        place = place[int(name)] if isinstance(place, list) else place[name]
    place[int(last) if isinstance(place, list) else last] = value
    return copied


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("zendesk", changed(webhooks.ZENDESK_COMMENT, "event.comment.author.is_staff", True)),
        ("zendesk", changed(webhooks.ZENDESK_COMMENT, "event.comment.is_public", False)),
        ("zendesk", changed(webhooks.ZENDESK_COMMENT, "event.comment.body", "")),
        ("zendesk", changed(webhooks.ZENDESK_CREATED, "detail.submitter_id", "9")),
        ("zendesk", changed(webhooks.ZENDESK_CHAT, "event.actor.type", "agent")),
        ("zendesk", changed(webhooks.ZENDESK_COMMENT, "type", "zen:event-type:ticket.status_changed")),
        ("intercom", changed(webhooks.INTERCOM_CREATED, "topic", "conversation.admin.replied")),
        ("intercom", changed(webhooks.INTERCOM_CREATED, "topic", "ping")),
        ("intercom", changed(webhooks.INTERCOM_CREATED, "data.item.source.author.type", "bot")),
        ("intercom", changed(webhooks.INTERCOM_CREATED, "data.item.source.body", "<img src='a.png'>")),
        ("front", changed(webhooks.FRONT_EVENT, "type", "outbound")),
        ("front", changed(webhooks.FRONT_EVENT, "target.data.is_inbound", False)),
        ("chatwoot", changed(webhooks.CHATWOOT, "message_type", "outgoing")),
        ("chatwoot", changed(webhooks.CHATWOOT, "message_type", "activity")),
        ("chatwoot", changed(webhooks.CHATWOOT, "private", True)),
        ("chatwoot", changed(webhooks.CHATWOOT, "sender.type", "agent_bot")),
        ("chatwoot", changed(webhooks.CHATWOOT, "event", "conversation_status_changed")),
        ("chatwoot", changed(webhooks.CHATWOOT, "content", None)),
        ("gorgias", {"message": webhooks.GORGIAS_MESSAGE | {"from_agent": True}}),
        ("gorgias", {"message": webhooks.GORGIAS_MESSAGE | {"public": False}}),
        ("gorgias", {"message": webhooks.GORGIAS_MESSAGE | {"source": {"type": "internal-note"}}}),
        ("gorgias", webhooks.GORGIAS_TICKET | {"messages": []}),
        ("plain", webhooks.PLAIN | {"from_agent": "true"}),
        ("plain", webhooks.PLAIN | {"public": False}),
        ("plain", webhooks.PLAIN | {"text": "  "}),
    ],
)
def test_what_no_customer_wrote_is_counted_and_left_out(kind: str, body: dict[str, Any]) -> None:
    reading = read(kind, body)
    assert list(reading.messages) == []
    assert reading.ignored == 1


def test_a_ticket_and_its_first_comment_are_the_same_message() -> None:
    comment = changed(webhooks.ZENDESK_COMMENT, "detail.description", TEXT)
    assert read("zendesk", webhooks.ZENDESK_CREATED).messages == read("zendesk", comment).messages


def test_the_newest_message_of_a_ticket_is_what_the_webhook_is_about() -> None:
    ticket = changed(webhooks.GORGIAS_TICKET, "messages", webhooks.GORGIAS_TICKET["messages"][::-1])
    assert read("gorgias", ticket).messages[0].key == "991"
    agents = changed(ticket, "messages.0", webhooks.GORGIAS_MESSAGE | {"from_agent": True})
    assert read("gorgias", agents) == Reading(ignored=1)


def test_front_is_answered_when_it_tests_the_address() -> None:
    body = {"type": "sync", "authorization": {"id": "cmp_1"}}
    assert read("front", body, {"x-front-challenge": "abc"}).answer == {"challenge": "abc"}


def test_front_gives_only_the_beginning_where_there_is_no_more() -> None:
    preview = changed(changed(webhooks.FRONT_EVENT, "target.data.text", None), "target.data.body", None)
    assert read("front", preview).messages[0].text == TEXT[:10]


def test_freshdesk_has_the_description_where_there_is_no_comment() -> None:
    body = {"freshdesk_webhook": webhooks.FRESHDESK["freshdesk_webhook"] | {"ticket_latest_public_comment": ""}}
    (message,) = read("freshdesk", body).messages
    assert (message.text, message.subject) == ("hello, a question", "Order 4711")


@pytest.mark.parametrize("kind", ["zendesk", "gorgias", "freshdesk"])
def test_a_body_of_ones_own_has_the_names_of_plain_ones(kind: str) -> None:
    (message,) = read(kind, {"text": TEXT, "ticket_id": 12, "message_id": "c-9", "customer_id": "a"}).messages
    assert (message.text, message.ticket_id, message.key, message.customer_id) == (TEXT, "12", "c-9", "a")


def test_fields_of_a_plain_body_can_be_elsewhere() -> None:
    fields = {"messages": "events", "text": "payload.body", "message_id": "payload.uuid", "from_agent": "agent"}
    body = {
        "events": [
            {"payload": {"body": TEXT, "uuid": "u-1"}},
            {"payload": {"body": "an answer", "uuid": "u-2"}, "agent": True},
        ]
    }
    reading = read("plain", body, fields=fields)
    assert [(message.text, message.key) for message in reading.messages] == [(TEXT, "u-1")]
    assert reading.ignored == 1
    with pytest.raises(InvalidBodyError) as error:
        read("plain", {"events": [{"payload": {"body": 7}}]}, fields=fields)
    assert error.value.path == "events.0.payload.body"


def test_metadata_keeps_scalars() -> None:
    assert read("plain", webhooks.PLAIN).messages[0].metadata == {"tier": "gold", "visits": 3}


@pytest.mark.parametrize(
    ("kind", "body", "path"),
    [
        ("plain", [], ""),
        ("plain", {}, "text"),
        ("plain", {"text": ["a"]}, "text"),
        ("plain", webhooks.PLAIN | {"message_id": {"a": 1}}, "message_id"),
        ("plain", webhooks.PLAIN | {"message_id": "a" * 1_025}, "message_id"),
        ("plain", webhooks.PLAIN | {"metadata": "gold"}, "metadata"),
        ("plain", {"messages": [webhooks.PLAIN, "no"]}, "messages.1"),
        ("plain", {"messages": [webhooks.PLAIN] * 501}, "messages"),
        ("zendesk", changed(webhooks.ZENDESK_COMMENT, "event", []), "event"),
        ("zendesk", changed(webhooks.ZENDESK_COMMENT, "event.comment.body", 7), "event.comment.body"),
        ("zendesk", changed(webhooks.ZENDESK_COMMENT, "detail.id", None), "detail.id"),
        ("intercom", {"type": "notification_event"}, "topic"),
        ("intercom", changed(webhooks.INTERCOM_CREATED, "data.item.id", None), "data.item.id"),
        ("front", changed(webhooks.FRONT_EVENT, "target.data.id", None), "target.data.id"),
        ("front", changed(webhooks.FRONT_EVENT, "target.data.created_at", 1e300), "target.data.created_at"),
        ("chatwoot", changed(webhooks.CHATWOOT, "conversation", None), "conversation"),
        ("gorgias", {"message": webhooks.GORGIAS_MESSAGE | {"from_agent": "perhaps"}}, "message.from_agent"),
        ("freshdesk", {"freshdesk_webhook": {}}, "freshdesk_webhook.ticket_id"),
    ],
)
def test_an_odd_body_is_refused_by_the_name_of_the_field(kind: str, body: Any, path: str) -> None:
    with pytest.raises(InvalidBodyError) as error:
        read(kind, body)
    assert error.value.path == path


SCALARS = st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False) | st.text(max_size=30)
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the place of every value in a document."""
    yield path
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, inner in entries:
        yield from places(inner, (*path, name))


@pytest.mark.parametrize(("kind", "number"), CASES)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_body_breaks_an_adapter(kind: str, number: int, data: st.DataObject) -> None:
    """Whatever is put in the place of any value, it is read, ignored or refused, and makes valid JSON."""
    body: Any = copy.deepcopy(BY_KIND[kind][number])
    place = data.draw(st.sampled_from(list(places(body))))
    value = data.draw(ANYTHING)
    if not place:
        body = value
    else:
        inner: Any = body
        for name in place[:-1]:
            inner = inner[name]
        inner[place[-1]] = value
    try:
        reading = read(kind, body)
    except InvalidBodyError:
        pass
    else:
        for message in reading.messages:
            assert message.text.strip()
            assert all(isinstance(one, str | None) for one in (message.key, message.ticket_id, message.created_at))

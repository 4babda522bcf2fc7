"""The tickets that Triage opens itself: one for each ticket id, whatever faults the helpdesk has."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any, cast

import pytest
from aiohttp import ClientSession
from hypothesis import given, settings
from hypothesis import strategies as st
from triage_schemas.events import TicketEvent
from triage_worker.config.errors import ConfigError
from triage_worker.helpdesk import zendesk_own_tickets
from triage_worker.helpdesk.adapter import Fields, OwnTickets, load_adapter
from triage_worker.helpdesk.http_client import HelpdeskClient, RequestRejectedError
from triage_worker.helpdesk.metrics import HelpdeskMetrics
from triage_worker.helpdesk.ticket_fields import summary
from triage_worker.resilience.backoff import RetryPolicy

from tests.worker.helpdesk.fakes import TOKEN, USER, FakeGorgias, FakeHelpdesk, FakeZendesk, ticket

TIMEOUT_S = 10.0
"""Longer than any answer takes on a busy machine; only a fake that is "slow" is not waited for."""

SHORT_TIMEOUT_S = 0.2
RETRY = RetryPolicy(first_s=0.001, longest_s=0.01)
GROUPS = {"claims": 360_001, "delivery": 360_002}
FIELDS = {"order": 27_001, "amount": 27_002}
FAKES: dict[str, type[FakeHelpdesk]] = {"zendesk": FakeZendesk, "gorgias": FakeGorgias}
each_adapter = pytest.mark.parametrize("name", FAKES)


@asynccontextmanager
async def connected(
    server: FakeHelpdesk,
    name: str,
    *,
    token: str = TOKEN,
    path: str = "",
    per_minute: int = 600,
    metrics: HelpdeskMetrics | None = None,
    timeout_s: float = TIMEOUT_S,
) -> AsyncIterator[OwnTickets]:
    """A helpdesk as the service connects it, to a fake server."""
    adapter = load_adapter(name)
    async with server.running() as site, ClientSession(headers=adapter.login(USER, token)) as session:
        client = HelpdeskClient(
            session,
            f"{site}{path}",
            per_minute=per_minute,
            metrics=metrics or HelpdeskMetrics(),
            timeout_s=timeout_s,
            retry=RETRY,
        )
        assert adapter.open_tickets is not None
        custom = {f"field.{field}": number for field, number in FIELDS.items()}
        yield adapter.open_tickets(client, Fields(custom, GROUPS))


async def outcomes(
    server: FakeHelpdesk, name: str, tickets: Iterable[TicketEvent], *, timeout_s: float = TIMEOUT_S
) -> list[str]:
    """Upsert tickets one after the other."""
    async with connected(server, name, per_minute=600_000, timeout_s=timeout_s) as helpdesk:
        return [await helpdesk.upsert(event) for event in tickets]


def tags_of(shown: dict[str, Any]) -> set[str]:
    return {tag if isinstance(tag, str) else tag["name"] for tag in shown["tags"]}


def group_of(shown: dict[str, Any]) -> int:
    return int(shown["assignee_team"]["id"] if "assignee_team" in shown else shown["group_id"])


@each_adapter
async def test_a_new_ticket_has_tags_priority_and_group(name: str) -> None:
    server = FAKES[name]()
    made = ticket(queue="claims", priority="urgent", tags=["damaged", "big spender"])
    assert await outcomes(server, name, [made]) == ["created"]
    (one,) = server.tickets.values()
    assert one["external_id"] == "t-1"
    assert one["priority"] == {"zendesk": "urgent", "gorgias": "critical"}[name]
    assert group_of(one) == 360_001
    assert tags_of(one) == {"damaged", "big_spender", "intent_wismo", "triage"}


@each_adapter
async def test_a_repeated_event_changes_nothing(name: str) -> None:
    server = FAKES[name]()
    assert await outcomes(server, name, [ticket(), ticket(), ticket()]) == ["created", "current", "current"]
    assert len(server.tickets) == 1
    assert [method for method, _ in server.calls] == ["GET", "POST", "GET", "GET"]


@each_adapter
async def test_an_escalation_changes_the_assignment_and_an_update_does_not(name: str) -> None:
    server = FAKES[name]()
    assert await outcomes(server, name, [ticket(), ticket("escalated", queue="claims", priority="high")]) == [
        "created",
        "updated",
    ]
    (one,) = server.tickets.values()
    assert (group_of(one), one["priority"]) == (360_001, "high")
    one["priority"] = "low"  # by an agent
    one["tags"] = one["tags"][:-1] + ([{"name": "mine"}] if name == "gorgias" else ["mine"])
    await outcomes(server, name, [ticket("updated", queue="delivery", tags=["wismo", "other"])])
    assert (group_of(one), one["priority"]) == (360_001, "low")
    assert {"mine", "other", "triage"} <= tags_of(one)


@each_adapter
async def test_a_closed_event_closes_the_ticket_and_never_creates_one(name: str) -> None:
    server = FAKES[name]()
    await outcomes(server, name, [ticket()])
    (one,) = server.tickets.values()
    one["assignee_id"] = 5
    assert await outcomes(server, name, [ticket("closed"), ticket("closed", number=2)]) == ["updated", "current"]
    assert one["status"] == {"zendesk": "solved", "gorgias": "closed"}[name]
    await outcomes(server, name, [ticket("updated")])
    assert one["status"] == "open", "a new message reopens it"


async def test_zendesk_solves_only_assigned_tickets_and_never_changes_closed_ones() -> None:
    server = FakeZendesk()
    await outcomes(server, "zendesk", [ticket(), ticket("closed")])
    (one,) = server.tickets.values()
    assert one["status"] == "new"
    one["status"] = "closed"
    assert await outcomes(server, "zendesk", [ticket("updated")]) == ["current"]


@each_adapter
@pytest.mark.parametrize("fault", ["500", "429", "429-late", "html", "drop", "lost", "slow"])
@pytest.mark.parametrize("call", [0, 1, 2, 3])
async def test_a_fault_at_any_call_creates_no_second_ticket(name: str, fault: str, call: int) -> None:
    server = FAKES[name](["ok"] * call + [fault, fault])
    events = [ticket(), ticket("escalated", queue="claims", priority="high")]
    await outcomes(server, name, events, timeout_s=SHORT_TIMEOUT_S if fault == "slow" else TIMEOUT_S)
    (one,) = server.tickets.values()
    assert (group_of(one), one["priority"]) == (360_001, "high")


@each_adapter
@settings(max_examples=40)
@given(faults=st.lists(st.sampled_from(["ok", "500", "429", "html", "drop", "lost"]), max_size=20))
async def test_any_sequence_of_faults_ends_with_one_current_ticket_for_each_id(name: str, faults: list[str]) -> None:
    server = FAKES[name](faults)
    events = [ticket(number=1), ticket(number=2), ticket("escalated", number=1, queue="claims", priority="urgent")]
    await outcomes(server, name, events)
    assert sorted(one["external_id"] for one in server.tickets.values()) == ["t-1", "t-2"]
    first = next(one for one in server.tickets.values() if one["external_id"] == "t-1")
    assert group_of(first) == 360_001


@each_adapter
async def test_a_rejected_ticket_is_not_retried(name: str) -> None:
    server = FAKES[name]()
    with pytest.raises(RequestRejectedError, match="the helpdesk answered 4"):
        await outcomes(server, name, [ticket(tags=["refuse"])])
    assert [method for method, _ in server.calls] == ["GET", "POST"]


@each_adapter
async def test_a_wrong_token_is_a_clear_error(name: str) -> None:
    async with connected(FAKES[name](), name, token="another") as helpdesk:
        with pytest.raises(ConfigError, match="refused the login"):
            await helpdesk.upsert(ticket())


async def test_a_wrong_address_loses_no_tickets() -> None:
    """It would otherwise turn every ticket into a dead letter."""
    async with connected(FakeZendesk(), "zendesk", path="/shop") as helpdesk:
        with pytest.raises(ConfigError, match="TRIAGE_HELPDESK_URL"):
            await helpdesk.upsert(ticket())


async def test_zendesk_gets_a_tickets_fields_and_keeps_what_an_agent_has_written() -> None:
    server = FakeZendesk()
    first = ticket(fields={"order": "A-1042", "product": "p-1"})
    assert await outcomes(server, "zendesk", [first, first]) == ["created", "current"]
    (one,) = server.tickets.values()
    assert one["custom_fields"] == [{"id": 27_001, "value": "A-1042"}], "only the fields whose id is known"
    one["custom_fields"] = [{"id": 27_001, "value": "A-1043"}, {"id": 5, "value": None}]
    await outcomes(server, "zendesk", [ticket("updated", fields={"order": "A-1042"}, tags=["more"])])
    assert one["custom_fields"][0]["value"] == "A-1043"


async def test_zendesk_gets_a_field_that_a_later_message_fills() -> None:
    server = FakeZendesk()
    await outcomes(server, "zendesk", [ticket()])
    (one,) = server.tickets.values()
    assert "custom_fields" not in one
    one["custom_fields"] = [{"id": 27_001, "value": None}]  # Zendesk shows all fields, also empty ones
    assert await outcomes(server, "zendesk", [ticket("updated", fields={"order": "A-1042"})]) == ["updated"]
    assert one["custom_fields"] == [{"id": 27_001, "value": "A-1042"}]


@pytest.mark.parametrize("faults", [[], ["ok", "ok", "lost"], ["ok", "lost"], ["ok", "ok", "500", "drop"]])
async def test_zendesk_gets_a_ticket_whose_custom_fields_it_refuses_without_them(
    faults: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    server, metrics = FakeZendesk(faults), HelpdeskMetrics()
    server.options = {27_001: ("order_a", "order_b")}  # a drop-down field
    made = ticket(fields={"order": "A-1042"}, queue="claims")
    async with connected(server, "zendesk", per_minute=600_000, metrics=metrics) as helpdesk:
        assert await helpdesk.upsert(made) == "created"
        (one,) = server.tickets.values()
        assert ("custom_fields" in one, one["group_id"], one["external_id"]) == (False, 360_001, "t-1")
        assert await helpdesk.upsert(ticket("updated", fields={"order": "A-1042"}, tags=["more"])) == "updated"
        assert "more" in one["tags"]
    assert metrics.registry.get_sample_value("triage_helpdesk_fields_refused_total") == 2
    notes = [record for record in caplog.records if "only without its custom fields" in record.message]
    assert [getattr(note, "fields", None) for note in notes] == [{"order": 27_001}], "once"
    assert "Order: is not valid" in str(getattr(notes[0], "problem", ""))
    assert "A-1042" not in caplog.text


async def test_a_ticket_that_zendesk_refuses_without_its_fields_too_is_rejected() -> None:
    server, metrics = FakeZendesk(), HelpdeskMetrics()
    server.options = {27_001: ()}
    async with connected(server, "zendesk", metrics=metrics) as helpdesk:
        with pytest.raises(RequestRejectedError, match="the helpdesk answered 422"):
            await helpdesk.upsert(ticket(fields={"order": "A-1042"}, tags=["refuse"]))
    assert [method for method, _ in server.calls] == ["GET", "POST", "POST"], "tried once more, not for ever"
    assert metrics.registry.get_sample_value("triage_helpdesk_fields_refused_total") == 0


@pytest.mark.parametrize("names_fields", [True, False])
async def test_zendesk_is_not_sent_a_value_that_it_has_refused_again(names_fields: bool) -> None:
    server, given_fields = FakeZendesk(), {"order": "A-1042"}
    server.options, server.names_fields = {27_001: ("A-1043",)}, names_fields
    async with connected(server, "zendesk", per_minute=600_000) as helpdesk:
        await helpdesk.upsert(ticket(fields=given_fields))
        server.calls.clear()
        assert await helpdesk.upsert(ticket("updated", fields=given_fields)) == "current"
        assert await helpdesk.upsert(ticket("updated", fields=given_fields, tags=["more"])) == "updated"
        await helpdesk.upsert(ticket(number=2, fields=given_fields))
        assert [method for method, _ in server.calls] == ["GET", "GET", "PUT", "GET", "POST"]
        await helpdesk.upsert(ticket(number=3, fields={"order": "A-1043"}))
    assert [one.get("custom_fields") for one in server.tickets.values()] == [
        None,
        None,
        [{"id": 27_001, "value": "A-1043"}],
    ], "another value of the field is sent"


async def test_zendesk_gets_the_fields_that_it_takes() -> None:
    server, metrics = FakeZendesk(), HelpdeskMetrics()
    server.options = {27_001: ("order_a",)}
    async with connected(server, "zendesk", per_minute=600_000, metrics=metrics) as helpdesk:
        await helpdesk.upsert(ticket(fields={"order": "A-1042", "amount": "5"}))
        (one,) = server.tickets.values()
        assert one["custom_fields"] == [{"id": 27_002, "value": "5"}]
        assert await helpdesk.upsert(ticket("updated", fields={"order": "order_a", "amount": "5"})) == "updated"
        assert one["custom_fields"] == [{"id": 27_001, "value": "order_a"}]
    assert [method for method, _ in server.calls] == ["GET", "POST", "POST", "GET", "PUT"]
    assert metrics.registry.get_sample_value("triage_helpdesk_fields_refused_total") == 1


ASSIGNEE = {"description": "Assignee: is required", "ticket_field_id": 1, "ticket_field_type": "FieldAssignee"}


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (400, {"error": "IdempotentRequestError"}),
        (400, {"error": "BadRequest", "details": {"base": [{"description": "Order: is not valid"}]}}),
        (404, {"error": "RecordNotFound"}),
        (422, {"error": "RecordInvalid"}),
        (422, {"error": "RecordInvalid", "details": None}),
        (422, {"error": "RecordInvalid", "details": {"base": "unknown", "status": ["unknown"]}}),
        (422, {"error": "RecordInvalid", "details": {"requester": [{"description": "Requester: is suspended"}]}}),
        (422, {"error": "RecordInvalid", "details": {"base": [ASSIGNEE]}}),
    ],
)
async def test_zendesk_is_asked_once_where_it_refuses_a_ticket_for_another_reason(
    status: int, body: dict[str, Any]
) -> None:
    server = FakeZendesk()
    server.refusal = (status, body)
    with pytest.raises(RequestRejectedError, match=f"the helpdesk answered {status}"):
        await outcomes(server, "zendesk", [ticket(fields={"order": "A-1042"}, tags=["refuse"])])
    assert [method for method, _ in server.calls] == ["GET", "POST"]


async def test_the_number_of_values_that_are_remembered_as_refused_is_bounded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(zendesk_own_tickets, "MAX_REFUSED", 2)
    server = FakeZendesk()
    server.options = {27_001: ()}
    posts: list[int] = []
    async with connected(server, "zendesk", per_minute=600_000) as helpdesk:
        for number in (1, 2, 3, 3, 2, 1):
            server.calls.clear()
            await helpdesk.upsert(ticket(number=number, fields={"order": f"A-{number}"}))
            server.tickets.clear()
            posts.append([method for method, _ in server.calls].count("POST"))
    assert posts == [2, 2, 2, 1, 1, 2]


def test_the_note_for_agents_has_the_fields() -> None:
    assert "\norder: A-1042" in summary(ticket(fields={"order": "A-1042"}))


@each_adapter
def test_a_field_without_a_number_is_refused_with_a_sentence(name: str) -> None:
    with pytest.raises(ConfigError, match=r"custom field of intent is 'cf_intent'.*numbers"):
        load_adapter(name).connect(cast("HelpdeskClient", None), Fields({"intent": "cf_intent"}, GROUPS), "")

"""Tickets in a helpdesk: one for each, whatever the helpdesk does on the way."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiohttp import ClientSession
from hypothesis import given, settings
from hypothesis import strategies as st
from triage_schemas.events import TicketEvent
from triage_worker.config.errors import ConfigError
from triage_worker.helpdesk.client import Client, Pace, Patience, Refused, login
from triage_worker.helpdesk.desks import Helpdesk
from triage_worker.helpdesk.gorgias import Gorgias
from triage_worker.helpdesk.metrics import HelpdeskMetrics
from triage_worker.helpdesk.zendesk import Zendesk

from tests.worker.helpdesk import fakes as helpdesk_fakes
from tests.worker.helpdesk.fakes import TOKEN

HASTE = Patience(timeout_s=0.2, first_wait_s=0.001, longest_wait_s=0.01)
GROUPS = {"claims": 360_001, "delivery": 360_002}
NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)
KINDS: dict[str, tuple[type[helpdesk_fakes.Helpdesk], Callable[[Client, dict[str, int]], Helpdesk]]] = {
    "zendesk": (helpdesk_fakes.Zendesk, Zendesk),
    "gorgias": (helpdesk_fakes.Gorgias, Gorgias),
}
both = pytest.mark.parametrize("kind", KINDS)


def ticket(event: str = "opened", *, number: int = 1, queue: str = "delivery", **fields: Any) -> TicketEvent:
    given: dict[str, Any] = {"intent": "WISMO", "intents": ["WISMO"], "priority": "normal", "tags": ["wismo"]}
    return TicketEvent(
        **(given | fields),
        ticket_id=f"t-{number}",
        conversation_id=f"chat-{number}",
        customer_id=None,
        event=event,  # type: ignore[arg-type]
        status="closed" if event == "closed" else "open",
        queue=queue,
        due_at=NOON + timedelta(hours=2),
        messages=2,
        opened_at=NOON,
        updated_at=NOON,
    )


async def outcomes(there: helpdesk_fakes.Helpdesk, kind: str, tickets: Iterable[TicketEvent]) -> list[str]:
    """Put tickets, one after the other."""
    async with there.running() as site, ClientSession(headers=login(there.user, TOKEN)) as session:
        client = Client(session, site, per_minute=600_000, metrics=HelpdeskMetrics(), patience=HASTE)
        desk = KINDS[kind][1](client, GROUPS)
        return [await desk.put(one) for one in tickets]


def tags(there: dict[str, Any]) -> set[str]:
    return {tag if isinstance(tag, str) else tag["name"] for tag in there["tags"]}


def place(there: dict[str, Any]) -> int:
    return int(there["assignee_team"]["id"] if "assignee_team" in there else there["group_id"])


@both
async def test_a_ticket_is_made_with_tags_priority_and_group(kind: str) -> None:
    there = KINDS[kind][0]()
    made = ticket(queue="claims", priority="urgent", tags=["damaged", "big spender"])
    assert await outcomes(there, kind, [made]) == ["created"]
    (one,) = there.tickets.values()
    assert one["external_id"] == "t-1"
    assert one["priority"] == {"zendesk": "urgent", "gorgias": "critical"}[kind]
    assert place(one) == 360_001
    assert tags(one) == {"damaged", "big_spender", "intent_wismo", "triage"}


@both
async def test_done_twice_it_is_as_done_once(kind: str) -> None:
    there = KINDS[kind][0]()
    assert await outcomes(there, kind, [ticket(), ticket(), ticket()]) == ["created", "current", "current"]
    assert len(there.tickets) == 1
    assert [method for method, _ in there.calls] == ["GET", "POST", "GET", "GET"]


@both
async def test_an_escalation_moves_it_and_an_update_leaves_it_to_the_agents(kind: str) -> None:
    there = KINDS[kind][0]()
    assert await outcomes(there, kind, [ticket(), ticket("escalated", queue="claims", priority="high")]) == [
        "created",
        "updated",
    ]
    (one,) = there.tickets.values()
    assert (place(one), one["priority"]) == (360_001, "high")
    one["priority"] = "low"  # by an agent
    one["tags"] = one["tags"][:-1] + ([{"name": "mine"}] if kind == "gorgias" else ["mine"])
    await outcomes(there, kind, [ticket("updated", queue="delivery", tags=["wismo", "other"])])
    assert (place(one), one["priority"]) == (360_001, "low")
    assert {"mine", "other", "triage"} <= tags(one)


@both
async def test_silence_closes_it_and_a_closed_one_that_never_was_there_is_not_made(kind: str) -> None:
    there = KINDS[kind][0]()
    await outcomes(there, kind, [ticket()])
    (one,) = there.tickets.values()
    one["assignee_id"] = 5
    assert await outcomes(there, kind, [ticket("closed"), ticket("closed", number=2)]) == ["updated", "current"]
    assert one["status"] == {"zendesk": "solved", "gorgias": "closed"}[kind]
    await outcomes(there, kind, [ticket("updated")])
    assert one["status"] == "open", "a customer who writes again opens it"


async def test_zendesk_solves_nothing_without_an_assignee_and_keeps_what_is_closed() -> None:
    there = helpdesk_fakes.Zendesk()
    await outcomes(there, "zendesk", [ticket(), ticket("closed")])
    (one,) = there.tickets.values()
    assert one["status"] == "new"
    one["status"] = "closed"
    assert await outcomes(there, "zendesk", [ticket("updated")]) == ["current"]


@both
@pytest.mark.parametrize("trouble", ["500", "429", "429-late", "html", "drop", "lost", "slow"])
@pytest.mark.parametrize("call", [0, 1, 2, 3])
async def test_trouble_at_any_call_makes_no_second_ticket(kind: str, trouble: str, call: int) -> None:
    there = KINDS[kind][0](["ok"] * call + [trouble, trouble])
    await outcomes(there, kind, [ticket(), ticket("escalated", queue="claims", priority="high")])
    (one,) = there.tickets.values()
    assert (place(one), one["priority"]) == (360_001, "high")


@both
@settings(max_examples=40)
@given(trouble=st.lists(st.sampled_from(["ok", "500", "429", "html", "drop", "lost"]), max_size=20))
async def test_whatever_trouble_there_is_one_ticket_each_and_up_to_date(kind: str, trouble: list[str]) -> None:
    there = KINDS[kind][0](trouble)
    events = [ticket(number=1), ticket(number=2), ticket("escalated", number=1, queue="claims", priority="urgent")]
    await outcomes(there, kind, events)
    assert sorted(one["external_id"] for one in there.tickets.values()) == ["t-1", "t-2"]
    first = next(one for one in there.tickets.values() if one["external_id"] == "t-1")
    assert place(first) == 360_001


@both
async def test_what_the_helpdesk_will_not_have_is_said_once(kind: str) -> None:
    there = KINDS[kind][0]()
    with pytest.raises(Refused, match="the helpdesk answered 4"):
        await outcomes(there, kind, [ticket(tags=["refuse"])])
    assert [method for method, _ in there.calls] == ["GET", "POST"]


@both
async def test_a_wrong_token_is_one_sentence(kind: str) -> None:
    there = KINDS[kind][0]()
    async with there.running() as site, ClientSession(headers=login(there.user, "another")) as session:
        client = Client(session, site, per_minute=600, metrics=HelpdeskMetrics(), patience=HASTE)
        with pytest.raises(ConfigError, match="refused the login"):
            await KINDS[kind][1](client, GROUPS).put(ticket())


async def test_another_site_loses_no_tickets() -> None:
    """A wrong address would otherwise turn every ticket into a dead letter."""
    there = helpdesk_fakes.Zendesk()
    async with there.running() as site, ClientSession(headers=login(there.user, TOKEN)) as session:
        client = Client(session, f"{site}/shop", per_minute=600, metrics=HelpdeskMetrics(), patience=HASTE)
        with pytest.raises(ConfigError, match="TRIAGE_HELPDESK_URL"):
            await Zendesk(client, GROUPS).put(ticket())


@given(st.integers(1, 5_000), st.lists(st.floats(0, 30), min_size=1, max_size=200))
def test_no_minute_has_more_calls_than_allowed(per_minute: int, gaps: list[float]) -> None:
    pace, now, called = Pace(per_minute), 1_000.0, []
    for gap in gaps:
        now += gap
        now += pace.wait_s(now)
        called.append(now)
    for index, at in enumerate(called):
        assert sum(at <= other < at + 59.999 for other in called[index:]) <= per_minute + 1

"""A conversation's ticket: opened, updated, escalated, closed, and the same whenever the same is filed again."""

import random
from dataclasses import replace
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from triage_worker.router.conversation import REMEMBERED_MESSAGES, Arrival, Conversation, close, file, look_at
from triage_worker.routing.routes import PRIORITIES, Route

DAY = 86_400
ROUTES = {
    "WISMO": Route("wismo", "delivery", "normal", 7_200, ("wismo",)),
    "DAMAGED": Route("damaged", "claims", "high", 3_600, ("damaged",)),
    "OTHER": Route("other", "general", "low", None, ()),
    "CANCEL": Route("cancel", "orders", "urgent", None, ("cancel",)),
}


def arrival(number: int, intent: str = "WISMO", at: float | None = None) -> Arrival:
    return Arrival(f"id-{number}", "chat-1", "c-1", intent, 1_000.0 + number if at is None else at)


def filed(*arrivals: Arrival, before: Conversation | None = None) -> list[Conversation]:
    """All states, in order."""
    states = [] if before is None else [before]
    first = len(states)
    for one in arrivals:
        known = states[-1] if states else None
        states += file(known, one, ROUTES[one.intent], close_after_s=3 * DAY, partition=2, now=one.at)
    return states[first:]


def test_the_first_message_opens() -> None:
    (opened,) = filed(arrival(1))
    event = opened.event()
    assert (event.event, event.status, event.messages, event.intents) == ("opened", "open", 1, ["WISMO"])
    assert (event.queue, event.priority, event.tags) == ("delivery", "normal", ["wismo"])
    assert event.due_at is not None
    assert event.due_at.timestamp() == 1_001 + 7_200


def test_the_next_one_updates() -> None:
    _, updated = filed(arrival(1), arrival(2, "OTHER"))
    event = updated.event()
    assert (event.event, event.queue, event.priority, event.intent) == ("updated", "delivery", "normal", "WISMO")
    assert (event.messages, event.intents) == (2, ["WISMO", "OTHER"])


def test_what_is_as_urgent_adds_to_the_ticket_and_takes_nothing_over() -> None:
    states = filed(*(arrival(number, intent) for number, intent in enumerate(["WISMO", "OTHER", "WISMO"], start=1)))
    event = states[-1].event()
    assert event.event == "updated"
    assert event.due_at == states[0].event().due_at
    assert event.intents == ["WISMO", "OTHER", "WISMO"]
    assert event.tags == ["wismo"]


def test_a_message_brings_what_the_ticket_lacks_and_the_time_after_which_it_is_closed_now() -> None:
    nobody = replace(arrival(1), customer_id=None)
    (opened,) = filed(nobody)
    assert opened.customer_id is None
    (updated,) = file(opened, arrival(2), ROUTES["WISMO"], close_after_s=DAY, partition=2, now=2_000.0)
    assert (updated.customer_id, updated.close_after_s) == ("c-1", DAY)
    (last,) = file(updated, replace(nobody, identity="id-3"), ROUTES["WISMO"], close_after_s=DAY, partition=2, now=3.0)
    assert last.customer_id == "c-1"


def test_what_is_more_urgent_takes_the_ticket_over() -> None:
    opened, escalated = filed(arrival(1), arrival(2, "DAMAGED"))
    event = escalated.event()
    assert event.ticket_id == opened.ticket_id
    assert (event.event, event.queue, event.priority, event.intent) == ("escalated", "claims", "high", "DAMAGED")
    assert event.tags == ["wismo", "damaged"]
    assert event.due_at is not None
    assert event.due_at.timestamp() == 1_002 + 3_600


def test_an_escalation_without_a_time_keeps_the_one_there_was() -> None:
    _, escalated = filed(arrival(1), arrival(2, "CANCEL"))
    assert escalated.due_at == 1_001 + 7_200
    _, escalated = filed(arrival(1, "OTHER"), arrival(2, "CANCEL"))
    assert escalated.due_at is None


def test_a_repeat_changes_nothing() -> None:
    states = filed(arrival(1), arrival(2))
    assert filed(arrival(1), arrival(2), before=states[-1]) == []


def test_after_it_was_closed_a_new_message_opens_another_and_a_repeat_does_not() -> None:
    (opened,) = filed(arrival(1))
    closed = close(opened, at=5_000.0, now=5_000.0)
    assert (closed.event().event, closed.event().status) == ("closed", "closed")
    assert filed(arrival(1), before=closed) == []
    (again,) = filed(arrival(2, at=6_000.0), before=closed)
    assert again.ticket_id != opened.ticket_id
    assert (again.change, again.messages, again.intents) == ("opened", 1, ["WISMO"])
    assert filed(arrival(1), arrival(2), before=again) == []


def test_a_message_that_comes_long_after_closes_the_old_ticket_first() -> None:
    opened, closed, another = filed(arrival(1), arrival(2, at=1_001.0 + 10 * DAY))
    assert (closed.change, closed.ticket_id, closed.updated_at) == ("closed", opened.ticket_id, 1_001.0 + 3 * DAY)
    assert another.change == "opened"
    assert another.ticket_id != opened.ticket_id


def test_a_closed_ticket_is_not_closed_again_however_late_the_next_message_is() -> None:
    (opened,) = filed(arrival(1))
    closed = close(opened, at=2_000.0, now=2_000.0)
    (again,) = filed(arrival(2, at=2_000.0 + 30 * DAY), before=closed)
    assert again.change == "opened"
    assert again.ticket_id != opened.ticket_id


def test_a_ticket_is_not_closed_before_its_last_message_whatever_the_clocks_say() -> None:
    (opened,) = filed(arrival(1))
    assert close(opened, at=opened.updated_at - DAY, now=0.0).updated_at == opened.updated_at


def test_when_it_is_looked_at_again() -> None:
    (opened,) = filed(arrival(1))
    assert look_at(opened, remember_s=100) == opened.touched_at + 3 * DAY
    assert look_at(close(opened, at=9_000.0, now=9_000.0), remember_s=100) == 9_100


def test_memory_is_bounded() -> None:
    states = filed(*(arrival(number, random.Random(number).choice(list(ROUTES))) for number in range(2_000)))
    assert states[-1].messages == 2_000
    assert len(states[-1].seen) == REMEMBERED_MESSAGES
    assert len(states[-1].intents) <= 100


arrivals = st.lists(
    st.builds(arrival, st.integers(0, 30), st.sampled_from(list(ROUTES)), st.floats(0, 10 * DAY)), max_size=40
)


@given(arrivals)
def test_whatever_comes_in_whatever_order(given_arrivals: list[Arrival]) -> None:
    states = filed(*given_arrivals)
    if given_arrivals:
        assert sum(state.change == "opened" for state in states) - sum(
            state.change == "closed" for state in states
        ) in (0, 1)
    messages = sum(state.change != "closed" for state in states)
    assert messages == len({one.identity for one in given_arrivals})
    assert len({state.event_id for state in states}) == len(states)
    for before, after in pairwise(states):
        if before.ticket_id == after.ticket_id:
            assert after.revision == before.revision + 1
            assert after.updated_at >= before.updated_at
            assert PRIORITIES.index(after.priority) >= PRIORITIES.index(before.priority)
        else:
            assert (before.change, after.change) == ("closed", "opened")
    for state in states:
        assert Conversation.load(state.dump()) == state
        assert state.event().write()


@given(arrivals, st.integers(0, 40))
def test_filed_again_from_any_point_it_is_the_same(given_arrivals: list[Arrival], crash: int) -> None:
    """A crash before the state was written: the same messages, the same events with the same ids."""
    states = filed(*given_arrivals[:crash])
    before = states[-1] if states else None
    once = filed(*given_arrivals[crash:], before=before)
    again = filed(*given_arrivals[crash:], before=before)
    assert [(state.event_id, state.event()) for state in once] == [(state.event_id, state.event()) for state in again]

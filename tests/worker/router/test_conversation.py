"""The state machine of a conversation's ticket: open, update, escalate, close, and repeats."""

import random
from dataclasses import replace
from itertools import pairwise

import orjson
from hypothesis import given
from hypothesis import strategies as st
from triage_worker.router.conversation import (
    MAX_SEEN,
    Conversation,
    apply_message,
    close,
    next_deadline,
)
from triage_worker.router.incoming_message import IncomingMessage
from triage_worker.router.ticket_history import MAX_ENTITIES, MAX_INTENTS, MAX_TAGS
from triage_worker.routing.routes import PRIORITIES, Route

DAY = 86_400
ROUTES = {
    "WISMO": Route("wismo", "delivery", "normal", 7_200, ("wismo",)),
    "DAMAGED": Route("damaged", "claims", "high", 3_600, ("damaged",)),
    "OTHER": Route("other", "general", "low", None, ()),
    "CANCEL": Route("cancel", "orders", "urgent", None, ("cancel",)),
}


def message(number: int, intent: str = "WISMO", at: float | None = None) -> IncomingMessage:
    return IncomingMessage(f"id-{number}", "chat-1", "c-1", intent, 1_000.0 + number if at is None else at)


def applied(*messages: IncomingMessage, before: Conversation | None = None) -> list[Conversation]:
    """Apply messages one after the other, and return all states in order."""
    states = [] if before is None else [before]
    first = len(states)
    for each in messages:
        known = states[-1] if states else None
        states += apply_message(known, each, ROUTES[each.intent], close_after_s=3 * DAY, partition=2, now=each.at)
    return states[first:]


def test_the_first_message_opens_a_ticket() -> None:
    (opened,) = applied(message(1))
    event = opened.event()
    assert (event.event, event.status, event.messages, event.intents) == ("opened", "open", 1, ["WISMO"])
    assert (event.queue, event.priority, event.tags) == ("delivery", "normal", ["wismo"])
    assert event.due_at is not None
    assert event.due_at.timestamp() == 1_001 + 7_200


def test_the_next_message_updates_the_ticket() -> None:
    _, updated = applied(message(1), message(2, "OTHER"))
    event = updated.event()
    assert (event.event, event.queue, event.priority, event.intent) == ("updated", "delivery", "normal", "WISMO")
    assert (event.messages, event.intents) == (2, ["WISMO", "OTHER"])


def test_a_ticket_has_the_helpdesks_ticket_and_the_message_that_its_intent_is_from() -> None:
    def numbered(number: int, intent: str, ticket: str | None) -> IncomingMessage:
        source = {"topic": "in", "partition": 0, "offset": number}
        reference = {"message_id": f"m-{number}", "channel": "email", "language": None, "source": source}
        sure = {"confidence": number / 10, "reference": reference}
        return replace(message(number, intent), **sure, helpdesk_ticket_id=ticket)  # type: ignore[arg-type]

    given_messages = (
        numbered(1, "WISMO", None),
        numbered(2, "OTHER", "1042"),
        numbered(3, "DAMAGED", None),
        numbered(4, "OTHER", "1043"),
    )
    states = [Conversation.load(state.dump()) for state in applied(*given_messages)]
    events = [state.event() for state in states]
    assert [event.helpdesk_ticket_id for event in events] == [None, "1042", "1042", "1043"], "the latest that is known"
    assert "helpdesk_ticket_id" not in orjson.loads(events[0].write())
    assert [event.confidence for event in events] == [0.1, 0.1, 0.3, 0.3], "of the message that the intent is from"
    assert [event.message and event.message.message_id for event in events] == ["m-1", "m-1", "m-3", "m-3"]


def test_a_message_of_the_same_priority_does_not_escalate() -> None:
    states = applied(*(message(number, intent) for number, intent in enumerate(["WISMO", "OTHER", "WISMO"], start=1)))
    event = states[-1].event()
    assert event.event == "updated"
    assert event.due_at == states[0].event().due_at
    assert event.intents == ["WISMO", "OTHER", "WISMO"]
    assert event.tags == ["wismo"]


def test_a_message_adds_a_missing_customer_and_sets_the_inactivity_limit() -> None:
    nobody = replace(message(1), customer_id=None)
    (opened,) = applied(nobody)
    assert opened.customer_id is None
    (updated,) = apply_message(opened, message(2), ROUTES["WISMO"], close_after_s=DAY, partition=2, now=2_000.0)
    assert (updated.customer_id, updated.close_after_s) == ("c-1", DAY)
    (last,) = apply_message(
        updated, replace(nobody, identity="id-3"), ROUTES["WISMO"], close_after_s=DAY, partition=2, now=3.0
    )
    assert last.customer_id == "c-1"


def test_a_message_of_a_higher_priority_escalates() -> None:
    opened, escalated = applied(message(1), message(2, "DAMAGED"))
    event = escalated.event()
    assert event.ticket_id == opened.ticket_id
    assert (event.event, event.queue, event.priority, event.intent) == ("escalated", "claims", "high", "DAMAGED")
    assert event.tags == ["wismo", "damaged"]
    assert event.due_at is not None
    assert event.due_at.timestamp() == 1_002 + 3_600


def test_an_escalation_without_an_sla_keeps_the_due_time() -> None:
    _, escalated = applied(message(1), message(2, "CANCEL"))
    assert escalated.due_at == 1_001 + 7_200
    _, escalated = applied(message(1, "OTHER"), message(2, "CANCEL"))
    assert escalated.due_at is None


def test_a_repeat_changes_nothing() -> None:
    states = applied(message(1), message(2))
    assert applied(message(1), message(2), before=states[-1]) == []


def test_after_a_close_a_new_message_opens_another_ticket_and_a_repeat_does_not() -> None:
    (opened,) = applied(message(1))
    closed = close(opened, at=5_000.0, now=5_000.0)
    assert (closed.event().event, closed.event().status) == ("closed", "closed")
    assert applied(message(1), before=closed) == []
    (again,) = applied(message(2, at=6_000.0), before=closed)
    assert again.ticket_id != opened.ticket_id
    assert (again.change, again.messages, again.intents) == ("opened", 1, ["WISMO"])
    assert applied(message(1), message(2), before=again) == []


def test_a_message_after_the_inactivity_limit_closes_the_old_ticket_first() -> None:
    opened, closed, another = applied(message(1), message(2, at=1_001.0 + 10 * DAY))
    assert (closed.change, closed.ticket_id, closed.updated_at) == ("closed", opened.ticket_id, 1_001.0 + 3 * DAY)
    assert another.change == "opened"
    assert another.ticket_id != opened.ticket_id


def test_a_closed_ticket_is_not_closed_again() -> None:
    (opened,) = applied(message(1))
    closed = close(opened, at=2_000.0, now=2_000.0)
    (again,) = applied(message(2, at=2_000.0 + 30 * DAY), before=closed)
    assert again.change == "opened"
    assert again.ticket_id != opened.ticket_id


def test_a_ticket_is_never_closed_before_its_last_message() -> None:
    (opened,) = applied(message(1))
    assert close(opened, at=opened.updated_at - DAY, now=0.0).updated_at == opened.updated_at


def test_the_next_deadline_is_the_close_and_then_the_removal() -> None:
    (opened,) = applied(message(1))
    assert next_deadline(opened, remember_s=100) == opened.touched_at + 3 * DAY
    assert next_deadline(close(opened, at=9_000.0, now=9_000.0), remember_s=100) == 9_100


def test_the_size_of_the_state_is_bounded() -> None:
    states = applied(*(message(number, random.Random(number).choice(list(ROUTES))) for number in range(2_000)))
    assert states[-1].messages == 2_000
    assert len(states[-1].seen) == MAX_SEEN
    assert len(states[-1].intents) <= MAX_INTENTS == 100


message_lists = st.lists(
    st.builds(message, st.integers(0, 30), st.sampled_from(list(ROUTES)), st.floats(0, 10 * DAY)), max_size=40
)


@given(message_lists)
def test_invariants_hold_for_any_messages_in_any_order(given_messages: list[IncomingMessage]) -> None:
    states = applied(*given_messages)
    if given_messages:
        assert sum(state.change == "opened" for state in states) - sum(
            state.change == "closed" for state in states
        ) in (0, 1)
    count = sum(state.change != "closed" for state in states)
    assert count == len({each.identity for each in given_messages})
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


@given(message_lists, st.integers(0, 40))
def test_processing_again_after_a_crash_gives_the_same_events(
    given_messages: list[IncomingMessage], crash: int
) -> None:
    """After a crash before the state was stored, the same messages give the same events with the same ids."""
    states = applied(*given_messages[:crash])
    before = states[-1] if states else None
    once = applied(*given_messages[crash:], before=before)
    again = applied(*given_messages[crash:], before=before)
    assert [(state.event_id, state.event()) for state in once] == [(state.event_id, state.event()) for state in again]


ORDER = {"type": "order_number", "value": "A-1042"}
MONEY = {"type": "amount", "value": "5", "currency": "USD"}


def test_a_ticket_keeps_both_wishes_of_a_message() -> None:
    both = replace(message(1), wishes=["DAMAGED"])
    opened, updated, again = applied(both, message(2, "OTHER"), replace(message(3, "OTHER"), wishes=["DAMAGED"]))
    assert opened.event().intents == ["WISMO", "DAMAGED"]
    assert opened.event().tags == ["also_damaged", "wismo"]
    assert (opened.event().intent, opened.event().queue) == ("WISMO", "delivery")
    assert updated.event().intents == ["WISMO", "DAMAGED", "OTHER"]
    assert (again.event().intents, again.event().tags) == (["WISMO", "DAMAGED", "OTHER"], ["also_damaged", "wismo"])


def test_an_intent_that_repeats_is_listed_once_also_after_a_message_with_two_wishes() -> None:
    both = replace(message(1, "DAMAGED"), wishes=["WISMO"])
    opened, again, other, back = applied(both, message(2, "DAMAGED"), message(3, "OTHER"), message(4, "DAMAGED"))
    assert opened.event().intents == again.event().intents == ["DAMAGED", "WISMO"]
    assert back.event().intents == [*other.event().intents, "DAMAGED"] == ["DAMAGED", "WISMO", "OTHER", "DAMAGED"]
    (second,) = applied(message(5, "WISMO"), before=opened)
    assert second.event().intents == ["DAMAGED", "WISMO"], "the second wish, repeated"
    (back,) = applied(message(6, "DAMAGED"), before=second)
    assert back.event().intents == ["DAMAGED", "WISMO", "DAMAGED"]
    (twice,) = applied(replace(both, identity="id-7"), before=opened)
    assert twice.event().intents == ["DAMAGED", "WISMO"]


def test_a_state_that_does_not_say_what_its_last_message_asked_for_is_continued() -> None:
    (opened,) = applied(message(1))
    old = {name: value for name, value in orjson.loads(opened.dump()).items() if name != "latest"}
    states = applied(message(2), message(3, "OTHER"), before=Conversation.load(orjson.dumps(old)))
    assert [state.intents for state in states] == [["WISMO"], ["WISMO", "OTHER"]]


def test_a_ticket_keeps_each_entity_once_and_the_first_value_of_a_field() -> None:
    def route(value: str | None) -> Route:
        return replace(ROUTES["WISMO"], fields={} if value is None else {"order": value})

    state: Conversation | None = None
    for number, (value, named) in enumerate([(None, []), ("A-1042", [ORDER]), ("A-9", [ORDER, MONEY, MONEY])]):
        given_message = replace(message(number), entities=named)
        (state,) = apply_message(state, given_message, route(value), close_after_s=DAY, partition=2, now=1_000.0)
        assert Conversation.load(state.dump()) == state
    assert state is not None
    event = state.event()
    assert event.fields == {"order": "A-1042"}
    assert [entity.model_dump(exclude_none=True) for entity in event.entities] == [ORDER, MONEY]


def test_a_ticket_without_entities_is_written_as_before_and_an_old_state_is_read() -> None:
    (opened,) = applied(message(1))
    assert not {"fields", "entities"} & orjson.loads(opened.event().write()).keys()
    old = {name: value for name, value in orjson.loads(opened.dump()).items() if name not in ("fields", "entities")}
    assert Conversation.load(orjson.dumps(old)) == opened


def test_the_entities_of_a_ticket_are_bounded() -> None:
    named = [{"type": "amount", "value": str(number)} for number in range(200)]
    (opened,) = applied(replace(message(1), entities=named))
    assert opened.entities == named[:MAX_ENTITIES]


def test_the_tags_of_a_ticket_are_bounded_and_the_first_ones_stay() -> None:
    """A rule may put a value of the text into a tag, such as ``order_{order_number}``."""
    conversation = None
    for number in range(MAX_TAGS + 20):
        route = replace(ROUTES["WISMO"], tags=("wismo", f"order_{number}"))
        (conversation,) = apply_message(
            conversation, message(number), route, close_after_s=DAY, partition=2, now=2_000.0
        )
    assert conversation is not None
    assert conversation.tags == ["wismo", *(f"order_{number}" for number in range(MAX_TAGS - 1))]
    many = replace(ROUTES["WISMO"], tags=tuple(f"tag-{number}" for number in range(MAX_TAGS + 1)))
    (opened,) = apply_message(None, message(1), many, close_after_s=DAY, partition=2, now=2_000.0)
    assert opened.tags == list(many.tags[:MAX_TAGS])


def test_a_further_wish_has_its_tag_however_many_its_rule_sets() -> None:
    many = replace(ROUTES["WISMO"], tags=tuple(f"tag-{number}" for number in range(MAX_TAGS)))
    both = replace(message(1), wishes=["DAMAGED"])
    (opened,) = apply_message(None, both, many, close_after_s=DAY, partition=2, now=2_000.0)
    assert opened.tags == ["also_damaged", *many.tags[: MAX_TAGS - 1]]


def test_the_state_of_a_later_version_is_read_without_what_is_new() -> None:
    (opened,) = applied(message(1))
    later = orjson.loads(opened.dump()) | {"something_new": {"a": 1}}
    assert Conversation.load(orjson.dumps(later)) == opened

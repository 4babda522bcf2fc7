"""What may be written on a customer's ticket, as values only."""

from hypothesis import given
from hypothesis import strategies as st
from triage_worker.helpdesk.ownership import TicketRecord, Wanted, plan_changes
from triage_worker.helpdesk.ticket_state import Changes, TicketState, same_value, text_of

NAMES = ("intent", "priority", "group")
values = st.dictionaries(st.sampled_from(NAMES), st.sampled_from(["a", "b", "c"]), min_size=1)


def state(tags: frozenset[str] = frozenset(), **known: str | None) -> TicketState:
    return TicketState(dict.fromkeys(NAMES) | known, tags)


def test_a_default_of_the_helpdesk_is_nobodys_decision() -> None:
    wanted = Wanted({"priority": "high"})
    assert plan_changes(state(priority="low"), wanted, TicketRecord()).left_alone == ("priority",)
    plan = plan_changes(state(priority="low"), wanted, TicketRecord(), {"priority": ("low",)})
    assert plan.changes == Changes({"priority": "high"})


def test_what_somebody_else_set_to_the_same_value_stays_theirs() -> None:
    plan = plan_changes(state(intent="a"), Wanted({"intent": "a"}), TicketRecord())
    assert (plan.changes, plan.left_alone) == (Changes(), ())
    later = plan_changes(state(intent="a"), Wanted({"intent": "b"}), plan.record.confirmed())
    assert later.left_alone == ("intent",)


def test_numbers_and_letters_are_compared_by_what_they_mean() -> None:
    assert same_value("0.90", "0.9")
    assert same_value("WISMO", "wismo")
    assert not same_value(None, "a")
    assert (text_of(0.9), text_of(True), text_of(""), text_of(7)) == ("0.9", "true", None, "7")


@given(
    first=values,
    second=values,
    person=st.dictionaries(st.sampled_from(NAMES), st.sampled_from(["a", "b", "x", None])),
    lost=st.booleans(),
)
def test_no_value_of_a_person_is_ever_overwritten(
    first: dict[str, str], second: dict[str, str], person: dict[str, str | None], lost: bool
) -> None:
    """Triage writes, the response may be lost, a person changes values, and Triage writes again."""
    ticket: dict[str, str | None] = dict.fromkeys(NAMES)
    plan = plan_changes(TicketState(ticket), Wanted(first), TicketRecord())
    ticket |= plan.changes.values
    record = plan.record if lost else plan.record.confirmed()
    changed = {name: value for name, value in person.items() if ticket[name] != value}
    ticket |= changed
    if lost:  # a person who restores the value of before cannot be told from a write that was not done
        changed = {name: value for name, value in changed.items() if name not in first or value is not None}
    plan = plan_changes(TicketState(ticket), Wanted(second), TicketRecord.load(record.dump()))
    assert not plan.changes.values.keys() & {name for name in changed if name in first or changed[name] is not None}
    again = plan_changes(TicketState({**ticket, **plan.changes.values}), Wanted(second), plan.record)
    assert not again.changes, "to repeat it changes nothing"

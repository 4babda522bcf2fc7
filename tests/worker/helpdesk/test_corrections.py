"""What agents' changes say about a message, as values only."""

from typing import Any

import pytest
from triage_worker.helpdesk.adapter import ChangedTicket
from triage_worker.helpdesk.corrections import AgentRecord, Correction, Corrections, bulk_changes, seen
from triage_worker.helpdesk.ownership import INTENT_TAG, TicketRecord
from triage_worker.helpdesk.ticket_state import TicketState
from triage_worker.routing.helpdesk_section import Helpdesk, Teaching

ABOUT = {"intent": "WISMO", "intents": ["WISMO"], "message": {"message_id": "m-1"}}
WRITTEN = {"intent": "where_is_it", "group": "1", INTENT_TAG: "intent_wismo"}
RECORD = TicketRecord(values=WRITTEN, tags=("triage", "intent_wismo"), about=ABOUT)
SECTION = Helpdesk(
    intents={"WISMO": "where_is_it", "RETURN_REQUEST": "wants_to_return"},
    teach=Teaching(groups={2: "BILLING_DISPUTE", 3: "WISMO"}, tags={"spam": "OTHER"}),
)
CORRECTIONS = Corrections(SECTION, ["WISMO", "RETURN_REQUEST", "DAMAGED_ITEM"])


def state(tags: tuple[str, ...] = ("triage", "intent_wismo"), **values: str | None) -> TicketState:
    return TicketState({"intent": "where_is_it", "group": "1"} | values, frozenset(tags))


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (state(), None),
        (state(intent="wants_to_return"), Correction("RETURN_REQUEST", "intent", "wants_to_return")),
        (state(intent="damaged_item"), Correction("DAMAGED_ITEM", "intent", "damaged_item")),
        (state(intent="A new one"), Correction("A new one", "intent", "A new one")),
        (state(intent=None), None),
        (state(intent="WISMO"), None),
        (state(("triage", "intent_damaged_item")), Correction("DAMAGED_ITEM", "tags", "intent_damaged_item")),
        (state(("triage", "intent_unknown")), None),
        (state(("triage", "intent_wismo", "intent_damaged_item")), None),
        (state(("triage", "intent_wismo", "spam")), Correction("OTHER", "tags", "spam")),
        (state(group="2"), Correction("BILLING_DISPUTE", "group", "2", 0.8)),
        (state(group="3"), None),
        (state(group="4"), None),
        (state(group="2", intent="damaged_item"), Correction("DAMAGED_ITEM", "intent", "damaged_item")),
    ],
)
def test_what_a_ticket_says(now: TicketState, expected: Correction | None) -> None:
    assert CORRECTIONS.of(now, RECORD) == expected


def test_what_triage_is_writing_is_no_correction() -> None:
    writing = TicketRecord(values=WRITTEN, pending={"intent": ("where_is_it", "damaged_item")}, about=ABOUT)
    assert CORRECTIONS.of(state(intent="damaged_item"), writing) is None


RETURN = Correction("RETURN_REQUEST", "intent", "wants_to_return")


def changed(at: float = 100.0, **flags: Any) -> ChangedTicket:
    return ChangedTicket("7", None, at, **flags)


def test_a_correction_waits_from_its_first_sight_and_may_be_corrected() -> None:
    first = seen(AgentRecord(), changed(100.0), RECORD, RETURN)
    assert (first.pending, first.since) == (RETURN, 100.0)
    assert seen(first, changed(160.0), RECORD, RETURN) == first, "a reply is no new correction"
    other = Correction("DAMAGED_ITEM", "intent", "damaged_item")
    assert seen(first, changed(170.0), RECORD, other).since == 170.0
    assert seen(first, changed(170.0), RECORD, None).pending is None, "taken back before it taught"


def test_a_label_is_taught_once_and_can_be_taken_back() -> None:
    taught = seen(AgentRecord(), changed(), RECORD, RETURN).after_teaching()
    assert (taught.taught, taught.times) == ("RETURN_REQUEST", 1)
    assert seen(taught, changed(200.0), RECORD, RETURN).pending is None
    back = seen(taught, changed(300.0), RECORD, None)
    assert back.pending is not None
    assert back.pending.label == "WISMO"
    assert seen(AgentRecord(), changed(), RECORD, None).pending is None, "that Triage was right was not taught before"


def test_what_was_left_out_is_not_looked_at_again_until_it_changes() -> None:
    passed = seen(AgentRecord(), changed(), RECORD, RETURN).after_leaving_out()
    assert seen(passed, changed(200.0), RECORD, RETURN).pending is None
    assert seen(passed, changed(200.0), RECORD, None).pending is None
    again = seen(seen(passed, changed(200.0), RECORD, None), changed(300.0), RECORD, RETURN)
    assert again.pending == RETURN


@pytest.mark.parametrize(
    ("known", "flags", "about", "why"),
    [
        (AgentRecord(), {"merged": True}, ABOUT, "merged"),
        (AgentRecord(), {"reopened": True}, ABOUT, "reopened"),
        (AgentRecord(solved=True), {}, ABOUT, "reopened"),
        (AgentRecord(), {}, ABOUT | {"intents": ["WISMO", "OTHER"]}, "several_intents"),
        (AgentRecord(), {}, ABOUT | {"message": None}, "no_message"),
        (AgentRecord(silent="merged"), {}, ABOUT, "merged"),
    ],
)
def test_some_tickets_do_not_teach(known: AgentRecord, flags: Any, about: Any, why: str) -> None:
    after = seen(known, changed(**flags), TicketRecord(values=WRITTEN, about=about), RETURN)
    assert (after.pending, after.silent) == (None, why)
    assert AgentRecord.load(after.dump()) == after


def test_many_tickets_with_the_same_change_at_the_same_time_were_changed_in_bulk() -> None:
    def waiting(times: list[float], correction: Correction = RETURN) -> list[tuple[str, AgentRecord]]:
        return [(f"{correction.label}-{at}", AgentRecord(pending=correction, since=at)) for at in times]

    assert bulk_changes(waiting([0, 1, 2, 3])) == set()
    assert len(bulk_changes(waiting([0, 8, 16, 24, 32]))) == 5
    assert bulk_changes(waiting([0, 20, 40, 60, 80])) == set()
    other = Correction("DAMAGED_ITEM", "intent", "damaged_item")
    assert bulk_changes([*waiting([0, 1, 2]), *waiting([0, 1, 2], other)]) == set()
    assert AgentRecord.load(AgentRecord(pending=other, since=3).dump()).pending == other

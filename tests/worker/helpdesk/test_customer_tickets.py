"""Decisions on the ticket that is there: the same for six helpdesks, whatever people do to it meanwhile."""

import contextlib

import pytest
from triage_worker.config.errors import ConfigError
from triage_worker.helpdesk.http_client import RequestRejectedError

from tests.worker.helpdesk.desks import DESKS, MemoryRecords, connected, event
from tests.worker.helpdesk.standins.base import StandIn

each_desk = pytest.mark.parametrize("name", DESKS)


async def outcomes(server: StandIn, name: str, *events: object, records: MemoryRecords | None = None) -> list[str]:
    """Hand ticket events to the connector, one after the other."""
    async with connected(server, name, records) as desk:
        return [await desk.tickets.update(one) for one in events]  # type: ignore[arg-type]


@each_desk
async def test_the_customers_ticket_gets_intent_confidence_priority_group_fields_and_tags(name: str) -> None:
    server = DESKS[name]()
    one = server.open(7)
    one.tags = ["from_shop"]
    made = event(priority="high", tags=["big spender"], fields={"order": "A-1042"})
    assert await outcomes(server, name, made) == ["updated"]
    assert one.values == {
        "intent": "where_is_my_order",
        "confidence": "0.93",
        "priority": "high",
        "group": "360002",
        "field.order": "A-1042",
    }
    assert sorted(one.tags) == ["big_spender", "from_shop", "intent_wismo", "triage"]
    assert (len(server.desk), server.created) == (1, 0)


@each_desk
async def test_a_repeated_event_reads_and_writes_nothing(name: str) -> None:
    server = DESKS[name]()
    server.open(7)
    assert await outcomes(server, name, event(), event(), event("updated")) == ["updated", "current", "current"]
    writes = [method for method, path in server.calls if method != "GET" and path != "/tags"]
    before = len(writes)
    await outcomes(server, name, event("closed"))
    assert len([method for method, path in server.calls if method != "GET" and path != "/tags"]) == before


@each_desk
async def test_an_escalation_replaces_what_triage_wrote(name: str) -> None:
    server = DESKS[name]()
    one = server.open(7)
    records = MemoryRecords()
    await outcomes(server, name, event(), records=records)
    later = event("escalated", intent="DAMAGED_ITEM", queue="claims", priority="high")
    assert await outcomes(server, name, later, records=records) == ["updated"]
    assert (one.values["intent"], one.values["priority"], one.values["group"]) == ("DAMAGED_ITEM", "high", "360001")
    assert sorted(one.tags) == ["intent_damaged_item", "triage", "wismo"], "one tag of an intent"


@each_desk
@pytest.mark.parametrize("field", ["intent", "priority", "group", "field.order"])
@pytest.mark.parametrize("when", ["before", "after"])
async def test_what_a_person_changed_is_left_alone(name: str, field: str, when: str) -> None:
    theirs = {"intent": "complaint", "priority": "high", "group": "42", "field.order": "B-1"}[field]
    server, records = DESKS[name](), MemoryRecords()
    one = server.open(7)
    first = event(fields={"order": "A-1"})
    if when == "after":
        await outcomes(server, name, first, records=records)
    server.by_person(7, field, theirs)
    later = event("escalated", intent="DAMAGED_ITEM", queue="claims", priority="low", fields={"order": "A-1"})
    await outcomes(server, name, first, later, records=records)
    assert one.values[field] == theirs
    others = {"intent": "DAMAGED_ITEM", "group": "360001", "field.order": "A-1"} | {field: theirs}
    assert {key: one.values[key] for key in others} == others, "the other values follow the decision"


@each_desk
async def test_a_person_who_empties_a_field_or_takes_a_tag_away_is_not_contradicted(name: str) -> None:
    server, records = DESKS[name](), MemoryRecords()
    one = server.open(7)
    await outcomes(server, name, event(tags=["vip"]), records=records)
    server.by_person(7, "intent", None)
    server.tag_by_person(7, remove="vip")
    server.tag_by_person(7, remove="intent_wismo", add="intent_other")
    outcome = await outcomes(server, name, event("updated", tags=["vip", "new"]), records=records)
    assert (one.values["intent"], sorted(one.tags)) == (None, ["intent_other", "new", "triage"])
    assert outcome == ["updated"], "the new tag"
    assert await outcomes(server, name, event("updated", tags=["vip", "new"]), records=records) == ["left_alone"]


@each_desk
async def test_who_changes_the_tag_of_the_intent_has_decided_its_field_too(name: str) -> None:
    server, records = DESKS[name](), MemoryRecords()
    one = server.open(7)
    await outcomes(server, name, event(), records=records)
    server.tag_by_person(7, remove="intent_wismo", add="intent_return_request")
    await outcomes(server, name, event("escalated", intent="DAMAGED_ITEM", priority="high"), records=records)
    assert (one.values["intent"], one.values["priority"]) == ("where_is_my_order", "high")
    assert "intent_return_request" in one.tags
    assert "intent_damaged_item" not in one.tags


@each_desk
@pytest.mark.parametrize("fault", ["500", "503", "429", "429-late", "409", "html", "drop", "lost"])
@pytest.mark.parametrize("call", [0, 1, 2, 4])
async def test_a_fault_at_any_call_changes_nothing_in_the_end(name: str, fault: str, call: int) -> None:
    server = DESKS[name](["ok"] * call + [fault, fault])
    one = server.open(7)
    assert set(await outcomes(server, name, event(), event())) <= {"updated", "current"}
    assert (one.values["intent"], one.values["group"], sorted(one.tags)) == (
        "where_is_my_order",
        "360002",
        ["intent_wismo", "triage", "wismo"],
    )
    assert (len(server.desk), server.created) == (1, 0)


@each_desk
async def test_a_response_after_the_time_out_is_no_second_write(name: str) -> None:
    server = DESKS[name](["ok", "ok", "slow", "slow"])
    one = server.open(7)
    async with connected(server, name, timeout_s=0.3) as desk:
        assert {await desk.tickets.update(event()) for _ in range(2)} <= {"updated", "current"}
    assert (one.values["intent"], one.values["group"]) == ("where_is_my_order", "360002")
    assert sorted(one.tags) == ["intent_wismo", "triage", "wismo"]


@each_desk
async def test_a_person_who_is_faster_than_a_retry_wins(name: str) -> None:
    """The response of the first write is lost, and a person changes the intent before the next request."""
    writes = {"PUT", "POST"}
    server = DESKS[name](["ok", "ok", "ok", "lost", "lost", "lost"])
    one = server.open(7)
    changed: list[str] = []

    def person(method: str) -> None:
        if method in writes and not changed:
            changed.append(method)
            server.by_person(7, "group", "42")

    server.faulty = person
    await outcomes(server, name, event(), event("escalated", queue="claims", priority="high"))
    if changed:
        assert one.values["group"] == "42"
    assert one.values["intent"] == "where_is_my_order"


async def test_zendesk_answers_409_if_the_ticket_changed_after_it_was_read() -> None:
    server = DESKS["zendesk"]()
    one = server.open(7)
    changes = iter(["complaint"])

    def person(ticket_id: int) -> None:
        for value in changes:
            server.by_person(ticket_id, "intent", value)

    server.interrupt = person
    async with connected(server, "zendesk") as desk:
        assert await desk.tickets.update(event()) == "updated"
        assert desk.metrics.registry.get_sample_value("triage_helpdesk_calls_total", {"result": "conflict"}) == 1
    assert (one.values["intent"], one.values["confidence"], one.values["group"]) == ("complaint", None, "360002")


@each_desk
async def test_a_crash_between_write_and_record_takes_nothing_for_a_persons_change(name: str) -> None:
    """The record before a write has what is about to be written, and a restart finds it done, or not."""
    for stored in range(1, 4):
        server, records = DESKS[name](), MemoryRecords()
        one = server.open(7)

        async def put(ticket_id: str, record: object, kept: MemoryRecords = records, limit: int = stored) -> None:
            if kept.puts >= limit:
                raise ConnectionError
            await MemoryRecords.put(kept, ticket_id, record)  # type: ignore[arg-type]

        async with connected(server, name, records) as desk:
            records.put = put  # type: ignore[method-assign]
            with contextlib.suppress(ConnectionError):
                await desk.tickets.update(event())
            del records.put
            await desk.tickets.update(event())
            await desk.tickets.update(event("escalated", intent="DAMAGED_ITEM", queue="claims", priority="high"))
        assert (one.values["intent"], one.values["group"]) == ("DAMAGED_ITEM", "360001"), stored


@each_desk
async def test_a_value_that_the_helpdesk_does_not_know_does_not_keep_the_others_away(name: str) -> None:
    server, records = DESKS[name](), MemoryRecords()
    one = server.open(7)
    server.refused.add(("intent", "where_is_my_order"))
    async with connected(server, name, records) as desk:
        assert await desk.tickets.update(event()) == "updated"
        refused = len(server.calls)
        assert await desk.tickets.update(event("updated")) == "current"
        assert len(server.calls) - refused <= 2, "it is not sent again"
        assert desk.metrics.registry.get_sample_value("triage_helpdesk_fields_refused_total") == 1
    assert (one.values["intent"], one.values["group"]) == (None, "360002")
    assert "triage" in one.tags


@each_desk
async def test_a_ticket_that_takes_nothing_is_rejected(name: str) -> None:
    server = DESKS[name]()
    server.open(7, group="42")
    server.tag_by_person(7, add="intent_other")
    server.refused |= {("priority", "urgent"), ("priority", "high")}
    server.set_tags(7, ["triage", "wismo", "intent_other"])
    with pytest.raises(RequestRejectedError, match="the helpdesk answered 4"):
        await outcomes(server, name, event(priority="urgent"))


@each_desk
async def test_a_ticket_that_is_gone_is_counted_and_nothing_is_opened(name: str) -> None:
    server = DESKS[name]()
    strange = event().model_copy(update={"helpdesk_ticket_id": "../users/1"})
    assert await outcomes(server, name, event(of=8), strange) == ["missing", "missing"]
    assert server.created == 0
    assert all("users/1" not in path for _, path in server.calls)


@each_desk
async def test_a_ticket_that_this_login_may_not_see_stops_no_other(name: str) -> None:
    server = DESKS[name]()
    server.open(7)
    server.open(8)
    server.forbidden.add(7)
    async with connected(server, name) as desk:
        with pytest.raises(RequestRejectedError, match="403"):
            await desk.tickets.update(event(of=7))
        assert await desk.tickets.update(event(of=8)) == "updated"


@each_desk
async def test_a_wrong_token_and_a_wrong_address_are_sentences(name: str) -> None:
    server = DESKS[name]()
    server.open(7)
    async with connected(server, name, token="another") as desk:
        with pytest.raises(ConfigError, match="refused the login"):
            await desk.tickets.update(event())
    async with connected(DESKS[name](), name, path="/shop") as desk:
        with pytest.raises(ConfigError, match="TRIAGE_HELPDESK_URL"):
            await desk.tickets.update(event())


async def test_merged_and_closed_tickets_take_no_changes() -> None:
    for name, state in (("zendesk", "closed"), ("zendesk", "merged"), ("gorgias", "merged"), ("zammad", "merged")):
        server = DESKS[name]()
        setattr(server.open(7), state, True)
        assert await outcomes(server, name, event()) == ["missing" if name == "gorgias" else "current"]
        assert server.desk[7].values["intent"] is None


async def test_chatwoots_other_attributes_stay() -> None:
    server = DESKS["chatwoot"]()
    server.open(7)
    server.attributes[7] = {"plan": "gold", "orders": 3}  # type: ignore[attr-defined]
    await outcomes(server, "chatwoot", event())
    assert server.attributes[7] == {"plan": "gold", "orders": 3}  # type: ignore[attr-defined]


async def test_zammad_has_three_priorities() -> None:
    server = DESKS["zammad"]()
    one = server.open(7)
    assert await outcomes(server, "zammad", event(priority="urgent"), event(priority="urgent")) == [
        "updated",
        "current",
    ]
    assert one.values["priority"] == "high"

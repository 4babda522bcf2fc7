"""The ticket service on records: nothing is lost or counted twice, wherever it crashes."""

import asyncio
from collections import Counter, defaultdict

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry
from triage_schemas.events import EntityRef, TicketEvent, WishRef
from triage_worker.router.context import RouterContext
from triage_worker.router.metrics import RouterMetrics
from triage_worker.router.ticket_history import MAX_TAGS
from triage_worker.router.ticket_service import TicketService
from triage_worker.router.topics import FORGET
from triage_worker.routing.routes import Defaults, Routes
from triage_worker.routing.routes_file import DEFAULT_ROUTES, load

from tests.worker.router.fakes import (
    TOPICS,
    FakeBroker,
    FakeRecord,
    SimulatedCrash,
    intent_record,
    process_through_crashes,
)
from tests.worker.router.intents import intent_event

ROUTES = load(DEFAULT_ROUTES)
INTENTS = ("WISMO", "DAMAGED_ITEM", "OTHER")


def ticket_service(broker: FakeBroker, now: float = 1_767_700_000.0) -> TicketService:
    return TicketService(RouterContext(TOPICS, broker.send, lambda: ROUTES, RouterMetrics(), lambda: now), broker)


def tickets(broker: FakeBroker) -> list[TicketEvent]:
    return [TicketEvent.read(record.value or b"") for record in broker.of("tickets")]


def metric(registry: CollectorRegistry, outcome: str) -> float | None:
    return registry.get_sample_value("triage_router_intents_total", {"outcome": outcome})


async def test_a_ticket_event_has_the_documented_fields_and_headers() -> None:
    broker = FakeBroker()
    message = intent_record(0, intent_event(1, intent="DAMAGED_ITEM"))
    message.headers = [*(message.headers or ()), ("traceparent", b"00-1-2-3"), ("other", b"x")]
    await ticket_service(broker).process([message])
    (record,) = broker.of("tickets")
    (ticket,) = tickets(broker)
    headers = dict(record.headers)
    assert record.key == ticket.ticket_id.encode()
    assert headers["ce_type"] == b"triage.ticket"
    assert headers["ce_id"] == f"triage.ticket:{ticket.ticket_id}:1".encode()
    assert headers["ce_subject"] == ticket.ticket_id.encode()
    assert headers["traceparent"] == b"00-1-2-3"
    assert "other" not in headers
    assert (ticket.event, ticket.queue, ticket.priority, ticket.tags) == ("opened", "claims", "high", ["damaged"])


async def test_a_message_without_a_conversation_is_its_own_conversation() -> None:
    broker = FakeBroker()
    await ticket_service(broker).process(
        [intent_record(number, intent_event(number, conversation_id=None)) for number in (1, 2)]
    )
    assert [ticket.conversation_id for ticket in tickets(broker)] == ["m-1", "m-2"]


async def test_repeats_within_a_batch_and_later_count_once() -> None:
    broker = FakeBroker()
    service = ticket_service(broker)
    await service.process(
        [intent_record(0, intent_event(1)), intent_record(1, intent_event(1)), intent_record(2, intent_event(2))]
    )
    await service.process([intent_record(3, intent_event(2))])
    assert [ticket.messages for ticket in tickets(broker)] == [1, 2, 2]
    ids = Counter(dict(record.headers)["ce_id"] for record in broker.of("tickets"))
    assert sorted(ids.values()) == [1, 2], "the repeated event has the id of the first"
    counted = [entry for record in broker.of("counts") for entry in orjson.loads(record.value or b"")["sightings"]]
    assert [offset for offset, _, _ in counted] == [0, 2]


@pytest.mark.parametrize(
    ("value", "code"),
    [(None, b"empty_value"), (b"", b"empty_value"), (b"\xff", b"not_an_intent"), (b"[]", b"not_an_intent")],
)
async def test_an_invalid_record_goes_to_the_dead_letters_and_is_counted(value: bytes | None, code: bytes) -> None:
    broker = FakeBroker()
    service = ticket_service(broker)
    await service.process([FakeRecord(5, b"k", value, [("a", None)]), intent_record(6, intent_event(1))])
    (dead_letter,) = broker.of("dlq")
    assert (dead_letter.key, dead_letter.value, dead_letter.headers[0]) == (b"k", value, ("a", None))
    headers = dict(dead_letter.headers)
    assert (headers["dlq.error"], headers["dlq.topic"], headers["dlq.offset"]) == (code, b"intents", b"5")
    assert len(broker.of("tickets")) == 1
    assert metric(service._context.metrics.registry, "dead_letter") == 1


@given(st.binary(max_size=200), st.binary(max_size=20) | st.none())
def test_any_bytes_give_exactly_one_record(value: bytes, key: bytes | None) -> None:
    broker = FakeBroker()
    asyncio.run(ticket_service(broker).process([FakeRecord(0, key, value)]))
    assert len(broker.sent) == 1


async def test_a_record_without_a_key_is_sent_on_with_its_conversation_as_the_key() -> None:
    broker = FakeBroker()
    service = ticket_service(broker)
    message = intent_record(0, intent_event(1), key=None)
    await service.process([message])
    (forwarded,) = broker.sent
    assert (forwarded.topic, forwarded.key, forwarded.value) == ("keyed", b"chat-1", message.value)
    assert list(forwarded.headers) == list(message.headers or ())
    back = FakeRecord(0, forwarded.key, forwarded.value, forwarded.headers, topic="keyed")
    await service.process([back])
    assert len(tickets(broker)) == 1


async def test_inactivity_closes_a_ticket_and_its_state_is_removed_later() -> None:
    broker = FakeBroker()
    start = intent_event(1).classified_at.timestamp()
    await ticket_service(broker, start).process([intent_record(0, intent_event(1))])

    async def at(seconds: float) -> None:
        service = ticket_service(broker, start + seconds)
        service.on_recovered()
        await service.tick()

    await at(ROUTES.close_after - 1)
    assert [ticket.event for ticket in tickets(broker)] == ["opened"]
    await at(ROUTES.close_after)
    await at(ROUTES.close_after + 1)
    assert [ticket.event for ticket in tickets(broker)] == ["opened", "closed"]
    await ticket_service(broker, start).process([intent_record(1, intent_event(1))])
    assert tickets(broker)[-1].event == "closed", "a repeat does not open it again"
    await at(2 * ROUTES.close_after + ROUTES.remember)
    assert broker.changelog == broker.disk == {}


async def test_a_message_postpones_the_close_which_happens_once() -> None:
    broker, metrics = FakeBroker(), RouterMetrics()
    now = start = intent_event(1).classified_at.timestamp()
    service = TicketService(RouterContext(TOPICS, broker.send, lambda: ROUTES, metrics, lambda: now), broker)
    for number in range(1_000):
        now = start + number / 1_000
        await service.process([intent_record(number, intent_event(number))])
    now = start + ROUTES.close_after
    await service.tick()
    assert "closed" not in [ticket.event for ticket in tickets(broker)]
    now += 1
    await service.tick()
    await service.tick()
    assert [ticket.event for ticket in tickets(broker)].count("closed") == 1
    assert metrics.registry.get_sample_value("triage_router_ticket_events_total", {"event": "closed"}) == 1


async def test_after_a_restart_tickets_are_closed_by_their_deadlines() -> None:
    broker = FakeBroker()
    start = intent_event(1).classified_at.timestamp()
    for number, touched in ((1, start + 100), (2, start)):
        await ticket_service(broker, touched).process(
            [intent_record(number, intent_event(number, conversation_id=f"chat-{number}"))]
        )
    service = ticket_service(broker, start + ROUTES.close_after)
    service.on_recovered()
    await service.tick()
    closed = [ticket.conversation_id for ticket in tickets(broker) if ticket.event == "closed"]
    assert closed == ["chat-2"]


async def test_a_new_ticket_has_its_own_deadline() -> None:
    assert ROUTES.close_after < ROUTES.remember
    broker = FakeBroker()
    now = intent_event(1).classified_at.timestamp()
    service = TicketService(RouterContext(TOPICS, broker.send, lambda: ROUTES, RouterMetrics(), lambda: now), broker)
    await service.process([intent_record(0, intent_event(1))])
    now += ROUTES.close_after
    await service.tick()
    now += 1
    await service.process([intent_record(1, intent_event(2))])
    now += ROUTES.close_after
    await service.tick()
    assert [ticket.event for ticket in tickets(broker)].count("closed") == 2
    now += ROUTES.remember
    await service.tick()
    assert broker.changelog == {}


async def test_a_long_backlog_does_not_close_new_tickets() -> None:
    """Inactivity is measured by when the router processed a message, not by when it was written."""
    broker = FakeBroker()
    now = intent_event(1).classified_at.timestamp() + 10 * ROUTES.close_after
    service = ticket_service(broker, now)
    await service.process([intent_record(0, intent_event(1))])
    await service.tick()
    assert [ticket.event for ticket in tickets(broker)] == ["opened"]


messages = st.lists(
    st.tuples(st.integers(0, 12), st.sampled_from(["a", "b"]), st.sampled_from(INTENTS)), min_size=1, max_size=25
)


@given(messages, st.lists(st.tuples(st.integers(0, 40), st.booleans()), max_size=3), st.integers(1, 6))
def test_every_message_counts_once_wherever_the_router_crashes(
    given_messages: list[tuple[int, str, str]], crashes: list[tuple[int, bool]], size: int
) -> None:
    """A number stands for a message, so the same number twice is a repeat. After a crash, records that were not
    acknowledged come again, and the disk is ahead of the changelog or lost.
    """
    by_number = dict[int, tuple[str, str]]()
    for number, conversation, intent in given_messages:
        by_number.setdefault(number, (conversation, intent))
    records = [
        intent_record(offset, intent_event(number, conversation_id=by_number[number][0], intent=by_number[number][1]))
        for offset, (number, _, _) in enumerate(given_messages)
    ]
    broker = FakeBroker()
    process_through_crashes(broker, ticket_service, records, crashes, size)
    newest = {ticket.ticket_id: ticket for ticket in tickets(broker)}
    expected = Counter(conversation for conversation, _ in by_number.values())
    assert {ticket.conversation_id: ticket.messages for ticket in newest.values()} == expected
    events = defaultdict(set)
    for record in broker.of("tickets"):
        events[dict(record.headers)["ce_id"]].add(record.value)
    assert all(len(values) == 1 for values in events.values())
    assert len(events) == len(by_number), "each message has its event"
    assert broker.changelog == broker.disk


async def test_a_ticket_has_both_wishes_of_its_message() -> None:
    wishes = [WishRef(intent="WISMO", probability=0.9), WishRef(intent="DAMAGED_ITEM", probability=0.8)]
    broker = FakeBroker()
    await ticket_service(broker).process([intent_record(0, intent_event(1, intents=wishes))])
    (made,) = tickets(broker)
    assert made.intents == ["WISMO", "DAMAGED_ITEM"]
    assert "also_damaged_item" in made.tags


async def test_a_ticket_has_the_entities_of_its_messages() -> None:
    broker = FakeBroker()
    order = EntityRef(type="order_number", start=3, end=9, value="A-1042")
    await ticket_service(broker).process([intent_record(0, intent_event(1, entities=[order]))])
    (made,) = tickets(broker)
    assert [(entity.type, entity.value, entity.currency) for entity in made.entities] == [
        ("order_number", "A-1042", None)
    ]


def forget_request(offset: int, conversation: bytes, ticket_id: str) -> FakeRecord:
    return FakeRecord(offset, conversation, None, [(FORGET, ticket_id.encode())], topic="keyed")


async def test_a_request_to_forget_removes_the_conversation_and_its_ticket() -> None:
    broker, metrics = FakeBroker(), RouterMetrics()
    service = TicketService(
        RouterContext(TOPICS, broker.send, lambda: ROUTES, metrics, lambda: 1_767_700_000.0), broker
    )
    others = [intent_record(number, intent_event(number, conversation_id="chat-2")) for number in (3, 4)]
    await service.process([intent_record(0, intent_event(1)), others[0]])
    first = TicketEvent.read(broker.of("tickets")[0].value or b"").ticket_id
    await service.process([intent_record(1, intent_event(2)), forget_request(2, b"chat-1", first), others[1]])
    newest = {record.key: record.value for record in broker.of("tickets")}
    assert [value is None for value in newest.values()] == [True, False], "the update within the batch is undone, too"
    assert [key for _, key in broker.changelog] == [key for _, key in broker.disk] == [b"c:chat-2"]
    assert broker.of("dlq") == []
    assert metric(metrics.registry, "forgotten") == 1
    await service.process([forget_request(3, b"chat-1", first), intent_record(4, intent_event(5))])
    latest = TicketEvent.read(broker.of("tickets")[-1].value or b"")
    assert (latest.messages, latest.ticket_id != first) == (1, True), "what comes later is new"
    await service.process([forget_request(2, b"chat-1", first), intent_record(5, intent_event(6))])
    assert TicketEvent.read(broker.of("tickets")[-1].value or b"").messages == 2, "a request that is read again is old"


async def test_a_request_to_forget_is_carried_out_although_the_router_crashed_between_disk_and_changelog() -> None:
    broker = FakeBroker()
    await ticket_service(broker).process([intent_record(0, intent_event(1))])
    request = forget_request(1, b"chat-1", tickets(broker)[0].ticket_id)
    broker.steps_left = 1  # the ticket's tombstone is sent, and the changelog's is not
    with pytest.raises(SimulatedCrash):
        await ticket_service(broker).process([request])
    assert (len(broker.disk), len(broker.changelog)) == (0, 1)
    broker.steps_left = None
    await ticket_service(broker).process([request])
    assert broker.changelog == {}


async def test_only_the_routers_own_topic_has_requests_to_forget() -> None:
    broker = FakeBroker()
    service = ticket_service(broker)
    await service.process([intent_record(0, intent_event(1))])
    await service.process([FakeRecord(1, b"chat-1", None, [(FORGET, b"")], topic="intents")])
    assert len(broker.changelog) == 1
    assert len(broker.of("dlq")) == 1


async def test_tags_for_which_a_ticket_has_no_room_are_counted_and_logged_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    tags = [f"tag-{number}" for number in range(MAX_TAGS)]
    routes = Routes(defaults=Defaults(tags=(*tags, "more")))
    broker, metrics = FakeBroker(), RouterMetrics()
    service = TicketService(RouterContext(TOPICS, broker.send, lambda: routes, metrics), broker)
    assert metrics.registry.get_sample_value("triage_router_tags_left_out_total") == 0
    messages = [intent_record(number, intent_event(number, intent="OTHER")) for number in (1, 2)]
    await service.process([*messages, messages[1]])
    assert tickets(broker)[-1].tags == tags
    assert metrics.registry.get_sample_value("triage_router_tags_left_out_total") == 2, "a repeat adds none"
    (logged,) = caplog.messages
    assert logged.startswith(f"A ticket has {MAX_TAGS} tags, and gets no more")


async def test_the_tag_of_a_further_wish_for_which_there_is_no_room_is_counted(
    caplog: pytest.LogCaptureFixture,
) -> None:
    routes = Routes(defaults=Defaults(tags=tuple(f"tag-{number}" for number in range(MAX_TAGS))))
    broker, metrics = FakeBroker(), RouterMetrics()
    service = TicketService(RouterContext(TOPICS, broker.send, lambda: routes, metrics), broker)
    wishes = [WishRef(intent="WISMO", probability=0.9), WishRef(intent="DAMAGED_ITEM", probability=0.8)]
    await service.process([intent_record(0, intent_event(1))])
    assert metrics.registry.get_sample_value("triage_router_tags_left_out_total") == 0
    await service.process([intent_record(1, intent_event(2, intents=wishes))])
    assert metrics.registry.get_sample_value("triage_router_tags_left_out_total") == 1
    assert len(caplog.messages) == 1

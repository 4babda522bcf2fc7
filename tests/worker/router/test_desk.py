"""The desk on records: nothing lost and nothing counted twice, wherever it crashes."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Callable

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry
from triage_schemas.events import TicketEvent
from triage_worker.router.batches import LARGEST, Batches
from triage_worker.router.desk import Desk
from triage_worker.router.metrics import RouterMetrics
from triage_worker.router.office import Office
from triage_worker.router.records import Message
from triage_worker.routing.routes_file import SHIPPED, load

from tests.worker.router.fakes import TOPICS, Crash, Read, World, read
from tests.worker.router.intents import intent_event

ROUTES = load(SHIPPED)
INTENTS = ("WISMO", "DAMAGED_ITEM", "OTHER")


def desk(world: World, now: float = 1_767_700_000.0) -> Desk:
    return Desk(Office(TOPICS, world.send, lambda: ROUTES, RouterMetrics(), lambda: now), world)


def tickets(world: World) -> list[TicketEvent]:
    return [TicketEvent.read(record.value or b"") for record in world.of("tickets")]


def metric(registry: CollectorRegistry, outcome: str) -> float | None:
    return registry.get_sample_value("triage_router_intents_total", {"outcome": outcome})


async def test_a_ticket_event_is_as_the_contract_says() -> None:
    world = World()
    message = read(0, intent_event(1, intent="DAMAGED_ITEM"))
    message.headers = [*(message.headers or ()), ("traceparent", b"00-1-2-3"), ("other", b"x")]
    await desk(world).handle([message])
    (record,) = world.of("tickets")
    (ticket,) = tickets(world)
    headers = dict(record.headers)
    assert record.key == ticket.ticket_id.encode()
    assert headers["ce_type"] == b"triage.ticket"
    assert headers["ce_id"] == f"triage.ticket:{ticket.ticket_id}:1".encode()
    assert headers["ce_subject"] == ticket.ticket_id.encode()
    assert headers["traceparent"] == b"00-1-2-3"
    assert "other" not in headers
    assert (ticket.event, ticket.queue, ticket.priority, ticket.tags) == ("opened", "claims", "high", ["damaged"])


async def test_a_message_without_a_conversation_is_its_own() -> None:
    world = World()
    await desk(world).handle([read(number, intent_event(number, conversation_id=None)) for number in (1, 2)])
    assert [ticket.conversation_id for ticket in tickets(world)] == ["m-1", "m-2"]


async def test_repeats_within_a_batch_and_later_count_once() -> None:
    world = World()
    one = desk(world)
    await one.handle([read(0, intent_event(1)), read(1, intent_event(1)), read(2, intent_event(2))])
    await one.handle([read(3, intent_event(2))])
    assert [ticket.messages for ticket in tickets(world)] == [1, 2, 2]
    ids = Counter(dict(record.headers)["ce_id"] for record in world.of("tickets"))
    assert sorted(ids.values()) == [1, 2], "the repeat is told with the id that it was told by"
    sightings = [seen for record in world.of("counts") for seen in orjson.loads(record.value or b"")["sightings"]]
    assert [offset for offset, _, _ in sightings] == [0, 2]


@pytest.mark.parametrize(
    ("value", "code"),
    [(None, b"empty_value"), (b"", b"empty_value"), (b"\xff", b"not_an_intent"), (b"[]", b"not_an_intent")],
)
async def test_what_is_no_intent_is_put_aside_and_counted(value: bytes | None, code: bytes) -> None:
    world = World()
    one = desk(world)
    await one.handle([Read(5, b"k", value, [("a", None)]), read(6, intent_event(1))])
    (letter,) = world.of("dlq")
    assert (letter.key, letter.value, letter.headers[0]) == (b"k", value, ("a", None))
    headers = dict(letter.headers)
    assert (headers["dlq.error"], headers["dlq.topic"], headers["dlq.offset"]) == (code, b"intents", b"5")
    assert len(world.of("tickets")) == 1
    assert metric(one._office.metrics.registry, "dead_letter") == 1


@given(st.binary(max_size=200), st.binary(max_size=20) | st.none())
def test_no_bytes_are_lost_and_none_stop_it(value: bytes, key: bytes | None) -> None:
    world = World()
    asyncio.run(desk(world).handle([Read(0, key, value)]))
    assert len(world.sent) == 1


async def test_without_a_key_a_message_goes_to_where_its_conversation_is() -> None:
    world = World()
    one = desk(world)
    message = read(0, intent_event(1), key=None)
    await one.handle([message])
    (forwarded,) = world.sent
    assert (forwarded.topic, forwarded.key, forwarded.value) == ("keyed", b"chat-1", message.value)
    assert list(forwarded.headers) == list(message.headers or ())
    back = Read(0, forwarded.key, forwarded.value, forwarded.headers, topic="keyed")
    await one.handle([back])
    assert len(tickets(world)) == 1


async def test_silence_closes_and_time_forgets() -> None:
    world = World()
    start = intent_event(1).classified_at.timestamp()
    await desk(world, start).handle([read(0, intent_event(1))])

    async def at(seconds: float) -> None:
        one = desk(world, start + seconds)
        one.recovered()
        await one.tick()

    await at(ROUTES.close_after - 1)
    assert [ticket.event for ticket in tickets(world)] == ["opened"]
    await at(ROUTES.close_after)
    await at(ROUTES.close_after + 1)
    assert [ticket.event for ticket in tickets(world)] == ["opened", "closed"]
    await desk(world, start).handle([read(1, intent_event(1))])
    assert tickets(world)[-1].event == "closed", "a repeat does not open it again"
    await at(2 * ROUTES.close_after + ROUTES.remember)
    assert world.changelog == world.disk == {}


async def test_a_message_puts_off_the_end_of_its_ticket_which_comes_once() -> None:
    world, metrics = World(), RouterMetrics()
    now = start = intent_event(1).classified_at.timestamp()
    one = Desk(Office(TOPICS, world.send, lambda: ROUTES, metrics, lambda: now), world)
    for number in range(1_000):
        now = start + number / 1_000
        await one.handle([read(number, intent_event(number))])
    now = start + ROUTES.close_after
    await one.tick()
    assert "closed" not in [ticket.event for ticket in tickets(world)]
    now += 1
    await one.tick()
    await one.tick()
    assert [ticket.event for ticket in tickets(world)].count("closed") == 1
    assert metrics.registry.get_sample_value("triage_router_ticket_events_total", {"event": "closed"}) == 1


async def test_after_a_start_the_ticket_that_is_due_first_is_closed_first() -> None:
    world = World()
    start = intent_event(1).classified_at.timestamp()
    for number, touched in ((1, start + 100), (2, start)):
        await desk(world, touched).handle([read(number, intent_event(number, conversation_id=f"chat-{number}"))])
    one = desk(world, start + ROUTES.close_after)
    one.recovered()
    await one.tick()
    closed = [ticket.conversation_id for ticket in tickets(world) if ticket.event == "closed"]
    assert closed == ["chat-2"]


async def test_a_ticket_that_is_opened_again_ends_before_a_closed_one_would_be_forgotten() -> None:
    assert ROUTES.close_after < ROUTES.remember
    world = World()
    now = intent_event(1).classified_at.timestamp()
    one = Desk(Office(TOPICS, world.send, lambda: ROUTES, RouterMetrics(), lambda: now), world)
    await one.handle([read(0, intent_event(1))])
    now += ROUTES.close_after
    await one.tick()
    now += 1
    await one.handle([read(1, intent_event(2))])
    now += ROUTES.close_after
    await one.tick()
    assert [ticket.event for ticket in tickets(world)].count("closed") == 2
    now += ROUTES.remember
    await one.tick()
    assert world.changelog == {}


async def test_a_long_backlog_does_not_close_what_it_has_just_opened() -> None:
    """Silence is measured from when we worked on a message, not from when it was written."""
    world = World()
    now = intent_event(1).classified_at.timestamp() + 10 * ROUTES.close_after
    one = desk(world, now)
    await one.handle([read(0, intent_event(1))])
    await one.tick()
    assert [ticket.event for ticket in tickets(world)] == ["opened"]


messages = st.lists(
    st.tuples(st.integers(0, 12), st.sampled_from(["a", "b"]), st.sampled_from(INTENTS)), min_size=1, max_size=25
)


@given(messages, st.lists(st.tuples(st.integers(0, 40), st.booleans()), max_size=3), st.integers(1, 6))
def test_wherever_it_crashes_every_message_counts_once(
    given_messages: list[tuple[int, str, str]], crashes: list[tuple[int, bool]], size: int
) -> None:
    """A number is a message, so that the same number twice is a repeat. After a crash, what was not acknowledged comes
    again; the disk is there, ahead of the changelog, or lost.
    """
    by_number = dict[int, tuple[str, str]]()
    for number, conversation, intent in given_messages:
        by_number.setdefault(number, (conversation, intent))
    records = [
        read(offset, intent_event(number, conversation_id=by_number[number][0], intent=by_number[number][1]))
        for offset, (number, _, _) in enumerate(given_messages)
    ]
    world, acknowledged = World(), 0
    for steps, disk_lost in [*crashes, (None, False)]:
        world.steps_left = steps
        try:
            one = desk(world)
            while acknowledged < len(records):
                asyncio.run(one.handle(records[acknowledged : acknowledged + size]))
                acknowledged += size
        except Crash:
            if disk_lost:
                world.disk = dict(world.changelog)
    newest = {ticket.ticket_id: ticket for ticket in tickets(world)}
    expected = Counter(conversation for conversation, _ in by_number.values())
    assert {ticket.conversation_id: ticket.messages for ticket in newest.values()} == expected
    events = defaultdict(set)
    for record in world.of("tickets"):
        events[dict(record.headers)["ce_id"]].add(record.value)
    assert all(len(values) == 1 for values in events.values())
    assert len(events) == len(by_number), "each message's event was told"
    assert world.changelog == world.disk


async def until(condition: Callable[[], bool]) -> None:
    """Let the loop turn until something has come about."""
    for _ in range(100):
        if condition():
            return
        await asyncio.sleep(0)
    pytest.fail("it does not come about")


class Events:
    """Events that note their acknowledgement."""

    def __init__(self) -> None:
        self.acked: list[int] = []

    def event(self, offset: int) -> "Event":
        return Event(Read(offset, None, b"x"), self.acked)


class Event:
    def __init__(self, message: Read, acked: list[int]) -> None:
        self.message: Message = message
        self._acked = acked

    def ack(self) -> bool:
        self._acked.append(self.message.offset)
        return True


async def test_what_arrives_while_a_batch_runs_is_the_next_batch() -> None:
    events, sizes, gate = Events(), list[int](), asyncio.Event()

    async def handle(messages: object) -> None:
        sizes.append(len(messages))  # type: ignore[arg-type]
        await gate.wait()
        assert events.acked == list(range(sum(sizes[:-1])))

    batches = Batches(handle, RouterMetrics())
    running = asyncio.create_task(batches.run())
    await batches.put(events.event(0))
    await until(lambda: bool(sizes))
    for offset in range(1, 1 + LARGEST):
        await batches.put(events.event(offset))
    full = asyncio.create_task(batches.put(events.event(LARGEST + 1)))
    await asyncio.sleep(0)
    assert not full.done()
    gate.set()
    await full
    await until(lambda: len(events.acked) == LARGEST + 2)
    assert sizes == [1, LARGEST, 1]
    running.cancel()


async def test_a_batch_that_fails_is_not_acknowledged() -> None:
    events = Events()

    async def handle(_: object) -> None:
        raise Crash

    batches = Batches(handle, RouterMetrics())
    await batches.put(events.event(0))
    with pytest.raises(Crash):
        await batches.run()
    assert events.acked == []


async def test_what_is_dropped_is_not_worked_on() -> None:
    events, seen = Events(), list[int]()

    async def handle(messages: object) -> None:
        seen.extend(message.offset for message in messages)  # type: ignore[attr-defined]

    batches = Batches(handle, RouterMetrics())
    await batches.put(events.event(0))
    await batches.drop()
    await batches.put(events.event(1))
    running = asyncio.create_task(batches.run())
    await until(lambda: bool(events.acked))
    running.cancel()
    assert seen == events.acked == [1]

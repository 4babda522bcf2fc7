"""The watch on records: each surge told once, also when the desk or the watch has to begin again."""

import asyncio

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st
from triage_schemas.events import AlertEvent
from triage_worker.router.metrics import RouterMetrics
from triage_worker.router.office import Office
from triage_worker.router.surge import Rate
from triage_worker.router.watch import QUIET_S, Watch
from triage_worker.routing.routes_file import SHIPPED, load

from tests.worker.router.fakes import TOPICS, Crash, Read, World

ROUTES = load(SHIPPED)
HOUR = 3_600
START = 1_767_571_200
"""A midnight."""

DAYS = 1
SURGE = START + DAYS * 24 * HOUR + 600


def watch(world: World, now: float = START + 90 * 24 * HOUR) -> Watch:
    return Watch(Office(TOPICS, world.send, lambda: ROUTES, RouterMetrics(), lambda: now), world)


def counts(offset: int, first: int, times: list[float], *, intent: bytes = b"DAMAGED_ITEM") -> Read:
    sightings = [(first + number, at, f"m-{first + number}") for number, at in enumerate(times)]
    value = orjson.dumps({"source": "intents:0", "sightings": sightings})
    return Read(offset, intent, value, topic="counts", partition=1)


def history() -> list[Read]:
    """Four an hour for a day, by the hour; then fifty in ten minutes."""
    usual = [[START + hour * HOUR + quarter * 900.0 for quarter in range(4)] for hour in range(DAYS * 24)]
    batches = [*usual, *([SURGE + tens * 120.0 + number * 12.0 for number in range(10)] for tens in range(5))]
    return [counts(offset, sum(map(len, batches[:offset])), times) for offset, times in enumerate(batches)]


def alerts(world: World) -> list[AlertEvent]:
    return [AlertEvent.read(record.value or b"") for record in world.of("alerts")]


async def test_a_surge_is_told_once_and_its_end_too() -> None:
    world = World()
    await watch(world).handle(history())
    (started,) = alerts(world)
    (record,) = world.of("alerts")
    headers = dict(record.headers)
    assert (started.event, started.intent, record.key) == ("started", "DAMAGED_ITEM", b"DAMAGED_ITEM")
    assert headers["ce_id"] == f"triage.alert:{started.alert_id}:started".encode()
    assert started.examples
    assert all(int(example[2:]) >= DAYS * 24 * 4 for example in started.examples)

    early = watch(world, SURGE + 600 + QUIET_S)
    early.recovered()
    await early.tick()
    assert len(alerts(world)) == 1, "it is still going on"
    clock: list[float] = [SURGE + 3 * HOUR]
    late = Watch(Office(TOPICS, world.send, lambda: ROUTES, RouterMetrics(), lambda: clock[0]), world)
    late.recovered()
    await late.tick()
    assert len(alerts(world)) == 1, "it has not listened for long enough"
    clock[0] += QUIET_S
    await late.tick()
    await late.tick()
    assert [(alert.event, alert.alert_id) for alert in alerts(world)[1:]] == [("ended", started.alert_id)]


async def test_while_something_comes_time_is_the_messages_own() -> None:
    """A backlog is read at another pace than it was written: the clock on the wall ends nothing in it."""
    world = World()
    one = watch(world, SURGE + 30 * 24 * HOUR)
    await one.handle(history())
    await one.tick()
    assert [alert.event for alert in alerts(world)] == ["started"]


async def test_what_the_desk_tells_again_is_not_counted_again() -> None:
    world = World()
    told = history()
    await watch(world).handle(told[:15])
    await watch(world).handle([*told[10:15], *told[15 : DAYS * 24]])
    rate = Rate.load(world.disk[1, b"DAMAGED_ITEM"])
    assert set(rate.usual.values()) == {4.0}


async def test_messages_from_the_future_count_as_now() -> None:
    world = World()
    await watch(world, START + 10.0).handle([counts(0, 0, [START + 9e9])])
    assert Rate.load(world.disk[1, b"DAMAGED_ITEM"]).latest == START + 10.0


async def test_what_the_desk_never_wrote_is_put_aside() -> None:
    world = World()
    rubbish = [b"", None, b"{}", b'{"source": "a", "sightings": 5}', b'{"source": "a", "sightings": [[1]]}', b"\xff"]
    records = [Read(offset, b"X", value, topic="counts") for offset, value in enumerate(rubbish)]
    await watch(world).handle([*records, Read(9, b"\xff", b"{}", topic="counts"), counts(10, 0, [START + 1.0])])
    assert len(world.of("dlq")) == len(rubbish) + 1
    assert (1, b"DAMAGED_ITEM") in world.disk


@settings(max_examples=50)
@given(st.lists(st.tuples(st.integers(0, 20), st.booleans()), max_size=3), st.integers(1, 20))
def test_wherever_it_crashes_it_is_told_the_same(crashes: list[tuple[int, bool]], size: int) -> None:
    told = history()
    world, acknowledged = World(), 0
    for steps, disk_lost in [*crashes, (None, False)]:
        world.steps_left = steps
        try:
            one = watch(world)
            while acknowledged < len(told):
                asyncio.run(one.handle(told[acknowledged : acknowledged + size]))
                acknowledged += size
        except Crash:
            if disk_lost:
                world.disk = dict(world.changelog)
    assert {(alert.event, alert.intent) for alert in alerts(world)} == {("started", "DAMAGED_ITEM")}
    assert len({dict(record.headers)["ce_id"] for record in world.of("alerts")}) == 1
    smooth = World()
    asyncio.run(watch(smooth).handle(told))
    assert world.changelog == smooth.changelog

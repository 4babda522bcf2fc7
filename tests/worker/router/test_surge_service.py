"""The surge service on records: each surge has one alert, also if it or the ticket service restarts."""

import asyncio

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st
from triage_schemas.events import AlertEvent
from triage_worker.router.context import RouterContext
from triage_worker.router.metrics import RouterMetrics
from triage_worker.router.surge_detector import IntentRate
from triage_worker.router.surge_service import IDLE_AFTER_S, SurgeService
from triage_worker.routing.routes_file import DEFAULT_ROUTES, load

from tests.worker.router.fakes import TOPICS, FakeBroker, FakeRecord, process_through_crashes

ROUTES = load(DEFAULT_ROUTES)
HOUR = 3_600
START = 1_767_571_200
"""A midnight."""

DAYS = 1
SURGE = START + DAYS * 24 * HOUR + 600


def surge_service(broker: FakeBroker, now: float = START + 90 * 24 * HOUR) -> SurgeService:
    return SurgeService(RouterContext(TOPICS, broker.send, lambda: ROUTES, RouterMetrics(), lambda: now), broker)


def counts(offset: int, first: int, times: list[float], *, intent: bytes = b"DAMAGED_ITEM") -> FakeRecord:
    entries = [(first + number, at, f"m-{first + number}") for number, at in enumerate(times)]
    value = orjson.dumps({"source": "intents:0", "sightings": entries})
    return FakeRecord(offset, intent, value, topic="counts", partition=1)


def history() -> list[FakeRecord]:
    """Counts of four messages an hour for a day, one record an hour; then of fifty in ten minutes."""
    usual = [[START + hour * HOUR + quarter * 900.0 for quarter in range(4)] for hour in range(DAYS * 24)]
    batches = [*usual, *([SURGE + tens * 120.0 + number * 12.0 for number in range(10)] for tens in range(5))]
    return [counts(offset, sum(map(len, batches[:offset])), times) for offset, times in enumerate(batches)]


def alerts(broker: FakeBroker) -> list[AlertEvent]:
    return [AlertEvent.read(record.value or b"") for record in broker.of("alerts")]


async def test_a_surge_and_its_end_have_one_alert_each() -> None:
    broker = FakeBroker()
    await surge_service(broker).process(history())
    (started,) = alerts(broker)
    (record,) = broker.of("alerts")
    headers = dict(record.headers)
    assert (started.event, started.intent, record.key) == ("started", "DAMAGED_ITEM", b"DAMAGED_ITEM")
    assert headers["ce_id"] == f"triage.alert:{started.alert_id}:started".encode()
    assert started.examples
    assert all(int(example[2:]) >= DAYS * 24 * 4 for example in started.examples)

    early = surge_service(broker, SURGE + 600 + IDLE_AFTER_S)
    early.on_recovered()
    await early.tick()
    assert len(alerts(broker)) == 1, "the surge is not over"
    clock: list[float] = [SURGE + 3 * HOUR]
    late = SurgeService(RouterContext(TOPICS, broker.send, lambda: ROUTES, RouterMetrics(), lambda: clock[0]), broker)
    late.on_recovered()
    await late.tick()
    assert len(alerts(broker)) == 1, "counts may still be on their way"
    clock[0] += IDLE_AFTER_S
    await late.tick()
    await late.tick()
    assert [(alert.event, alert.alert_id) for alert in alerts(broker)[1:]] == [("ended", started.alert_id)]


async def test_during_a_backlog_only_the_times_of_messages_count() -> None:
    """A backlog is read faster than it was written, so the router's clock must not end a surge in it."""
    broker = FakeBroker()
    service = surge_service(broker, SURGE + 30 * 24 * HOUR)
    await service.process(history())
    await service.tick()
    assert [alert.event for alert in alerts(broker)] == ["started"]


async def test_repeated_counts_are_not_counted_again() -> None:
    broker = FakeBroker()
    records = history()
    await surge_service(broker).process(records[:15])
    await surge_service(broker).process([*records[10:15], *records[15 : DAYS * 24]])
    rate = IntentRate.load(broker.disk[1, b"DAMAGED_ITEM"])
    assert set(rate.usual.values()) == {4.0}


async def test_messages_from_the_future_count_as_now() -> None:
    broker = FakeBroker()
    await surge_service(broker, START + 10.0).process([counts(0, 0, [START + 9e9])])
    assert IntentRate.load(broker.disk[1, b"DAMAGED_ITEM"]).latest == START + 10.0


async def test_invalid_counts_go_to_the_dead_letters() -> None:
    broker = FakeBroker()
    invalid = [b"", None, b"{}", b'{"source": "a", "sightings": 5}', b'{"source": "a", "sightings": [[1]]}', b"\xff"]
    invalid_records = [FakeRecord(offset, b"X", value, topic="counts") for offset, value in enumerate(invalid)]
    await surge_service(broker).process(
        [*invalid_records, FakeRecord(9, b"\xff", b"{}", topic="counts"), counts(10, 0, [START + 1.0])]
    )
    assert len(broker.of("dlq")) == len(invalid) + 1
    assert (1, b"DAMAGED_ITEM") in broker.disk


@settings(max_examples=50)
@given(st.lists(st.tuples(st.integers(0, 20), st.booleans()), max_size=3), st.integers(1, 20))
def test_the_alerts_are_the_same_wherever_the_router_crashes(crashes: list[tuple[int, bool]], size: int) -> None:
    records = history()
    broker = FakeBroker()
    process_through_crashes(broker, surge_service, records, crashes, size)
    assert {(alert.event, alert.intent) for alert in alerts(broker)} == {("started", "DAMAGED_ITEM")}
    assert len({dict(record.headers)["ce_id"] for record in broker.of("alerts")}) == 1
    smooth = FakeBroker()
    asyncio.run(surge_service(smooth).process(records))
    assert broker.changelog == smooth.changelog

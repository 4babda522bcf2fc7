"""Surges: told once when they begin and once when they end, never of a quiet shop."""

import random
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from triage_schemas.events import AlertEvent
from triage_worker.router.surge import HOURS_TO_LEARN, NEWEST, Rate, Sighting, Watcher
from triage_worker.routing.routes import Alerts

UTC = ZoneInfo("UTC")
HOUR = 3_600
START = 1_767_600_000 - 1_767_600_000 % (24 * HOUR)
"""A midnight."""

WATCHER = Watcher(Alerts(), UTC)


def steady(rate: Rate, hours: range, per_hour: int, watcher: Watcher = WATCHER) -> list[AlertEvent]:
    """So many messages in each hour, evenly."""
    return [
        event
        for hour in hours
        for number in range(per_hour)
        for event in watcher.count(rate, [Sighting(START + hour * HOUR + number * HOUR / per_hour, f"{hour}-{number}")])
    ]


def burst(rate: Rate, at: float, messages: int, seconds: float = 600, watcher: Watcher = WATCHER) -> list[AlertEvent]:
    sightings = [Sighting(at + seconds * number / messages, f"burst-{number}") for number in range(messages)]
    return watcher.count(rate, sightings)


def learned(per_hour: int, days: int = 3) -> Rate:
    rate = Rate("DAMAGED_ITEM", 0)
    assert steady(rate, range(days * 24), per_hour) == []
    return rate


def test_five_times_the_usual_is_one_alert_and_one_when_it_is_over() -> None:
    rate = learned(40)
    after = START + 72 * HOUR
    (started,) = burst(rate, after, 5 * 10, seconds=899)
    assert (started.event, started.intent, started.usual) == ("started", "DAMAGED_ITEM", 10)
    assert 40 <= started.count <= 50
    assert len(started.examples) == 5
    assert all(example.startswith("burst-") for example in started.examples)
    assert (started.window_end - started.window_start).total_seconds() == 900
    ended = WATCHER.pass_time(rate, after + 900 + 700)
    assert [(event.event, event.alert_id) for event in ended] == [("ended", started.alert_id)]
    assert WATCHER.pass_time(rate, after + 9_000) == []


def test_it_begins_with_the_message_that_is_enough_and_counts_none_that_left_the_window() -> None:
    alerts, whole_minute = Alerts(), START + 72 * HOUR + 900
    enough = int(max(alerts.minimum, alerts.factor * 10))
    for last, begins in ((60, True), (alerts.window - 1, True), (alerts.window, False)):
        rate = learned(40)
        assert burst(rate, whole_minute, enough - 1, seconds=59) == []
        said = WATCHER.count(rate, [Sighting(whole_minute + last, "last")])
        assert [(event.event, event.count) for event in said] == ([("started", enough)] if begins else [])


def test_a_surge_lasts_until_less_than_half_of_what_began_it_is_left() -> None:
    alerts, begin = Alerts(), START + 72 * HOUR + 900
    half = int(max(alerts.minimum, alerts.factor * 10) / 2)
    rate = learned(40)
    assert burst(rate, begin, half, seconds=59) == []
    assert len(burst(rate, begin + 60, half, seconds=59)) == 1
    assert WATCHER.pass_time(rate, begin + alerts.window + 1) == []
    (ended,) = WATCHER.pass_time(rate, begin + 60 + alerts.window + 1)
    assert (ended.event, ended.count) == ("ended", 0)


def test_an_hour_is_learned_from_when_it_was_seen_whole_and_few_are_too_few() -> None:
    rate = Rate("WISMO", 0)
    steady(rate, range(HOURS_TO_LEARN + 1), 40)  # the first began before we were there
    assert WATCHER.usual(rate) is None
    steady(rate, range(HOURS_TO_LEARN + 1, HOURS_TO_LEARN + 2), 40)
    assert WATCHER.usual(rate) == pytest.approx(10)


def test_the_usual_is_that_of_the_hour() -> None:
    """A busy noon every day is no surge at noon, and one at night."""
    rate = Rate("WISMO", 0)
    for day in range(4):
        assert steady(rate, range(day * 24, day * 24 + 12), 8) == [] or day == 0
        noon = steady(rate, range(day * 24 + 12, day * 24 + 13), 400)
        assert noon == [] or day == 0
        assert steady(rate, range(day * 24 + 13, day * 24 + 24), 8) == [] or day == 0
    night = burst(rate, START + (4 * 24 + 3) * HOUR, 100, seconds=800)
    assert [event.event for event in night] == ["started"]


def test_a_quiet_shop_has_no_alarm() -> None:
    rate = Rate("OTHER", 0)
    WATCHER.count(rate, [Sighting(START + 10.0, "first")])
    WATCHER.pass_time(rate, START + 30 * HOUR)
    assert WATCHER.usual(rate) == pytest.approx(0)
    assert burst(rate, START + 31 * HOUR, Alerts().minimum - 1) == []


def test_with_nothing_learned_there_is_no_alarm() -> None:
    rate = Rate("OTHER", 0)
    assert burst(rate, START + 10.0, 1_000, seconds=HOURS_TO_LEARN * HOUR) == []


def test_a_bad_day_does_not_become_the_usual_at_once() -> None:
    rate = learned(40)
    burst(rate, START + 72 * HOUR, 4_000, seconds=HOUR)
    WATCHER.pass_time(rate, START + 74 * HOUR)
    assert rate.usual[0] <= 40 + 0.3 * (4 * 40 - 40)


def test_an_hour_without_messages_can_become_a_busy_one_slowly() -> None:
    rate = Rate("OTHER", 0, latest=START + 1, whole=True, usual=dict.fromkeys(range(24), 0.0), hours=24)
    WATCHER.count(rate, [Sighting(START + number, "x") for number in range(2, 12)])
    WATCHER.pass_time(rate, START + HOUR)
    assert rate.usual[0] == pytest.approx(NEWEST * 10)


def test_an_hour_that_was_never_lived_through_is_taken_for_the_busiest() -> None:
    rate = Rate("OTHER", 0, latest=START + 5 * HOUR + 900, usual={1: 10.0, 2: 40.0}, hours=HOURS_TO_LEARN)
    assert WATCHER.usual(rate) == pytest.approx(10)


def test_after_more_than_a_day_without_a_message_the_hour_was_not_seen_whole() -> None:
    rate = learned(40)
    steady(rate, range(200, 201), 40)
    hours = rate.hours
    steady(rate, range(201, 202), 1)
    assert rate.hours == hours
    steady(rate, range(202, 203), 1)
    assert rate.hours == hours + 1


def test_a_late_message_counts_in_its_minute_but_neither_in_this_hour_nor_as_now() -> None:
    rate = learned(40)
    now = START + 72 * HOUR + 300.0
    WATCHER.count(rate, [Sighting(now, "on time")])
    WATCHER.count(rate, [Sighting(now - 600, "late"), Sighting(now - Alerts().window, "too late")])
    assert (rate.latest, rate.in_hour, rate.examples[-1]) == (now, 1, "late")


def test_after_a_long_silence_what_was_learned_stays() -> None:
    rate = learned(40)
    WATCHER.pass_time(rate, START + 40 * 24 * HOUR)
    assert sum(value > 20 for value in rate.usual.values()) >= 23


def test_a_daylight_saving_zone_has_its_own_hours() -> None:
    rate = Rate("WISMO", 0)
    watcher = Watcher(Alerts(), ZoneInfo("Asia/Kolkata"))
    steady(rate, range(30), 12, watcher)
    assert len(rate.usual) == 24


times = st.lists(st.floats(0, 5 * 24 * HOUR), max_size=150).map(sorted)


@given(times, st.lists(st.floats(0, 5 * 24 * HOUR), max_size=60), st.integers(0, 2**32))
def test_whatever_comes(busy: list[float], late: list[float], seed: int) -> None:
    rate = learned(4, days=1)
    alerts = Alerts(minimum=4, factor=1.5)
    watcher = Watcher(alerts, UTC)
    mixed = [*busy, *late]
    random.Random(seed).shuffle(mixed)
    said = watcher.count(rate, [Sighting(START + 24 * HOUR + at, str(at)) for at in mixed])
    said += watcher.pass_time(rate, START + 30 * 24 * HOUR)
    assert [event.event for event in said] == ["started", "ended"] * (len(said) // 2)
    for started, ended in zip(said[::2], said[1::2], strict=True):
        assert started.alert_id == ended.alert_id
        assert started.count >= max(alerts.minimum, alerts.factor * started.usual - 0.01)
    assert len({event.alert_id for event in said}) == len(said) // 2
    assert Rate.load(rate.dump()) == rate
    assert all(value >= 0 for value in rate.usual.values())


@given(times)
def test_counted_in_pieces_it_is_the_same(at: list[float]) -> None:
    sightings = [Sighting(START + 24 * HOUR + second, str(second)) for second in at]
    whole, pieces = learned(4, days=1), learned(4, days=1)
    said = WATCHER.count(whole, sightings)
    said_in_pieces = []
    for sighting in sightings:
        said_in_pieces += WATCHER.count(pieces, [sighting])
        pieces = Rate.load(pieces.dump())
    assert (whole, said) == (pieces, said_in_pieces)

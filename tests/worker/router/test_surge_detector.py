"""Surge detection: one alert when a surge starts and one when it ends, and none for a quiet shop."""

import random
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from triage_schemas.events import AlertEvent
from triage_worker.router.surge_detector import HOURS_TO_LEARN, NEWEST_WEIGHT, IntentRate, Occurrence, SurgeDetector
from triage_worker.routing.routes import Alerts

UTC = ZoneInfo("UTC")
HOUR = 3_600
START = 1_767_600_000 - 1_767_600_000 % (24 * HOUR)
"""A midnight."""

DETECTOR = SurgeDetector(Alerts(), UTC)


def steady(rate: IntentRate, hours: range, per_hour: int, detector: SurgeDetector = DETECTOR) -> list[AlertEvent]:
    """Count evenly spaced messages in each hour."""
    return [
        event
        for hour in hours
        for number in range(per_hour)
        for event in detector.count(
            rate, [Occurrence(START + hour * HOUR + number * HOUR / per_hour, f"{hour}-{number}")]
        )
    ]


def burst(
    rate: IntentRate, at: float, messages: int, seconds: float = 600, detector: SurgeDetector = DETECTOR
) -> list[AlertEvent]:
    occurrences = [Occurrence(at + seconds * number / messages, f"burst-{number}") for number in range(messages)]
    return detector.count(rate, occurrences)


def learned(per_hour: int, days: int = 3) -> IntentRate:
    rate = IntentRate("DAMAGED_ITEM", 0)
    assert steady(rate, range(days * 24), per_hour) == []
    return rate


def test_a_surge_has_one_alert_at_its_start_and_one_at_its_end() -> None:
    rate = learned(40)
    after = START + 72 * HOUR
    (started,) = burst(rate, after, 5 * 10, seconds=899)
    assert (started.event, started.intent, started.usual) == ("started", "DAMAGED_ITEM", 10)
    assert 40 <= started.count <= 50
    assert len(started.examples) == 5
    assert all(example.startswith("burst-") for example in started.examples)
    assert (started.window_end - started.window_start).total_seconds() == 900
    ended = DETECTOR.advance(rate, after + 900 + 700)
    assert [(event.event, event.alert_id) for event in ended] == [("ended", started.alert_id)]
    assert DETECTOR.advance(rate, after + 9_000) == []


def test_a_surge_starts_at_the_threshold_and_counts_only_the_window() -> None:
    alerts, whole_minute = Alerts(), START + 72 * HOUR + 900
    enough = int(max(alerts.minimum, alerts.factor * 10))
    for last, begins in ((60, True), (alerts.window - 1, True), (alerts.window, False)):
        rate = learned(40)
        assert burst(rate, whole_minute, enough - 1, seconds=59) == []
        events = DETECTOR.count(rate, [Occurrence(whole_minute + last, "last")])
        assert [(event.event, event.count) for event in events] == ([("started", enough)] if begins else [])


def test_a_surge_ends_below_half_of_the_threshold() -> None:
    alerts, begin = Alerts(), START + 72 * HOUR + 900
    half = int(max(alerts.minimum, alerts.factor * 10) / 2)
    rate = learned(40)
    assert burst(rate, begin, half, seconds=59) == []
    assert len(burst(rate, begin + 60, half, seconds=59)) == 1
    assert DETECTOR.advance(rate, begin + alerts.window + 1) == []
    (ended,) = DETECTOR.advance(rate, begin + 60 + alerts.window + 1)
    assert (ended.event, ended.count) == ("ended", 0)


def test_only_complete_hours_are_learned_and_a_minimum_of_them_is_needed() -> None:
    rate = IntentRate("WISMO", 0)
    steady(rate, range(HOURS_TO_LEARN + 1), 40)  # the first hour is not complete
    assert DETECTOR.usual(rate) is None
    steady(rate, range(HOURS_TO_LEARN + 1, HOURS_TO_LEARN + 2), 40)
    assert DETECTOR.usual(rate) == pytest.approx(10)


def test_the_usual_rate_is_that_of_the_hour_of_the_day() -> None:
    """A rate that is usual at noon is a surge at night."""
    rate = IntentRate("WISMO", 0)
    for day in range(4):
        assert steady(rate, range(day * 24, day * 24 + 12), 8) == [] or day == 0
        noon = steady(rate, range(day * 24 + 12, day * 24 + 13), 400)
        assert noon == [] or day == 0
        assert steady(rate, range(day * 24 + 13, day * 24 + 24), 8) == [] or day == 0
    night = burst(rate, START + (4 * 24 + 3) * HOUR, 100, seconds=800)
    assert [event.event for event in night] == ["started"]


def test_a_quiet_shop_has_no_alert() -> None:
    rate = IntentRate("OTHER", 0)
    DETECTOR.count(rate, [Occurrence(START + 10.0, "first")])
    DETECTOR.advance(rate, START + 30 * HOUR)
    assert DETECTOR.usual(rate) == pytest.approx(0)
    assert burst(rate, START + 31 * HOUR, Alerts().minimum - 1) == []


def test_without_a_usual_rate_there_is_no_alert() -> None:
    rate = IntentRate("OTHER", 0)
    assert burst(rate, START + 10.0, 1_000, seconds=HOURS_TO_LEARN * HOUR) == []


def test_one_bad_day_raises_the_usual_rate_only_a_little() -> None:
    rate = learned(40)
    burst(rate, START + 72 * HOUR, 4_000, seconds=HOUR)
    DETECTOR.advance(rate, START + 74 * HOUR)
    assert rate.usual[0] <= 40 + 0.3 * (4 * 40 - 40)


def test_an_hour_without_messages_can_slowly_become_a_busy_one() -> None:
    rate = IntentRate("OTHER", 0, latest=START + 1, whole=True, usual=dict.fromkeys(range(24), 0.0), hours=24)
    DETECTOR.count(rate, [Occurrence(START + number, "x") for number in range(2, 12)])
    DETECTOR.advance(rate, START + HOUR)
    assert rate.usual[0] == pytest.approx(NEWEST_WEIGHT * 10)


def test_an_unknown_hour_has_the_rate_of_the_busiest_known_one() -> None:
    rate = IntentRate("OTHER", 0, latest=START + 5 * HOUR + 900, usual={1: 10.0, 2: 40.0}, hours=HOURS_TO_LEARN)
    assert DETECTOR.usual(rate) == pytest.approx(10)


def test_after_a_day_without_messages_the_current_hour_is_not_complete() -> None:
    rate = learned(40)
    steady(rate, range(200, 201), 40)
    hours = rate.hours
    steady(rate, range(201, 202), 1)
    assert rate.hours == hours
    steady(rate, range(202, 203), 1)
    assert rate.hours == hours + 1


def test_a_late_message_counts_in_its_minute_only() -> None:
    rate = learned(40)
    now = START + 72 * HOUR + 300.0
    DETECTOR.count(rate, [Occurrence(now, "on time")])
    DETECTOR.count(rate, [Occurrence(now - 600, "late"), Occurrence(now - Alerts().window, "too late")])
    assert (rate.latest, rate.in_hour, rate.examples[-1]) == (now, 1, "late")


def test_a_long_silence_does_not_erase_the_usual_rates() -> None:
    rate = learned(40)
    DETECTOR.advance(rate, START + 40 * 24 * HOUR)
    assert sum(value > 20 for value in rate.usual.values()) >= 23


def test_a_daylight_saving_zone_has_its_own_hours() -> None:
    rate = IntentRate("WISMO", 0)
    detector = SurgeDetector(Alerts(), ZoneInfo("Asia/Kolkata"))
    steady(rate, range(30), 12, detector)
    assert len(rate.usual) == 24


times = st.lists(st.floats(0, 5 * 24 * HOUR), max_size=150).map(sorted)


@given(times, st.lists(st.floats(0, 5 * 24 * HOUR), max_size=60), st.integers(0, 2**32))
def test_alerts_come_in_pairs_for_any_messages(busy: list[float], late: list[float], seed: int) -> None:
    rate = learned(4, days=1)
    alerts = Alerts(minimum=4, factor=1.5)
    detector = SurgeDetector(alerts, UTC)
    mixed = [*busy, *late]
    random.Random(seed).shuffle(mixed)
    events = detector.count(rate, [Occurrence(START + 24 * HOUR + at, str(at)) for at in mixed])
    events += detector.advance(rate, START + 30 * 24 * HOUR)
    assert [event.event for event in events] == ["started", "ended"] * (len(events) // 2)
    for started, ended in zip(events[::2], events[1::2], strict=True):
        assert started.alert_id == ended.alert_id
        assert started.count >= max(alerts.minimum, alerts.factor * started.usual - 0.01)
    assert len({event.alert_id for event in events}) == len(events) // 2
    assert IntentRate.load(rate.dump()) == rate
    assert all(value >= 0 for value in rate.usual.values())


@given(times)
def test_messages_counted_one_by_one_give_the_same_alerts(at: list[float]) -> None:
    occurrences = [Occurrence(START + 24 * HOUR + second, str(second)) for second in at]
    whole, pieces = learned(4, days=1), learned(4, days=1)
    events = DETECTOR.count(whole, occurrences)
    events_in_pieces = []
    for occurrence in occurrences:
        events_in_pieces += DETECTOR.count(pieces, [occurrence])
        pieces = IntentRate.load(pieces.dump())
    assert (whole, events) == (pieces, events_in_pieces)

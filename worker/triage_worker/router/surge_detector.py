"""Detects surges, without I/O: an intent that comes far more often than usual for the hour.

Times are those of the messages. The usual rate is an exponentially weighted average for each hour of the day. An hour
is learned with at most the count that starts a surge, so that one bad day does not raise the usual rate much.
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Literal
from zoneinfo import ZoneInfo

import orjson
from triage_schemas.events import AlertEvent

from triage_worker.routing.routes import Alerts

HOUR_S = 3_600
MINUTE_S = 60
NEWEST_WEIGHT = 0.3
"""The weight of the newest day in an hour's average."""

HOURS_TO_LEARN = 3
"""The number of complete hours that must be observed before there is a usual rate."""

MAX_SILENT_HOURS = 24
"""Up to this many hours without messages are learned as 0; after a longer gap, the router was probably not running."""

MAX_EXAMPLES = 5
"""How many of the latest message ids an alert lists."""


@dataclass(frozen=True, slots=True)
class Occurrence:
    """A message that has the intent.

    Attributes:
        at: when it was classified, in seconds since the epoch.
        message_id: its id.
    """

    at: float
    message_id: str


@dataclass(slots=True)
class IntentRate:
    """The state of surge detection for one intent.

    Attributes:
        intent: the intent.
        partition: the partition of its counts.
        latest: the latest time seen, in seconds since the epoch.
        minutes: messages in each minute of the window, by minutes since the epoch.
        in_hour: messages in the current hour.
        whole: whether the current hour was observed from its beginning.
        usual: the average number of messages in each hour of the day, where known.
        hours: how many complete hours were learned.
        examples: the ids of the latest messages.
        alert: the id of the current surge's alert; None if there is no surge.
        counted: the highest offset counted, by the topic and partition that it was read from.
    """

    intent: str
    partition: int
    latest: float = 0.0
    minutes: dict[int, int] = field(default_factory=dict)
    in_hour: int = 0
    whole: bool = False
    usual: dict[int, float] = field(default_factory=dict)
    hours: int = 0
    examples: list[str] = field(default_factory=list)
    alert: str | None = None
    counted: dict[str, int] = field(default_factory=dict)

    @classmethod
    def load(cls, value: bytes) -> "IntentRate":
        """Load the state from the JSON that `dump` made."""
        fields = orjson.loads(value)
        for name in ("minutes", "usual"):
            fields[name] = {int(key): number for key, number in fields[name].items()}
        return cls(**fields)

    def dump(self) -> bytes:
        """Return the state as JSON."""
        return orjson.dumps(asdict(self), option=orjson.OPT_NON_STR_KEYS)


class SurgeDetector:
    """Counts messages, and reports when a surge starts and when it ends.

    Args:
        alerts: window, factor and minimum.
        zone: the time zone of the hours of the day.
    """

    def __init__(self, alerts: Alerts, zone: ZoneInfo) -> None:
        self._alerts = alerts
        self._zone = zone
        self._window_minutes = alerts.window // MINUTE_S

    def count(self, rate: IntentRate, occurrences: Iterable[Occurrence]) -> list[AlertEvent]:
        """Count messages in the state, and return the alerts that follow, in order."""
        alerts: list[AlertEvent] = []
        for occurrence in occurrences:
            self._move_to(rate, occurrence.at)
            self._add(rate, occurrence)
            alerts += self._check(rate)
        return alerts

    def advance(self, rate: IntentRate, now: float) -> list[AlertEvent]:
        """Move the state to a time without messages, and return the alerts that follow: a surge may end."""
        self._move_to(rate, now)
        return self._check(rate)

    def usual(self, rate: IntentRate) -> float | None:
        """Return the usual number of messages in the window that ends at `IntentRate.latest`.

        A window that spans two hours takes its share of each. Returns None until enough hours are learned.
        """
        if rate.hours < HOURS_TO_LEARN:
            return None
        in_this_hour_s = min(rate.latest % HOUR_S, self._alerts.window)
        in_last_hour_s = self._alerts.window - in_this_hour_s
        this_hour = self._usual_in_hour(rate, rate.latest)
        last_hour = self._usual_in_hour(rate, rate.latest - HOUR_S)
        return (in_this_hour_s * this_hour + in_last_hour_s * last_hour) / HOUR_S

    def _usual_in_hour(self, rate: IntentRate, at: float) -> float:
        """The usual number of messages in the hour of the day of a time."""
        known = rate.usual.get(self._hour_of_day(at))
        # For an hour of the day that is not learned yet, the busiest known hour avoids a false alarm.
        return max(rate.usual.values()) if known is None else known

    def _hour_of_day(self, at: float) -> int:
        return datetime.fromtimestamp(at, self._zone).hour

    def _move_to(self, rate: IntentRate, at: float) -> None:
        """Move the state to a later time, and learn the hours that ended."""
        if at <= rate.latest:
            return
        passed = int(at // HOUR_S) - int(rate.latest // HOUR_S)
        if rate.latest == 0:
            rate.whole = False
        elif passed:
            self._end_hours(rate, passed)
        rate.latest = at
        oldest = int(at // MINUTE_S) - self._window_minutes
        rate.minutes = {minute: count for minute, count in rate.minutes.items() if minute > oldest}

    def _end_hours(self, rate: IntentRate, passed: int) -> None:
        """Learn the current hour and the hours without messages after it."""
        for _ in range(min(passed, MAX_SILENT_HOURS)):
            if rate.whole:
                self._learn(rate)
            rate.whole, rate.in_hour = True, 0
            rate.latest = (rate.latest // HOUR_S + 1) * HOUR_S
        if passed > MAX_SILENT_HOURS:
            rate.whole = False

    def _learn(self, rate: IntentRate) -> None:
        hour = self._hour_of_day(rate.latest)
        before = rate.usual.get(hour)
        if before is None:
            rate.usual[hour] = float(rate.in_hour)
        else:
            count = min(float(rate.in_hour), max(self._alerts.factor * before, self._alerts.minimum))
            rate.usual[hour] = before + NEWEST_WEIGHT * (count - before)
        rate.hours += 1

    def _add(self, rate: IntentRate, occurrence: Occurrence) -> None:
        minute = int(occurrence.at // MINUTE_S)
        if minute > int(rate.latest // MINUTE_S) - self._window_minutes:
            rate.minutes[minute] = rate.minutes.get(minute, 0) + 1
            rate.examples = [*rate.examples, occurrence.message_id][-MAX_EXAMPLES:]
        if int(occurrence.at // HOUR_S) == int(rate.latest // HOUR_S):
            rate.in_hour += 1

    def _check(self, rate: IntentRate) -> list[AlertEvent]:
        usual = self.usual(rate)
        if usual is None:
            return []
        count = sum(rate.minutes.values())
        enough = max(float(self._alerts.minimum), self._alerts.factor * usual)
        if rate.alert is None and count >= enough:
            rate.alert = _alert_id(rate)
            return [self._event(rate, "started", count, usual)]
        if rate.alert is not None and count < enough / 2:
            event = self._event(rate, "ended", count, usual)
            rate.alert = None
            return [event]
        return []

    def _event(self, rate: IntentRate, event: Literal["started", "ended"], count: int, usual: float) -> AlertEvent:
        assert rate.alert is not None
        end = rate.latest
        return AlertEvent(
            alert_id=rate.alert,
            event=event,
            intent=rate.intent,
            count=count,
            usual=round(usual, 3),
            examples=list(rate.examples),
            window_start=datetime.fromtimestamp(end - self._alerts.window, UTC),
            window_end=datetime.fromtimestamp(end, UTC),
        )


def _alert_id(rate: IntentRate) -> str:
    """Deterministic, so that the same surge has the same id if its messages are processed again."""
    text = f"{rate.intent}\n{int(rate.latest // MINUTE_S)}"
    return "a-" + blake2b(text.encode(), digest_size=8).hexdigest()

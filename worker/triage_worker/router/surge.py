"""When an intent comes far more often than is usual for the hour. Plain values in and out; time is the messages' own.

What is usual is learned as it goes: an average for each hour of the day, in which newer days weigh more. An hour in
which a surge was on counts as no more than what would have started it: one bad day does not make the next one usual.
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
NEWEST = 0.3
"""How much the newest day weighs in an hour's average."""

HOURS_TO_LEARN = 3
"""With fewer whole hours than this, nothing is usual yet."""

LONGEST_QUIET_HOURS = 24
"""Hours without any message count as quiet up to here; after that, nobody was counting."""

EXAMPLES = 5


@dataclass(frozen=True, slots=True)
class Sighting:
    """A message of the intent: when it was classified, in seconds since the epoch, and which one it was."""

    at: float
    message_id: str


@dataclass(slots=True)
class Rate:
    """What is known of how often an intent comes.

    Attributes:
        intent: which.
        partition: where its counts come from.
        latest: the latest time seen, in seconds since the epoch.
        minutes: messages in each minute of the window, by minutes since the epoch.
        in_hour: messages in the current hour; ``whole`` is whether we were there when it began.
        usual: average messages in an hour of the day, where known.
        hours: how many whole hours were learned from.
        examples: the latest messages' ids.
        alert: the id of the surge that is on.
        counted: the highest offset counted, by the topic and partition it came from.
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
    def load(cls, value: bytes) -> "Rate":
        """Read what `dump` wrote."""
        fields = orjson.loads(value)
        for name in ("minutes", "usual"):
            fields[name] = {int(key): number for key, number in fields[name].items()}
        return cls(**fields)

    def dump(self) -> bytes:
        """The rate as JSON."""
        return orjson.dumps(asdict(self), option=orjson.OPT_NON_STR_KEYS)


class Watcher:
    """Counts sightings and says when a surge begins and ends.

    Args:
        alerts: window, factor and minimum.
        zone: whose hours of the day.
    """

    def __init__(self, alerts: Alerts, zone: ZoneInfo) -> None:
        self._alerts = alerts
        self._zone = zone
        self._window_minutes = alerts.window // MINUTE_S

    def count(self, rate: Rate, sightings: Iterable[Sighting]) -> list[AlertEvent]:
        """Count messages into the rate; what has to be said of them."""
        said: list[AlertEvent] = []
        for sighting in sightings:
            self._advance(rate, sighting.at)
            self._add(rate, sighting)
            said += self._judge(rate)
        return said

    def pass_time(self, rate: Rate, now: float) -> list[AlertEvent]:
        """Nothing came until now: a surge ends by silence, too."""
        self._advance(rate, now)
        return self._judge(rate)

    def usual(self, rate: Rate) -> float | None:
        """Messages usual for the window that ends now; None if nobody knows yet.

        A window that began in the hour before is measured by both hours, each by its share.
        """
        if rate.hours < HOURS_TO_LEARN:
            return None
        window = self._alerts.window
        now = min(rate.latest % HOUR_S, window)
        before = window - now
        expected = now * self._in_hour(rate, rate.latest) + before * self._in_hour(rate, rate.latest - HOUR_S)
        return expected / HOUR_S

    def _in_hour(self, rate: Rate, at: float) -> float:
        """Messages usual in the hour of day of a time."""
        known = rate.usual.get(self._hour_of_day(at))
        # In an hour that we have not lived through, the busiest one that we have is no alarm yet.
        return max(rate.usual.values()) if known is None else known

    def _hour_of_day(self, at: float) -> int:
        return datetime.fromtimestamp(at, self._zone).hour

    def _advance(self, rate: Rate, at: float) -> None:
        """Move on to a time; hours that are over are learned from."""
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

    def _end_hours(self, rate: Rate, passed: int) -> None:
        """End the current hour, and learn from it and from the quiet ones after it."""
        for _ in range(min(passed, LONGEST_QUIET_HOURS)):
            if rate.whole:
                self._learn(rate)
            rate.whole, rate.in_hour = True, 0
            rate.latest = (rate.latest // HOUR_S + 1) * HOUR_S
        if passed > LONGEST_QUIET_HOURS:
            rate.whole = False

    def _learn(self, rate: Rate) -> None:
        hour = self._hour_of_day(rate.latest)
        before = rate.usual.get(hour)
        if before is None:
            rate.usual[hour] = float(rate.in_hour)
        else:
            count = min(float(rate.in_hour), max(self._alerts.factor * before, self._alerts.minimum))
            rate.usual[hour] = before + NEWEST * (count - before)
        rate.hours += 1

    def _add(self, rate: Rate, sighting: Sighting) -> None:
        minute = int(sighting.at // MINUTE_S)
        if minute > int(rate.latest // MINUTE_S) - self._window_minutes:
            rate.minutes[minute] = rate.minutes.get(minute, 0) + 1
            rate.examples = [*rate.examples, sighting.message_id][-EXAMPLES:]
        if int(sighting.at // HOUR_S) == int(rate.latest // HOUR_S):
            rate.in_hour += 1

    def _judge(self, rate: Rate) -> list[AlertEvent]:
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

    def _event(self, rate: Rate, event: Literal["started", "ended"], count: int, usual: float) -> AlertEvent:
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


def _alert_id(rate: Rate) -> str:
    """The same for the same surge, should it be worked on again."""
    text = f"{rate.intent}\n{int(rate.latest // MINUTE_S)}"
    return "a-" + blake2b(text.encode(), digest_size=8).hexdigest()

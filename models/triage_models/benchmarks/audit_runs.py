"""The measurements of the audit's simulation: false alarms, time until noticed, what the controller saves, bounds."""

from dataclasses import dataclass

import numpy as np

from triage_models.audit.allowance import Allowance
from triage_models.audit.confidence_sequence import ErrorBound
from triage_models.audit.controller import ThresholdController, threshold_grid
from triage_models.audit.detector import FALSE_ALARM_SHARES, Detector, Kind
from triage_models.audit.events import AuditedEvents, Flags
from triage_models.audit.selection import AuditPolicy
from triage_models.benchmarks.audit_population import Shop
from triage_models.benchmarks.audit_streams import Drift, SecondReader, Stream, draw_stream, thin

MAX_ERROR = 0.05
ANSWERS_PER_UPDATE = 4
"""The controller looks after so many answers."""

KINDS: tuple[Kind, ...] = tuple(FALSE_ALARM_SHARES)
ALARMS: tuple[Kind, ...] = ("promise", "change")


@dataclass(frozen=True)
class Setting:
    """What is simulated.

    Attributes:
        shop: the name of the shop.
        reader: the second reader; None if a person answers every audited event.
        share: answers of people per accepted event, 0 to 1.
        rate: messages per second.
        streams: simulated streams.
        seed: seed of every draw.
    """

    shop: str
    reader: SecondReader | None = None
    share: float = 0.01
    rate: float = 50.0
    streams: int = 100
    seed: int = 0

    def events(self, answers: int, shop: Shop) -> int:
        """Return how many audited events it takes until people have given so many answers."""
        return answers if self.reader is None else round(answers / self.reader.answers_per_event(shop.usual.error_rate))

    def answers_per_minute(self, shop: Shop) -> float:
        """Return how many answers people give a minute."""
        return 60.0 * self.rate * shop.usual.accepted_share * self.share


@dataclass(frozen=True)
class FalseAlarms:
    """Streams without drift.

    Attributes:
        setting: what was simulated.
        events: audited events of a stream.
        answers: answers of people in a stream, on average.
        by_kind: share of the streams in which each alarm, or the notice, was raised at any time, 0 to 1.
        any_alarm: share of the streams with an alarm.
    """

    setting: Setting
    events: int
    answers: int
    by_kind: dict[Kind, float]
    any_alarm: float


@dataclass(frozen=True)
class Notice:
    """Streams with drift: answers of people from the change until the first alarm, notices not counted.

    Attributes:
        setting: what was simulated.
        drift: what happened.
        history: answers before the change.
        median: in half of the streams at most so many; None if it was noticed in fewer than half of them.
        p90: in 90 % of the streams at most so many; None likewise.
        median_by_kind: the median of each alarm and of the notice, each counted where it did not come too early.
        too_early: share of the streams with an alarm before the change, which are left out.
        answers: ``[streams]`` the number of each; infinite where it was not noticed.
    """

    setting: Setting
    drift: Drift
    history: int
    median: float | None
    p90: float | None
    median_by_kind: dict[Kind, float | None]
    too_early: float
    answers: list[float]


@dataclass(frozen=True)
class Protection:
    """An hour with drift: what a moving threshold saves and costs, as means over the streams.

    Attributes:
        setting: what was simulated.
        drift: what happened.
        wrong_fixed: wrong events accepted in the hour with a fixed threshold.
        wrong_controlled: the same with the controller.
        coverage_lost: the share of what the fixed threshold accepts that the controller does not, 0 to 1.
        error_fixed: the share of accepted events that is wrong at the end of the hour, fixed.
        error_controlled: the same with the controller.
        changes: how often the threshold moved.
    """

    setting: Setting
    drift: Drift
    wrong_fixed: float
    wrong_controlled: float
    coverage_lost: float
    error_fixed: float
    error_controlled: float
    changes: float


@dataclass(frozen=True)
class BoundWidth:
    """The bounds of the error rate after so many answers without drift, as means over the streams.

    Attributes:
        setting: what was simulated.
        tilted: whether events of low confidence are audited more often.
        answers: answers of people.
        lower: the lower bound, 0 to 1.
        upper: the upper bound, 0 to 1.
    """

    setting: Setting
    tilted: bool
    answers: int
    lower: float
    upper: float


def new_detector(shop: Shop, setting: Setting) -> Detector:
    """Return a detector for a shop; the scale is counted in audited events, of which a second reader reads more."""
    calibration = shop.calibration
    allowance = Allowance.fit(
        calibration.confidence, calibration.intent, calibration.wrong, shop.labels, max_error=MAX_ERROR
    )
    return Detector(shop.labels, MAX_ERROR, allowance, scale=float(setting.events(1000, shop)))


def measure_false_alarms(shop: Shop, setting: Setting, events: int) -> FalseAlarms:
    """Watch streams of so many audited events without drift."""
    raised = np.zeros((setting.streams, len(KINDS)), dtype=np.bool_)
    answers = 0
    for number in range(setting.streams):
        stream = draw_stream(shop, None, events, 0, _random(setting, number), reader=setting.reader)
        detector = new_detector(shop, setting)
        detector.extend(stream.events)
        raised[number] = [kind in detector.alarms for kind in KINDS]
        answers += int(stream.events.answered.sum())
    by_kind = {kind: float(share) for kind, share in zip(KINDS, raised.mean(axis=0), strict=True)}
    return FalseAlarms(
        setting, events, answers // setting.streams, by_kind, float(raised[:, : len(ALARMS)].any(axis=1).mean())
    )


def measure_notice(shop: Shop, setting: Setting, drift: Drift, history: int, after: int) -> Notice:
    """Watch streams in which the error rate becomes 10 % after so many answers."""
    found: list[dict[Kind, float]] = []
    for number in range(setting.streams):
        before, later = setting.events(history, shop), setting.events(after, shop)
        stream = draw_stream(shop, drift, before, later, _random(setting, number), reader=setting.reader)
        detector = new_detector(shop, setting)
        detector.extend(stream.events)
        found.append({kind: _answers_until_alarm(stream, detector, kind) for kind in KINDS})
    kept = [one for one in found if min(one[kind] for kind in ALARMS) > 0]
    first = [min(one[kind] for kind in ALARMS) for one in kept]
    return Notice(
        setting,
        drift,
        history,
        _quantile(first, 0.5),
        _quantile(first, 0.9),
        {kind: _quantile([one[kind] for one in kept if one[kind]], 0.5) for kind in KINDS},
        1.0 - len(kept) / len(found),
        first,
    )


def measure_protection(shop: Shop, setting: Setting, drift: Drift, history: int) -> Protection:
    """Compare a fixed threshold with the controller in the hour after a change."""
    hour = round(60.0 * setting.answers_per_minute(shop))
    rows = []
    for number in range(setting.streams):
        before, later = setting.events(history, shop), setting.events(hour, shop)
        stream = draw_stream(shop, drift, before, later, _random(setting, number), reader=setting.reader)
        accepted, changes = follow(shop, setting, stream)
        wrong, last = stream.wrong[before:], slice(-(later // 4), None)
        rows.append(
            [
                wrong.mean(),
                (wrong & accepted).mean(),
                1.0 - accepted.mean(),
                wrong[last].mean(),
                wrong[last][accepted[last]].mean() if accepted[last].any() else 0.0,
                changes,
            ]
        )
    means = np.mean(rows, axis=0)
    per_hour = 3600.0 * setting.rate * shop.usual.accepted_share
    return Protection(setting, drift, *(means[:2] * per_hour).tolist(), *means[2:].tolist())


def measure_width(shop: Shop, setting: Setting, answers: int, *, tilted: bool = False) -> BoundWidth:
    """Bound the error rate of the usual traffic."""
    policy = AuditPolicy.tilted(setting.share, shop.usual.confidence) if tilted else AuditPolicy(setting.share)
    least = 1.0 if setting.reader is None else setting.reader.policy.ask_if_agreed
    bounds = []
    for number in range(setting.streams):
        random = _random(setting, number)
        size = setting.events(4 * answers, shop)
        stream = thin(draw_stream(shop, None, size, 0, random, reader=setting.reader), policy, random)
        end = int(np.searchsorted(np.cumsum(stream.events.answered), answers)) + 1
        bound = ErrorBound(largest_weight=policy.largest_weight, least_ask_probability=least)
        now = bound.extend(stream.events.take(slice(0, end))).bound()
        bounds.append((now.lower, now.upper))
    lower, upper = np.mean(bounds, axis=0).tolist()
    return BoundWidth(setting, tilted, answers, lower, upper)


def follow(shop: Shop, setting: Setting, stream: Stream) -> tuple[Flags, int]:
    """Run detector and controller together.

    Returns:
        Whether each event after the change is accepted, and how often the threshold moved.
    """
    grid = threshold_grid(shop.floor, shop.calibration.confidence)
    least = 1.0 if setting.reader is None else setting.reader.policy.ask_if_agreed
    controller = ThresholdController(grid, MAX_ERROR, least_ask_probability=least)
    detector = new_detector(shop, setting)
    size = max(1, setting.events(ANSWERS_PER_UPDATE, shop))
    starts = [0, *range(stream.change, len(stream.events), size)]
    accepted = np.ones(len(stream.events), dtype=np.bool_)
    changes = 0
    for start, end in zip(starts, [*starts[1:], len(stream.events)], strict=True):
        events = stream.events.take(slice(start, end))
        accepted[start:end] = events.confidence >= controller.threshold
        alarms = detector.extend(_above(events, controller.threshold))
        if controller.update(events, alarms, float(start)) is not None:
            detector = new_detector(shop, setting)
            changes += 1
    return accepted[stream.change :], changes


def _above(events: AuditedEvents, threshold: float) -> AuditedEvents:
    return events.take(events.confidence >= threshold)


def _answers_until_alarm(stream: Stream, detector: Detector, kind: Kind) -> float:
    """Return the answers from the change to the alarm; 0 if it came before, infinity if it never came."""
    alarm = detector.alarms.get(kind)
    if alarm is None:
        return float("inf")
    return float(stream.answers_until(alarm.event)) if alarm.event >= stream.change else 0.0


def _quantile(values: list[float], share: float) -> float | None:
    """Return the smallest value that this share of the values does not exceed; None if it is infinite."""
    if not values:
        return None
    value = sorted(values)[min(len(values) - 1, int(np.ceil(share * len(values))) - 1)]
    return value if np.isfinite(value) else None


def _random(setting: Setting, stream: int) -> np.random.Generator:
    return np.random.default_rng([setting.seed, stream])

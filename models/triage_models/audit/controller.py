"""Moves the threshold when the promise is broken, and back when it is kept again.

A pure policy: audited events and alarms in, changes out. The threshold moves on a grid. It rises at once when an alarm
says that the promise is broken, to the value that the answers since then justify. It falls only when it is proved that
the error rate above the lower value has been within the promise for a time (Learn-then-Test: Angelopoulos et al. 2021,
with Bonferroni's correction over the grid). That it stays so is not proved: if it doesn't, the next alarm raises the
threshold again. Both ways need evidence from answers after the last change, so the threshold does not flap. The
probability of error is that of one version of the threshold.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from triage_models.audit.detector import Alarm, Kind
from triage_models.audit.events import AuditedEvents, join
from triage_models.audit.recovery import RecoveryTest
from triage_models.audit.selection import Floats

STEPS = 12
MOST_EVENTS = 20_000
"""Events that are remembered to estimate error rates; the oldest are forgotten."""

LEAST_COVERAGE = 0.2
"""The highest threshold of a grid accepts at least this share of what the floor accepts."""


@dataclass(frozen=True)
class ThresholdChange:
    """One change of the threshold, or the advice to make it.

    Attributes:
        version: counted from 1 for each bundle; advice is counted, too.
        threshold: the new threshold.
        previous: the threshold before.
        reason: one sentence.
        alarm: the kind of alarm that led to it; None if the threshold falls.
        estimate: weighted error rate above the new threshold, in the answers that led to the change; None if there is
            none above it.
        answers: how many answers that is.
        at: when, in seconds of the caller's clock.
        advice: the controller only advises: the threshold in force is still ``previous``.
    """

    version: int
    threshold: float
    previous: float
    reason: str
    alarm: Kind | None
    estimate: float | None
    answers: int
    at: float
    advice: bool


def threshold_grid(floor: float, expected: Floats, steps: int = STEPS) -> Floats:
    """Return rising thresholds from the floor on, each of which accepts fewer of the expected events.

    Args:
        floor: the bundle's threshold.
        expected: ``[N]`` confidences of accepted events.
        steps: how many thresholds, at most.
    """
    above = expected[expected > floor]
    if not len(above):
        return np.array([floor])
    return np.unique(np.append(floor, np.quantile(above, np.linspace(0.0, 1.0 - LEAST_COVERAGE, steps)[1:])))


class ThresholdController:
    """Decides when the threshold changes.

    Args:
        grid: ``[T]`` rising thresholds; the first is the bundle's, and the threshold is never below it.
        max_error: the promised error rate, 0 to 1.
        confidence: how sure it must be, in each version, that a lower threshold kept the promise for a time, 0 to 1.
        advise_only: only advise; the threshold stays at the floor.
        largest_weight: the weight that no event exceeds.
        least_ask_probability: the smallest probability with which a person is asked.
        threshold: the threshold in force, one of the grid; the floor by default.
        version: the version in force.
    """

    def __init__(
        self,
        grid: Floats,
        max_error: float,
        *,
        confidence: float = 0.95,
        advise_only: bool = False,
        largest_weight: float = 1.0,
        least_ask_probability: float = 1.0,
        threshold: float | None = None,
        version: int = 0,
    ) -> None:
        self._grid = grid
        self._max_error = max_error
        self._doubt = 1.0 - confidence
        self._advise_only = advise_only
        self._bets = (largest_weight, least_ask_probability)
        self._step = 0 if threshold is None else int(np.searchsorted(grid, threshold))
        self._version = version
        self._events: AuditedEvents | None = None
        self._forgotten = 0
        self._begin_recovery()

    @property
    def grid(self) -> Floats:
        """``[T]`` the thresholds to which it can move now."""
        return self._grid

    @property
    def threshold(self) -> float:
        """The threshold in force."""
        return float(self._grid[self._step])

    @property
    def version(self) -> int:
        """The version in force: that of the last change."""
        return self._version

    def look_ahead(self, expected: Floats) -> None:
        """Choose the thresholds above the one in force anew, for traffic whose confidences are not as they were.

        Those below stay: evidence is being collected about them.

        Args:
            expected: ``[N]`` confidences that are accepted from the floor on.
        """
        higher = threshold_grid(float(self._grid[0]), expected)
        self._grid = np.concatenate([self._grid[: self._step + 1], higher[higher > self.threshold]])

    def update(self, events: AuditedEvents, alarms: Sequence[Alarm], at: float) -> ThresholdChange | None:
        """Add audited events, and return the change that follows.

        The events are those whose confidence reaches the floor, whether or not it reaches the threshold in force:
        otherwise nothing could ever be learned about a lower threshold. The alarms come from a detector that began
        with the version in force and has seen the events above its threshold. After a change, begin a new detector;
        after advice, which changes nothing, go on with the same one.

        Args:
            events: further events, in the order of their answers.
            alarms: the alarms that they raised; notices change nothing.
            at: seconds of the caller's clock.
        """
        self._remember(events)
        self._recovery.extend(events)
        rises = (self._rise(alarm, at) for alarm in alarms if not alarm.is_notice)
        change = next((one for one in rises if one is not None), None) or self._fall(at)
        if change is not None:
            self._version = change.version
            if not change.advice:
                self._step = int(np.searchsorted(self._grid, change.threshold))
                self._events, self._forgotten = None, 0
            self._begin_recovery()
        return change

    def _remember(self, events: AuditedEvents) -> None:
        """Add events, and forget the oldest; of those above the threshold, it is counted how many are forgotten."""
        known = events if self._events is None else join(self._events, events)
        if len(known) > 2 * MOST_EVENTS:
            self._forgotten += int((known.confidence[:-MOST_EVENTS] >= self.threshold).sum())
            known = known.take(slice(-MOST_EVENTS, None))
        self._events = known

    def _begin_recovery(self) -> None:
        self._recovery = RecoveryTest(self._grid, self._max_error, *self._bets)
        self._limit = float(np.log(len(self._grid) / self._doubt))

    def _rise(self, alarm: Alarm, at: float) -> ThresholdChange | None:
        since = self._since(alarm)
        now, _ = _error_rate(since, self.threshold)
        if self._step == len(self._grid) - 1 or (alarm.kind != "promise" and not _exceeds(now, self._max_error)):
            return None
        step = len(self._grid) - 1
        while step > self._step + 1 and not _exceeds(
            _error_rate(since, float(self._grid[step - 1]))[0], self._max_error
        ):
            step -= 1
        found = "not enough answers" if now is None else f"{now:.1%} of the accepted events"
        return self._change(
            step,
            f"The audit raised the {alarm.kind} alarm: by estimate, errors became more frequent. In the {len(since)} "
            f"audited events since then, {found} were wrong; {self._max_error:.1%} may be.",
            alarm.kind,
            since,
            at,
        )

    def _fall(self, at: float) -> ThresholdChange | None:
        proved = np.flatnonzero(self._recovery.evidence[: self._step] >= self._limit)
        if not len(proved) or self._events is None:
            return None
        step = int(proved[0])
        reason = (
            f"For a time since the last change, fewer than {self._max_error:.1%} of the events above "
            f"{self._grid[step]:.3f} were wrong, at {1.0 - self._doubt:.0%} confidence for this version."
        )
        return self._change(step, reason, None, self._events, at)

    def _change(self, step: int, reason: str, kind: Kind | None, events: AuditedEvents, at: float) -> ThresholdChange:
        estimate, answers = _error_rate(events, float(self._grid[step]))
        return ThresholdChange(
            self._version + 1,
            float(self._grid[step]),
            self.threshold,
            reason,
            kind,
            estimate,
            answers,
            at,
            self._advise_only,
        )

    def _since(self, alarm: Alarm) -> AuditedEvents:
        """Return the events since the errors became more frequent, by the alarm's estimate."""
        assert self._events is not None
        accepted = np.flatnonzero(self._events.confidence >= self.threshold)
        first = max(alarm.since - self._forgotten, 0)
        return self._events.take(slice(int(accepted[first]) if first < len(accepted) else 0, None))


def _error_rate(events: AuditedEvents, threshold: float) -> tuple[float | None, int]:
    """Return the weighted error rate of events above a threshold, and how many of them a person answered."""
    above = events.take(events.confidence >= threshold)
    weights = float(above.weight.sum())
    rate = float((above.weight * above.error).sum()) / weights if weights else None
    return rate, int(above.answered.sum())


def _exceeds(rate: float | None, max_error: float) -> bool:
    """Whether an error rate is above the promise; an unknown one counts as above."""
    return rate is None or rate > max_error

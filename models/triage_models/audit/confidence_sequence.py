"""Bounds of the error rate of accepted events, valid at every moment at which they are looked at.

The method is betting (Waudby-Smith and Ramdas 2024, "Estimating means of bounded random variables by betting"): for
each possible error rate, one bettor bets that the true rate is higher and another that it is lower. A rate that makes a
bettor rich is excluded. Here each bettor divides the capital among constant bets of several sizes, so that what is
bounded can be said exactly, see `ErrorBound`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from triage_models.audit.events import AuditedEvents
from triage_models.audit.selection import Floats

LEVELS = np.unique(np.concatenate([np.linspace(0.0, 0.2, 201), np.linspace(0.2, 1.0, 161)])).round(6)
"""Error rates that are tested; a bound is one of them, rounded outwards."""

HIGHER = np.geomspace(0.05, 50.0, 22)
"""Sizes of the bets that the rate is higher than a level, per unit of error."""

LOWER = np.array([0.01, 0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 0.9, 0.97])
"""Sizes of the bets that the rate is lower than a level, as a share of the largest bet that cannot lose everything."""

LARGEST_POPULATION = 2000
"""Of a population of at most so many events, every possible number of errors is tested."""


@dataclass(frozen=True)
class Bound:
    """What is known of an error rate.

    Attributes:
        events: audited events.
        answers: how many of them a person answered.
        errors: how many of these are wrong.
        estimate: the weighted error rate; None before the first event.
        lower: the error rate is at least this, 0 to 1.
        upper: the error rate is at most this, 0 to 1.
        confidence: the probability, 0 to 1, that ``lower`` and ``upper`` hold at all times together.
    """

    events: int
    answers: int
    errors: int
    estimate: float | None
    lower: float
    upper: float
    confidence: float


class ErrorBound:
    """A running bound of the error rate, from audited events.

    What is bounded: let ``r(i)`` be the probability, given everything before, that accepted event i is wrong, before
    its confidence is looked at. With probability ``confidence``, at all times t at once, ``lower(t)`` is at most the
    largest and ``upper(t)`` at least the smallest of ``r(1) … r(t)``. If the rate is constant, that is an interval for
    it. If it is not, it holds for any level that was fixed beforehand, such as the promised 5 %, that ``lower(t)`` is
    above it while the mean of ``r(1) … r(t)`` is not, at any time, with a probability of at most half of
    ``1 - confidence``; likewise for ``upper(t)``. The reason: ``1 + x <= exp(x)``, and bets are constant.

    Of a finite population, such as the accepted rows of a file, the rate is that of the population, if its events are
    drawn with equal probabilities and without replacement; the bounds meet when all are audited.

    Args:
        confidence: of both bounds together, 0 to 1; each side gets half of the rest.
        largest_weight: the weight that no event exceeds (`AuditPolicy.largest_weight`).
        least_ask_probability: the smallest probability with which a person is asked.
        population: the number of events in a finite population, at least 1; None for a stream.
    """

    def __init__(
        self,
        confidence: float = 0.95,
        largest_weight: float = 1.0,
        least_ask_probability: float = 1.0,
        population: int | None = None,
    ) -> None:
        if population is not None and (largest_weight != 1.0 or least_ask_probability != 1.0):
            raise ValueError("A finite population is audited with equal probabilities, and a person answers each.")
        if population == 0:
            raise ValueError("A population without events has no error rate.")
        self.confidence = confidence
        self._population = population
        every = population is not None and population <= LARGEST_POPULATION
        self._levels = np.arange(population + 1) / population if every and population is not None else LEVELS
        self._larger = HIGHER / largest_weight
        self._smaller = LOWER * least_ask_probability / largest_weight
        self._higher = np.full((len(self._levels), len(HIGHER)), -np.log(len(HIGHER)))
        self._lower = np.full((len(self._levels), len(LOWER)), -np.log(len(LOWER)))
        self._events = self._answers = self._errors = 0
        self._weighted_errors = self._weights = 0.0

    def extend(self, events: AuditedEvents) -> "ErrorBound":
        """Add events, and return this bound.

        Raises:
            ValueError: There are more events than the population has.
        """
        pairs = np.stack([events.error, events.weight], axis=1)
        if self._population is None:
            # Bets of a stream are constant, so events that are equal multiply the capital alike, in any order.
            pairs, counts = np.unique(pairs, axis=0, return_counts=True)
        else:
            counts = np.ones(len(pairs), dtype=np.int64)
        for (error, weight), count in zip(pairs.tolist(), counts.tolist(), strict=True):
            self._add(error, weight, count)
        self._answers += int(events.answered.sum())
        self._errors += int(events.found.sum())
        return self

    def bound(self) -> Bound:
        """Return the bound as it is now."""
        limit = np.log(2.0 / (1.0 - self.confidence))
        # Evidence that the rate is higher falls with the level, evidence that it is lower rises.
        too_low = np.logaddexp.reduce(self._higher, axis=1) >= limit
        too_high = np.logaddexp.reduce(self._lower, axis=1) >= limit
        lower = float(self._levels[too_low][-1]) if too_low.any() else 0.0
        upper = float(self._levels[too_high][0]) if too_high.any() else 1.0
        if self._population is not None:
            lower, upper = self._bound_of_file(lower, upper)
        estimate = self._weighted_errors / self._weights if self._weights else None
        return Bound(self._events, self._answers, self._errors, estimate, lower, upper, self.confidence)

    def _bound_of_file(self, lower: float, upper: float) -> tuple[float, float]:
        """Tighten bounds by what is certain: errors that were found, and events that were right."""
        assert self._population is not None
        if self._levels is not LEVELS:  # every possible level is tested, so the first that is not excluded is the bound
            step = 1.0 / self._population
            lower = lower + step if lower > 0.0 else lower
            upper = upper - step if upper < 1.0 else upper
        right = self._events - self._errors
        return max(lower, self._errors / self._population), min(upper, 1.0 - right / self._population)

    def _add(self, error: float, weight: float, count: int) -> None:
        rate = self._rate_of_next()
        possible = np.clip(rate, 0.0, 1.0)[:, None]
        gain = weight * (error - possible)
        # A bet that could lose more than there is is dropped: its capital counts as 0.
        affordable = self._larger * weight * possible < 1.0
        self._higher += count * np.where(affordable, np.log1p(np.where(affordable, self._larger * gain, 0.0)), -np.inf)
        self._lower += count * np.log1p(-self._smaller * gain)
        self._events += count
        self._weighted_errors += count * weight * error
        self._weights += count * weight

    def _rate_of_next(self) -> Floats:
        """Return the error rate of the next event if the rate is each level: ``[M]``."""
        if self._population is None:
            return self._levels
        left = self._population - self._events
        if left <= 0:
            raise ValueError(f"All {self._population} events of the population have been audited already.")
        return (self._population * self._levels - self._weighted_errors) / left


class IntentBounds:
    """Running bounds of the error rate of each intent, which hold for all intents and the overall rate together.

    The correction for looking at many is Bonferroni's: half of the error probability is for the overall bound, and the
    other half is divided evenly among the intents.

    Args:
        labels: the bundle's labels.
        confidence: the probability, 0 to 1, that all bounds hold at all times.
        largest_weight: see `ErrorBound`.
        least_ask_probability: see `ErrorBound`.
    """

    def __init__(
        self,
        labels: Sequence[str],
        confidence: float = 0.95,
        largest_weight: float = 1.0,
        least_ask_probability: float = 1.0,
    ) -> None:
        rest = 1.0 - confidence
        self._labels = tuple(labels)
        self._overall = ErrorBound(1.0 - rest / 2, largest_weight, least_ask_probability)
        self._by_intent = [
            ErrorBound(1.0 - rest / 2 / len(labels), largest_weight, least_ask_probability) for _ in labels
        ]

    def extend(self, events: AuditedEvents) -> "IntentBounds":
        """Add events, and return these bounds."""
        self._overall.extend(events)
        for intent in np.unique(events.intent).tolist():
            self._by_intent[intent].extend(events.take(events.intent == intent))
        return self

    def overall(self) -> Bound:
        """Return the bound over all intents."""
        return self._overall.bound()

    def by_intent(self) -> Mapping[str, Bound]:
        """Return the bound of each intent."""
        return {label: one.bound() for label, one in zip(self._labels, self._by_intent, strict=True)}

"""A test of the promise itself: accepted events are wrong with at most a given probability."""

import numpy as np

from triage_models.audit.events import AuditedEvents
from triage_models.audit.restarts import SCALE, RestartMixture
from triage_models.audit.selection import Floats

ALTERNATIVES = np.array([0.07, 0.1, 0.15, 0.25, 0.5])
"""Error rates that are bet on, for a promise of 5 %; in general the same multiples of the odds."""

REFERENCE = 0.05


class PromiseTest:
    """Evidence that the error rate has exceeded ``max_error``.

    The null hypothesis is that each accepted event is wrong with a probability of at most ``max_error``, given
    everything before it, before its confidence is looked at. It says nothing about how confidence and error go
    together, so it needs no calibration. It also needs the most answers: if 10 % are wrong instead of 5 %, the capital
    grows by a factor of e in 49 answers at best.

    Args:
        max_error: the promised error rate, between 0 and 1.
        largest_weight: the weight that no event exceeds.
        scale: see `RestartMixture`.
    """

    def __init__(self, max_error: float, largest_weight: float = 1.0, scale: float = SCALE) -> None:
        odds = ALTERNATIVES / (1 - ALTERNATIVES) * (1 - REFERENCE) / REFERENCE * max_error / (1 - max_error)
        rates = odds / (1.0 + odds)
        self._max_error = max_error
        # The bet that is best against a rate, as long as no event weighs more than 1.
        self._bets = (rates - max_error) / (max_error * (1.0 - max_error)) / largest_weight
        self.mixture = RestartMixture(np.full(len(rates), 1.0 / len(rates)), scale)

    def extend(self, events: AuditedEvents) -> Floats:
        """Add N events and return the log ``[N]`` of the evidence after each."""
        gain = events.weight * (events.error - self._max_error)
        return self.mixture.extend(np.log1p(gain[:, None] * self._bets))

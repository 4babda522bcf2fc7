"""A test of recovery: for a time, the error rate above each of several thresholds has been below the promise."""

import numpy as np

from triage_models.audit.events import AuditedEvents
from triage_models.audit.restarts import RestartMixture
from triage_models.audit.selection import Floats

BETS = np.array([0.35, 0.65, 0.9])
"""Bets on fewer errors, as shares of the largest one that cannot lose everything."""

SCALE = 300.0


class RecoveryTest:
    """Evidence, for each threshold, that events above it have been wrong less often than promised for a time.

    The null hypothesis of a threshold is that each event of at least this confidence is wrong with a probability of at
    least ``max_error``, given everything before it. Bets start at every event, so what is proved is only that this is
    false for some of the events: a good stretch is enough, whatever came before it. The probability that it is ever
    proved although the null hypothesis is true is that of one test; whoever begins a new one has it again.

    Args:
        thresholds: T thresholds.
        max_error: the promised error rate, 0 to 1.
        largest_weight: the weight that no event exceeds.
        least_ask_probability: the smallest probability with which a person is asked.
    """

    def __init__(
        self, thresholds: Floats, max_error: float, largest_weight: float = 1.0, least_ask_probability: float = 1.0
    ) -> None:
        self._thresholds = thresholds
        self._max_error = max_error
        self._bets = BETS * least_ask_probability / largest_weight
        shares = np.full(len(BETS), 1.0 / len(BETS))
        self._mixtures = [RestartMixture(shares, SCALE) for _ in thresholds]
        self.evidence = np.zeros(len(thresholds))
        """``[T]`` the log of the evidence now."""

    def extend(self, events: AuditedEvents) -> None:
        """Add events."""
        for number, (threshold, mixture) in enumerate(zip(self._thresholds.tolist(), self._mixtures, strict=True)):
            above = events.take(events.confidence >= threshold)
            if len(above):
                gain = above.weight * (self._max_error - above.error)
                self.evidence[number] = mixture.extend(np.log1p(gain[:, None] * self._bets))[-1]

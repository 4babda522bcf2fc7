"""A test of the confidence: each accepted event is wrong with at most the probability that it is allowed."""

from collections.abc import Sequence

import numpy as np

from triage_models.audit.allowance import Allowance
from triage_models.audit.events import AuditedEvents
from triage_models.audit.restarts import SCALE, RestartMixture
from triage_models.audit.selection import Floats

EVERYWHERE = np.array([0.03, 0.08, 0.25])
"""What is bet on for all events: this share of those that would be correct is wrong in addition."""

ONE_INTENT = np.array([0.1, 0.3, 0.8])
"""What is bet on for the events of one intent."""

SHARE_EVERYWHERE = 0.4


class ConfidenceTest:
    """Evidence that events are wrong more often than their confidence and intent allow.

    The null hypothesis is that each accepted event is wrong with at most the probability of its allowance, given
    everything before it and its own confidence and intent. So an error at a confidence of 0.99 counts for much more
    than one at 0.75, and a drift of one intent is seen in the answers about that intent.

    Args:
        allowance: the allowed error by confidence and intent.
        labels: the bundle's labels.
        scale: see `RestartMixture`.
    """

    def __init__(self, allowance: Allowance, labels: Sequence[str], scale: float = SCALE) -> None:
        self._allowance = allowance
        self._labels = len(labels)
        shares = np.concatenate(
            [
                np.full(len(EVERYWHERE), SHARE_EVERYWHERE / len(EVERYWHERE)),
                np.full(self._labels * len(ONE_INTENT), (1 - SHARE_EVERYWHERE) / self._labels / len(ONE_INTENT)),
            ]
        )
        self.mixture = RestartMixture(shares, scale)

    def extend(self, events: AuditedEvents) -> Floats:
        """Add N events and return the log ``[N]`` of the evidence after each."""
        allowed = self._allowance.of(events.confidence, events.intent)[:, None]
        # With q = a + d (1 - a), the likelihood ratio of q and a is 1 + (d / a) (error - a) for an error of 0 or 1. In
        # this form it stays a fair bet if the error is divided by the probability that a person was asked.
        gain = (events.error[:, None] - allowed) / allowed
        everywhere = np.log1p(gain * EVERYWHERE)
        one = np.log1p(gain * ONE_INTENT)
        own = np.zeros((len(events), self._labels, len(ONE_INTENT)))
        own[np.arange(len(events)), events.intent] = one
        return self.mixture.extend(np.concatenate([everywhere, own.reshape(len(events), -1)], axis=1))

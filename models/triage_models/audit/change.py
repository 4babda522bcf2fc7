"""A test for change: are there more errors than before, here, whatever the level was?

It needs neither a promise nor a calibration. If nothing has changed, the events are exchangeable: each order of them is
equally likely. Then the rank of each new event among all so far is uniform and independent of the earlier ranks, and so
is its conformal p-value. Bets on small p-values are fair exactly as long as nothing changes (Vovk, Gammerman and Shafer
2005; Vovk 2021, "Testing randomness online"). Errors rank first, those of high confidence before those of low
confidence; all other events are ties, ordered by chance.
"""

from collections.abc import Sequence

import numpy as np

from triage_models.audit.events import AuditedEvents
from triage_models.audit.restarts import SCALE, RestartMixture
from triage_models.audit.selection import Floats

STEP, EXCESS = (axis.ravel() for axis in np.meshgrid([0.005, 0.015, 0.04], [0.03, 0.08, 0.25], indexing="ij"))
"""What is bet on over all events: a p-value below the step has a probability of the step and the excess."""

INTENT_STEP, INTENT_EXCESS = (axis.ravel() for axis in np.meshgrid([0.02, 0.06, 0.15], [0.1, 0.3, 0.7], indexing="ij"))
"""The same for p-values among the events of one intent."""


class _Ranks:
    """Conformal p-values of a sequence of events."""

    def __init__(self) -> None:
        self._errors = np.zeros(0)
        self._events = 0

    def p_values(self, events: AuditedEvents) -> Floats:
        """Add N events and return the p-value ``[N]`` of each among all so far, itself included."""
        found, known = events.found, len(self._errors)
        size = self._events + np.arange(1, len(events) + 1)
        errors = known + np.cumsum(found)
        result: Floats = (errors + events.tie * (size - errors)) / size
        self._errors = np.concatenate([self._errors, events.confidence[found]])
        for number, row in enumerate(np.flatnonzero(found).tolist()):
            own, so_far = events.confidence[row], self._errors[: known + number + 1]
            first, ties = np.count_nonzero(so_far > own), np.count_nonzero(so_far == own)
            result[row] = (first + events.tie[row] * ties) / size[row]
        self._events += len(events)
        return result


class ChangeTest:
    """Evidence that errors have become more frequent, or more confident, than they were on this stream.

    The null hypothesis is that the audited events are exchangeable. It holds for every error rate and every calibration
    if traffic, bundle, threshold and readers stay as they are. There are two tests, of all events and of the events of
    each intent, which need separate bounds, since their p-values are not independent of each other.

    Args:
        labels: the bundle's labels.
        scale: see `RestartMixture`.
    """

    def __init__(self, labels: Sequence[str], scale: float = SCALE) -> None:
        self._all = _Ranks()
        self._by_intent = [_Ranks() for _ in labels]
        self.mixture = RestartMixture(np.full(len(STEP), 1.0 / len(STEP)), scale)
        ways = len(labels) * len(INTENT_STEP)
        self.intent_mixture = RestartMixture(np.full(ways, 1.0 / ways), scale)

    def extend(self, events: AuditedEvents) -> tuple[Floats, Floats]:
        """Add N events and return the logs ``[N]`` of the evidence of both tests after each."""
        p_values = self._all.p_values(events)
        by_intent = np.zeros((len(events), len(self._by_intent), len(INTENT_STEP)))
        for intent in np.unique(events.intent).tolist():
            rows = np.flatnonzero(events.intent == intent)
            own = self._by_intent[intent].p_values(events.take(rows))
            by_intent[rows, intent] = _log_factors(own, INTENT_STEP, INTENT_EXCESS)
        return (
            self.mixture.extend(_log_factors(p_values, STEP, EXCESS)),
            self.intent_mixture.extend(by_intent.reshape(len(events), len(self._by_intent) * len(INTENT_STEP))),
        )


def _log_factors(p_values: Floats, step: Floats, excess: Floats) -> Floats:
    """Return the log factors ``[N, J]`` of bets on p-values ``[N]`` with steps and excesses ``[J]``."""
    high, low = np.log((step + excess) / step), np.log((1.0 - step - excess) / (1.0 - step))
    return np.where(p_values[:, None] < step, high, low)

"""Evidence against a null hypothesis by betting, with a bet that may start at any moment.

A bettor starts with 1 and multiplies their capital by a factor at each event. If the null hypothesis is true, the mean
of a factor, given the past, is at most 1, so the capital exceeds 20 at any time with a probability of at most 1/20
(Ville 1939). A long good past would leave a bettor who started long ago with nothing. So the capital is divided among
bettors who start at every event, and among several ways to bet; their sum has the same guarantee.
"""

import numpy as np

from triage_models.audit.selection import Floats

SCALE = 1000.0
MAX_LOG_CAPITAL = 600.0
"""e^600 is far beyond any decision, and sums of it do not overflow."""


class RestartMixture:
    """The total log capital of bettors who start at every event, in several ways to bet.

    The share of the capital that starts at event ``t = 0, 1, …`` is ``s / ((t + s) (t + s + 1))`` with the scale ``s``.
    These shares sum to 1. For about ``s`` events they are nearly equal; after that a start at event t costs
    ``2 log t`` in log capital. What has not started is not at risk.

    Args:
        shares: ``[J]`` the share of each way to bet; they sum to 1.
        scale: about how many events pass before starts become expensive.
    """

    def __init__(self, shares: Floats, scale: float = SCALE) -> None:
        self._log_shares = np.log(shares)
        self._scale = scale
        self._events = 0
        self._capital = np.full(len(shares), -np.inf)
        self._score = np.zeros(len(shares))
        self._start = np.zeros(len(shares), dtype=np.int64)

    @property
    def events(self) -> int:
        """How many events there were."""
        return self._events

    @property
    def likely_start(self) -> int:
        """The event, counted from 0, at which the bettor started who has won most: an estimate of when it changed."""
        return int(self._start[np.argmax(self._score)])

    def extend(self, log_factors: Floats) -> Floats:
        """Add N events.

        Args:
            log_factors: ``[N, J]`` the log of the factor of each way to bet at each event.

        Returns:
            ``[N]`` the log of the total capital after each event.
        """
        if not len(log_factors):
            return np.zeros(0)
        time = self._events + np.arange(len(log_factors), dtype=np.float64)
        starts = np.log(self._scale) - np.log(time + self._scale) - np.log(time + self._scale + 1.0)
        total = np.cumsum(log_factors, axis=0)
        before = np.vstack([np.zeros((1, total.shape[1])), total[:-1]])
        # capital(t) = (capital(t-1) + start(t)) factor(t), solved for all t at once in units of the running product
        deposits = np.vstack([self._capital, starts[:, None] + self._log_shares - before])
        capital = np.logaddexp.accumulate(deposits, axis=0)[1:] + total
        self._follow(total)
        self._events += len(log_factors)
        self._capital = np.minimum(capital[-1], MAX_LOG_CAPITAL)
        waiting = np.log(self._scale) - np.log(time + 1.0 + self._scale)
        evidence: Floats = np.logaddexp(_log_sum(capital), waiting)
        return evidence

    def _follow(self, total: Floats) -> None:
        """Keep, for each way to bet, the start after which the product of factors is largest, and that product."""
        before = np.vstack([np.zeros((1, total.shape[1])), total[:-1]])
        lowest = before.argmin(axis=0)
        fresh = total[-1] - before[lowest, np.arange(total.shape[1])]
        going_on = self._score + total[-1]
        self._start = np.where(fresh > going_on, self._events + lowest, self._start)
        self._score = np.maximum(fresh, going_on)


def _log_sum(values: Floats) -> Floats:
    """Return the log ``[N]`` of the sum of the exponentials of ``[N, J]``, in half the time of `numpy.logaddexp`."""
    largest: Floats = values.max(axis=1)
    result: Floats = largest + np.log(np.exp(values - largest[:, None]).sum(axis=1))
    return result

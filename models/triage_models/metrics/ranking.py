"""How well confidence orders what is right before what is wrong.

Rows of equal confidence cannot be told apart, so everything here is the mean over all their orders: a `Ladder` has one
rung for each distinct confidence.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from triage_models.metrics.classification import ratio
from triage_models.metrics.outcomes import Flags, Floats, Ints


class Ladder(NamedTuple):
    """Weighted rows by confidence: ``values [K]`` from sure to unsure, ``good`` and ``bad`` rows at each ``[R, K]``."""

    values: Floats
    good: Floats
    bad: Floats


@dataclass(frozen=True)
class Rungs:
    """The distinct confidences of N rows that are sorted from sure to unsure, and where each begins."""

    values: Floats
    starts: Ints
    rows: int

    @classmethod
    def of(cls, confidence: Floats) -> "Rungs":
        """Rungs of falling confidences ``[N]``, N at least 1."""
        starts = np.flatnonzero(np.r_[True, confidence[1:] != confidence[:-1]])
        return cls(confidence[starts], starts, len(confidence))

    def count(self, chosen: Flags, weights: Floats) -> Floats:
        """Weighted rows on each rung, ``[R, K]``, of those that are ``chosen [N]``."""
        own = weights * chosen
        return own if len(self.starts) == self.rows else np.add.reduceat(own, self.starts, axis=1)


def ladder(confidence: Floats, good: Flags) -> Ladder:
    """The ladder of N rows in any order, each counted once."""
    order = np.argsort(-confidence, kind="stable")
    rungs = Rungs.of(confidence[order])
    once = np.ones((1, len(order)))
    return Ladder(rungs.values, rungs.count(good[order], once), rungs.count(~good[order], once))


def aurc(rungs: Ladder) -> Floats:
    """Area ``[R]`` under the risk-coverage curve: the error rate among the surest rows, averaged over all coverages."""
    bad = np.cumsum(rungs.bad, axis=1)
    size = rungs.good + rungs.bad
    taken = np.cumsum(size, axis=1)
    before, bad_before = taken - size, bad - rungs.bad
    harmonic = _harmonic(int(taken[:, -1].max()))
    steps = harmonic[taken.astype(np.int64)] - harmonic[before.astype(np.int64)]
    # Within a rung of m rows, the expected error after j of them is bad_before + bad * j / m, over before + j rows.
    share = np.nan_to_num(ratio(rungs.bad, size))
    area = bad_before * steps + share * (size - before * steps)
    return ratio(area.sum(axis=1), taken[:, -1])


def excess_aurc(rungs: Ladder) -> Floats:
    """AURC ``[R]`` less that of the best order of the same rows: 0 is perfect, whatever the accuracy."""
    good, bad = rungs.good.sum(axis=1), rungs.bad.sum(axis=1)
    total = good + bad
    harmonic = _harmonic(int(total.max()))
    steps = harmonic[total.astype(np.int64)] - harmonic[good.astype(np.int64)]
    best = ratio(bad - good * steps, total)
    return np.maximum(aurc(rungs) - best, 0.0)


def auroc(rungs: Ladder) -> Floats:
    """Probability ``[R]`` that a good row stands above a bad one, ties counted as half; NaN without one of each."""
    good, bad = rungs.good.sum(axis=1), rungs.bad.sum(axis=1)
    below = bad[:, None] - np.cumsum(rungs.bad, axis=1)
    return ratio((rungs.good * (below + rungs.bad / 2)).sum(axis=1), good * bad)


def bad_rate_at(rungs: Ladder, good_rate: float) -> Floats:
    """Share ``[R]`` of bad rows kept by the strictest threshold that keeps ``good_rate`` of the good (0.95: FPR95)."""
    good, bad = np.cumsum(rungs.good, axis=1), np.cumsum(rungs.bad, axis=1)
    enough = np.argmax(good >= good_rate * good[:, -1:] - 1e-9, axis=1)
    kept = np.take_along_axis(bad, enough[:, None], axis=1)[:, 0]
    return np.where(good[:, -1] > 0, ratio(kept, bad[:, -1]), np.nan)


def best_coverage(rungs: Ladder, risk: float) -> Floats:
    """Largest share ``[R]`` that a threshold could accept with an error rate of at most ``risk``, in hindsight."""
    bad = np.cumsum(rungs.bad, axis=1)
    taken = bad + np.cumsum(rungs.good, axis=1)
    allowed = np.where(bad <= risk * taken + 1e-9, taken, 0.0)
    return ratio(allowed.max(axis=1), taken[:, -1])


def curve(rungs: Ladder, points: int) -> tuple[Floats, Floats]:
    """The risk-coverage curve of the first weighting, thinned to about ``points``: coverages and error rates."""
    bad = np.cumsum(rungs.bad[0])
    taken = bad + np.cumsum(rungs.good[0])
    keep = np.unique(np.linspace(0, len(taken) - 1, min(points, len(taken))).astype(np.int64))
    return taken[keep] / taken[-1], bad[keep] / taken[keep]


def _harmonic(most: int) -> Floats:
    """``H[n] = 1 + 1/2 + … + 1/n`` for n from 0 to ``most``."""
    return np.concatenate([[0.0], np.cumsum(1.0 / np.arange(1, most + 1))])

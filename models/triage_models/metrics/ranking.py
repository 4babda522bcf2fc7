"""Ranking metrics: how well confidence orders positive rows before negative ones.

Positive means correct (or in scope), negative means wrong (or out of scope). Rows of equal confidence have no order, so
each metric is its mean over all their orders; rows are therefore counted by distinct confidence.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from triage_models.metrics.classification import ratio
from triage_models.metrics.outcomes import Flags, Floats, Ints


class RankedCounts(NamedTuple):
    """Weighted numbers of rows at each distinct confidence.

    Attributes:
        values: ``[K]`` the confidences, falling.
        positive: ``[R, K]`` positive rows at each.
        negative: ``[R, K]`` negative rows at each.
    """

    values: Floats
    positive: Floats
    negative: Floats

    @property
    def rows(self) -> Floats:
        """All rows ``[R, K]`` at each confidence."""
        return self.positive + self.negative


@dataclass(frozen=True)
class TieGroups:
    """Groups of equal confidence among N rows that are sorted by falling confidence.

    Attributes:
        values: ``[K]`` the distinct confidences.
        starts: ``[K]`` the position at which each group begins.
        rows: N.
    """

    values: Floats
    starts: Ints
    rows: int

    @classmethod
    def of(cls, confidence: Floats) -> "TieGroups":
        """Group falling confidences ``[N]``, N at least 1."""
        starts = np.flatnonzero(np.r_[True, confidence[1:] != confidence[:-1]])
        return cls(confidence[starts], starts, len(confidence))

    def count(self, mask: Flags, weights: Floats) -> Floats:
        """Count the rows of each group, ``[R, K]``, where ``mask`` ``[N]`` is true, by ``weights`` ``[R, N]``."""
        own = weights * mask
        return own if len(self.starts) == self.rows else np.add.reduceat(own, self.starts, axis=1)


def count_by_confidence(confidence: Floats, positive: Flags) -> RankedCounts:
    """Count N rows in any order, each once; both arguments are ``[N]``."""
    order = np.argsort(-confidence, kind="stable")
    groups = TieGroups.of(confidence[order])
    once = np.ones((1, len(order)))
    return RankedCounts(groups.values, groups.count(positive[order], once), groups.count(~positive[order], once))


def aurc(ranked: RankedCounts) -> Floats:
    """Area ``[R]`` under the risk-coverage curve: the mean error rate of the most confident rows over all coverages.

    For each number of rows from 1 to N, take so many of the most confident rows; the area is the mean of their error
    rates. The curve is that of El-Yaniv and Wiener, "On the foundations of noise-free selective classification" (2010),
    and its area a measure of confidence since Geifman and El-Yaniv, "Selective classification for deep neural networks"
    (2017).
    """
    negative = np.cumsum(ranked.negative, axis=1)
    size = ranked.rows
    taken = np.cumsum(size, axis=1)
    before, negative_before = taken - size, negative - ranked.negative
    harmonic = _harmonic(int(taken[:, -1].max()))
    steps = harmonic[taken.astype(np.int64)] - harmonic[before.astype(np.int64)]
    # Within a group of m rows, j of them add negative * j / m errors on average, to before + j rows in all.
    share = np.nan_to_num(ratio(ranked.negative, size))
    area = negative_before * steps + share * (size - before * steps)
    return ratio(area.sum(axis=1), taken[:, -1])


def excess_aurc(ranked: RankedCounts) -> Floats:
    """AURC ``[R]`` minus that of the best order of the same rows: 0 is perfect, whatever the accuracy."""
    positive, negative = ranked.positive.sum(axis=1), ranked.negative.sum(axis=1)
    total = positive + negative
    harmonic = _harmonic(int(total.max()))
    steps = harmonic[total.astype(np.int64)] - harmonic[positive.astype(np.int64)]
    best = ratio(negative - positive * steps, total)
    return np.maximum(aurc(ranked) - best, 0.0)


def auroc(ranked: RankedCounts) -> Floats:
    """Probability ``[R]`` that a positive row ranks above a negative one, ties counting half; NaN without both."""
    positive, negative = ranked.positive.sum(axis=1), ranked.negative.sum(axis=1)
    below = negative[:, None] - np.cumsum(ranked.negative, axis=1)
    return ratio((ranked.positive * (below + ranked.negative / 2)).sum(axis=1), positive * negative)


def false_positive_rate_at(ranked: RankedCounts, true_positive_rate: float) -> Floats:
    """Share ``[R]`` of negative rows above the strictest threshold that reaches a true positive rate (0.95: FPR95)."""
    positive, negative = np.cumsum(ranked.positive, axis=1), np.cumsum(ranked.negative, axis=1)
    threshold = np.argmax(positive >= true_positive_rate * positive[:, -1:] - 1e-9, axis=1)
    above = np.take_along_axis(negative, threshold[:, None], axis=1)[:, 0]
    return np.where(positive[:, -1] > 0, ratio(above, negative[:, -1]), np.nan)


def best_coverage(ranked: RankedCounts, risk: float) -> Floats:
    """Largest coverage ``[R]`` of any threshold with an error rate of at most ``risk``, chosen in hindsight."""
    negative = np.cumsum(ranked.negative, axis=1)
    taken = negative + np.cumsum(ranked.positive, axis=1)
    allowed = np.where(negative <= risk * taken + 1e-9, taken, 0.0)
    return ratio(allowed.max(axis=1), taken[:, -1])


def accuracy_at_coverage(ranked: RankedCounts, coverage: float) -> Floats:
    """Share ``[R]`` of positive rows among the most confident ones, which are a share ``coverage`` of all rows."""
    positive, rows = np.cumsum(ranked.positive, axis=1), np.cumsum(ranked.rows, axis=1)
    wanted = coverage * rows[:, -1:]
    last = np.argmax(rows >= wanted - 1e-9, axis=1)[:, None]
    positive, rows, own_positive, own = (
        np.take_along_axis(counts, last, axis=1) for counts in (positive, rows, ranked.positive, ranked.rows)
    )
    # Of the last group of equal confidence only a part is wanted, and it has the share of the whole group.
    right = positive - np.nan_to_num(ratio(own_positive, own)) * (rows - wanted)
    return ratio(right[:, 0], wanted[:, 0])


def risk_coverage_curve(ranked: RankedCounts, points: int) -> tuple[Floats, Floats]:
    """Return coverages and error rates of the first weighting's risk-coverage curve, thinned to about ``points``."""
    negative = np.cumsum(ranked.negative[0])
    taken = negative + np.cumsum(ranked.positive[0])
    chosen = np.unique(np.linspace(0, len(taken) - 1, min(points, len(taken))).astype(np.int64))
    return taken[chosen] / taken[-1], negative[chosen] / taken[chosen]


def _harmonic(most: int) -> Floats:
    """Harmonic numbers ``H[n] = 1 + 1/2 + … + 1/n`` for n from 0 to ``most``."""
    return np.concatenate([[0.0], np.cumsum(1.0 / np.arange(1, most + 1))])

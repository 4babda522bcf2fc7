"""Calibration metrics: how far confidence is from the share that is correct."""

from dataclasses import dataclass

import numpy as np

from triage_models.metrics.classification import ratio
from triage_models.metrics.outcomes import Floats
from triage_models.metrics.ranking import RankedCounts

BINS = 15


@dataclass(frozen=True)
class ReliabilityBin:
    """Rows of similar confidence.

    Attributes:
        rows: how many.
        confidence: their mean confidence, 0 to 1.
        accuracy: the share of them that is correct, 0 to 1.
    """

    rows: int
    confidence: float
    accuracy: float


def ece(ranked: RankedCounts) -> Floats:
    """Expected calibration error ``[R]`` over 15 bins of equal width."""
    count, confidence, correct = _equal_width_bins(ranked)
    return ratio(np.abs(confidence - correct).sum(axis=1), count.sum(axis=1))


def ece_equal_mass(ranked: RankedCounts) -> Floats:
    """Expected calibration error ``[R]`` over 15 bins of equally many rows (fewer bins if there are fewer rows)."""
    confidence, correct = _equal_mass_bins(ranked)
    return ratio(np.abs(confidence - correct).sum(axis=1), ranked.rows.sum(axis=1))


def brier(ranked: RankedCounts) -> Floats:
    """Mean squared difference ``[R]`` between confidence and correctness (1 or 0)."""
    loss = ranked.positive @ (1 - ranked.values) ** 2 + ranked.negative @ ranked.values**2
    return ratio(loss, ranked.rows.sum(axis=1))


def reliability_bins(ranked: RankedCounts) -> list[ReliabilityBin]:
    """Return the non-empty bins of equal width of the first weighting, by rising confidence."""
    count, confidence, correct = (part[0] for part in _equal_width_bins(ranked))
    return [
        ReliabilityBin(int(count[bin_]), float(confidence[bin_] / count[bin_]), float(correct[bin_] / count[bin_]))
        for bin_ in np.flatnonzero(count)
    ]


def _equal_width_bins(ranked: RankedCounts) -> tuple[Floats, Floats, Floats]:
    """Return rows, summed confidence and correct rows of each bin, each ``[R, BINS]``."""
    one_hot = np.eye(BINS)[np.clip((ranked.values * BINS).astype(np.int64), 0, BINS - 1)]
    rows = ranked.rows
    return rows @ one_hot, (rows * ranked.values) @ one_hot, ranked.positive @ one_hot


def _equal_mass_bins(ranked: RankedCounts) -> tuple[Floats, Floats]:
    """Return summed confidence and correct rows of each bin, ``[R, BINS]``; ties across a border are split evenly."""
    rows = ranked.rows
    taken = np.cumsum(rows, axis=1)
    borders = np.floor(taken[:, -1:] * np.arange(BINS + 1) / BINS)
    return (
        np.diff(_interpolate(borders, taken, np.cumsum(rows * ranked.values, axis=1)), axis=1),
        np.diff(_interpolate(borders, taken, np.cumsum(ranked.positive, axis=1)), axis=1),
    )


def _interpolate(at: Floats, x: Floats, y: Floats) -> Floats:
    """Interpolate linearly row by row, from (0, 0): ``at [R, B]``, rising ``x [R, K]``, ``y [R, K]``."""
    start = np.zeros((len(x), 1))
    x, y = np.concatenate([start, x], axis=1), np.concatenate([start, y], axis=1)
    # One call serves all rows: each row is shifted behind the previous one, so that x rises throughout.
    shift = np.arange(len(x))[:, None] * (x[:, -1].max() + 1)
    found: Floats = np.interp((at + shift).ravel(), (x + shift).ravel(), y.ravel()).reshape(at.shape)
    return found

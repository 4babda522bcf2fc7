"""Does a confidence of 0.9 mean right nine times in ten?"""

from dataclasses import dataclass

import numpy as np

from triage_models.metrics.classification import ratio
from triage_models.metrics.outcomes import Floats
from triage_models.metrics.ranking import Ladder

BINS = 15


@dataclass(frozen=True)
class Bin:
    """Rows of like confidence: how many, their mean confidence, and the share that is right."""

    rows: int
    confidence: float
    right: float


def ece(rungs: Ladder) -> Floats:
    """Expected calibration error ``[R]`` over 15 bins of equal width."""
    count, confidence, good = _equal_width(rungs)
    return ratio(np.abs(confidence - good).sum(axis=1), count.sum(axis=1))


def ece_equal_mass(rungs: Ladder) -> Floats:
    """Expected calibration error ``[R]`` over 15 bins of equal size (fewer where there are fewer rows)."""
    confidence, good = _equal_mass(rungs)
    return ratio(np.abs(confidence - good).sum(axis=1), (rungs.good + rungs.bad).sum(axis=1))


def brier(rungs: Ladder) -> Floats:
    """Mean squared difference ``[R]`` of confidence and being right (1) or wrong (0)."""
    loss = rungs.good @ (1 - rungs.values) ** 2 + rungs.bad @ rungs.values**2
    return ratio(loss, (rungs.good + rungs.bad).sum(axis=1))


def reliability(rungs: Ladder) -> list[Bin]:
    """The bins of equal width of the first weighting that have rows, from unsure to sure."""
    count, confidence, good = (part[0] for part in _equal_width(rungs))
    return [
        Bin(int(count[place]), float(confidence[place] / count[place]), float(good[place] / count[place]))
        for place in np.flatnonzero(count)
    ]


def _equal_width(rungs: Ladder) -> tuple[Floats, Floats, Floats]:
    """Rows, summed confidence and good rows of each bin, each ``[R, BINS]``."""
    own = np.eye(BINS)[np.clip((rungs.values * BINS).astype(np.int64), 0, BINS - 1)]
    rows = rungs.good + rungs.bad
    return rows @ own, (rows * rungs.values) @ own, rungs.good @ own


def _equal_mass(rungs: Ladder) -> tuple[Floats, Floats]:
    """Summed confidence and good rows of each bin, ``[R, bins]``; a rung across a border is shared out evenly."""
    rows = rungs.good + rungs.bad
    taken = np.cumsum(rows, axis=1)
    totals = taken[:, -1:]
    borders = np.floor(totals * np.arange(BINS + 1) / BINS)
    return (
        np.diff(_interpolate(borders, taken, np.cumsum(rows * rungs.values, axis=1)), axis=1),
        np.diff(_interpolate(borders, taken, np.cumsum(rungs.good, axis=1)), axis=1),
    )


def _interpolate(at: Floats, x: Floats, y: Floats) -> Floats:
    """Linear interpolation row by row, from (0, 0): ``at [R, B]``, rising ``x [R, K]``, ``y [R, K]``."""
    start = np.zeros((len(x), 1))
    x, y = np.concatenate([start, x], axis=1), np.concatenate([start, y], axis=1)
    # One call for all rows: each is moved behind the one before, so that x rises throughout.
    shift = np.arange(len(x))[:, None] * (x[:, -1].max() + 1)
    found: Floats = np.interp((at + shift).ravel(), (x + shift).ravel(), y.ravel()).reshape(at.shape)
    return found

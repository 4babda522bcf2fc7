"""Estimates how many labelled rows a guarantee needs, from the errors seen so far and the Clopper-Pearson bound."""

import math
from collections.abc import Iterator
from functools import cache

import numpy as np
from numpy.typing import NDArray

from triage_models.calibration.binomial import at_most, min_accepted_rows, most_errors

CHANCE = 0.8
"""The estimate is so large that the guarantee is reached in four of five cases, if the error rates are as estimated."""

PREDICTED_ROWS = 20.0
"""The confidences themselves weigh as much as so many rows when an error rate is estimated."""

SMALLEST_SHARE = 0.2
"""A guarantee for less than this share of the rows is not worth labelling for."""

MOST_ACCEPTED = 50_000
UNATTAINABLE = 100_000
"""Returned where no number of rows is likely to suffice: too much is wrong even where the model is most confident."""

STEPS = 40
GROWTH = 1.04
LEAST, LEAST_SHARE = 10, 0.5
"""Fewer rows, or a smaller share of those that did not suffice, are never asked for: the luckiest of many thresholds
sets the estimate, so it is too low when it is close."""


def rows_needed(
    confidence: NDArray[np.float64],
    correct: NDArray[np.bool_],
    *,
    risk: float,
    level: float = 0.95,
    smallest_share: float = SMALLEST_SHARE,
) -> int:
    """Return about how many further rows make a guarantee likely, where it was not reached; a multiple of 10.

    Args:
        confidence: ``[N]`` 0 for rows that are never accepted.
        correct: ``[N]``
        risk: the error rate that is to be guaranteed, 0 to 1.
        level: the confidence of the guarantee, 0 to 1.
        smallest_share: of the rows, that the guarantee must be about.
    """
    order = np.argsort(-confidence, kind="stable")
    most, rows = int((confidence > 0).sum()), len(confidence)
    least = max(1, math.ceil(smallest_share * rows))
    if most < least:
        return UNATTAINABLE
    counts = np.unique(np.linspace(least, most, STEPS).astype(int))
    wrong, likely = np.cumsum(~correct[order]), np.cumsum(1.0 - confidence[order])
    rates = [(wrong[n - 1] + likely[n - 1] / n * PREDICTED_ROWS) / (n + PREDICTED_ROWS) for n in counts]
    totals = [_accepted_rows(float(rate), risk, level) * rows / n for rate, n in zip(rates, counts, strict=True)]
    return _more(min(totals), rows)


def _more(total: float, rows: int) -> int:
    if not math.isfinite(total) or total > UNATTAINABLE:
        return UNATTAINABLE
    return LEAST * math.ceil(max(LEAST, LEAST_SHARE * rows, total - rows) / LEAST)


def _accepted_rows(rate: float, risk: float, level: float) -> float:
    """Return how many accepted rows probably pass the test at an error rate; infinity if too many are needed."""
    if rate >= risk:
        return math.inf
    for accepted, errors in _table(risk, level):
        if at_most(errors, accepted, rate) >= CHANCE:
            return accepted
    return math.inf


@cache
def _table(risk: float, level: float) -> tuple[tuple[int, int], ...]:
    """Return numbers of accepted rows, each with the most errors that pass the test."""
    return tuple((rows, most_errors(rows, risk, level)) for rows in _sizes(min_accepted_rows(risk, level)))


def _sizes(first: int) -> Iterator[int]:
    size = float(first)
    while size < MOST_ACCEPTED:
        yield math.ceil(size)
        size = max(size + 1, size * GROWTH)

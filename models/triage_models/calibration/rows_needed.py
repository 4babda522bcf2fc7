"""Estimates how many labelled rows a guarantee needs, from the errors seen so far and the Clopper-Pearson bound."""

import math
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from triage_models.calibration.binomial import at_most, min_accepted_rows, most_errors
from triage_models.calibration.correction import REFIT_ROWS
from triage_models.calibration.guarantee import intent_count

CHANCE = 0.8
"""The estimate is so large that the guarantee is reached in four of five cases, if the error rates are as estimated."""

PREDICTED_ROWS = 20.0
"""The confidences themselves weigh as much as so many rows when an error rate is estimated."""

INTENT_PREDICTED_ROWS = 5.0
"""The same for a single intent, which has few rows: with more, its own errors would hardly count. Confidences are the
most pessimistic where the model is most often right, so the estimate would be two to three times too high."""

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


class IntentRows(NamedTuple):
    """What is known of the M rows that a bundle may answer with one intent, of N rows in all.

    Attributes:
        confidence: ``[M]`` by the new calibration.
        expected: ``[M]`` by the bundle itself, which has not seen the labels.
        correct: ``[M]``
        rows: N.
    """

    confidence: NDArray[np.float64]
    expected: NDArray[np.float64]
    correct: NDArray[np.bool_]
    rows: int


def intent_rows_needed(own: IntentRows, *, threshold: float, risk: float, level: float) -> int:
    """Return about how many further rows, of all intents, make the guarantee of an intent likely; a multiple of 10.

    With more rows, another threshold is tested than with those that there are: the one at which the test is then
    likeliest to pass, and not only the strictest. So that choice is made here as it will be made then.

    Args:
        own: the rows of the intent.
        threshold: that of all messages, which the intent must pass, too.
        risk: the error rate that is to be guaranteed, 0 to 1.
        level: the confidence of its test, 0 to 1.
    """
    most, above = len(own.correct), int((own.confidence >= threshold).sum())
    if not above:
        return UNATTAINABLE
    order = np.argsort(-own.confidence, kind="stable")
    counts = np.arange(1, most + 1)
    likely = np.cumsum(1.0 - own.confidence[order]) / counts
    rates = (np.cumsum(~own.correct[order]) + likely * INTENT_PREDICTED_ROWS) / (counts + INTENT_PREDICTED_ROWS)
    first = min_accepted_rows(risk, level)
    for total in _sizes(max(own.rows, math.ceil(first * own.rows / most))):
        expected = (own.confidence if total >= REFIT_ROWS else own.expected)[order]
        members = total * most // own.rows
        positions = np.arange(members) * most // members
        count = intent_count(members, expected[positions], risk=risk, level=level)
        tested = {count, min(count, above * members // most)}
        chances = [at_most(most_errors(n, risk, level), n, float(rates[positions[n - 1]])) for n in tested if n]
        if min(chances) >= CHANCE:
            return _more(total, own.rows)
    return UNATTAINABLE


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

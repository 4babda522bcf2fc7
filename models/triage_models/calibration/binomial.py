"""Exact binomial bounds (Clopper-Pearson), with numpy only: scipy is not there where bundles only serve."""

import math

import numpy as np
from numpy.typing import NDArray

BISECTIONS = 60
"""Halvings of the interval in which a bound is searched: the result is exact to the last digits of a float."""


def tail_probabilities(rows: int, risk: float) -> NDArray[np.float64]:
    """Return the probabilities ``[rows + 1]`` of at most 0, 1, … errors among so many rows at an error rate.

    Args:
        rows: how many rows.
        risk: the error rate, 0 to 1.
    """
    return _cumulative(_log_choices(rows, rows), rows, risk)


def at_most(errors: int, rows: int, risk: float) -> float:
    """Return the probability of at most so many errors among so many rows at an error rate; 0 of fewer than none."""
    return float(_cumulative(_log_choices(rows, errors), rows, risk)[-1]) if errors >= 0 else 0.0


def upper_bound(errors: int, accepted: int, confidence: float) -> float:
    """Return the Clopper-Pearson bound of an error rate; 1 if nothing was accepted.

    Args:
        errors: wrong rows among the accepted.
        accepted: accepted rows.
        confidence: the probability, 0 to 1, that the error rate is below the bound.
    """
    if accepted == 0 or errors >= accepted:
        return 1.0
    choices = _log_choices(accepted, errors)
    low, high = errors / accepted, 1.0
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        if _cumulative(choices, accepted, middle)[-1] > 1.0 - confidence:
            low = middle
        else:
            high = middle
    return high


def most_errors(rows: int, risk: float, confidence: float) -> int:
    """Return with how many errors, at most, the bound of so many rows is ``risk`` or less; -1 if not even without."""
    return int((tail_probabilities(rows, risk) <= 1.0 - confidence).sum()) - 1


def min_accepted_rows(risk: float, confidence: float) -> int:
    """Return the fewest accepted rows, all correct, whose bound is ``risk`` or less (59 for 5 % at 95 %)."""
    return math.ceil(math.log(1.0 - confidence) / math.log(1.0 - risk))


def _log_choices(rows: int, most: int) -> NDArray[np.float64]:
    """Logarithms ``[most + 1]`` of the number of ways to choose 0, 1, … of so many rows."""
    chosen = np.arange(1, most + 1)
    return np.concatenate([[0.0], np.cumsum(np.log((rows - chosen + 1) / chosen))])


def _cumulative(choices: NDArray[np.float64], rows: int, risk: float) -> NDArray[np.float64]:
    if risk <= 0.0 or risk >= 1.0:
        certain = np.full(len(choices), 1.0 if risk <= 0.0 else 0.0)
        certain[rows:] = 1.0
        return certain
    errors = np.arange(len(choices))
    logs = choices + errors * math.log(risk) + (rows - errors) * math.log1p(-risk)
    found: NDArray[np.float64] = np.minimum(np.cumsum(np.exp(logs)), 1.0)
    return found

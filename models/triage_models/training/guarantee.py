"""Chooses the confidence threshold so that the error rate among accepted rows is bounded with a stated confidence."""

import math

import numpy as np
from numpy.typing import NDArray
from scipy.stats import beta

from triage_models.bundle.manifest import Guarantee

METHOD = "Learn-then-Test, fixed sequence, Clopper-Pearson bound"
FIRST_SHARE = 0.2
"""The strictest threshold that is tested accepts this share of the rows, or as many as can pass if those are more."""

STEPS = 80
"""Thresholds that are tested, at most."""

MANY_ROWS = 1500
MIN_COVERAGE_RATIO = 0.6
"""On fewer than `MANY_ROWS` rows, a guarantee that leaves less than this share of the coverage is not used: the bound
is then so wide that its threshold would refuse nearly everything, however good the model."""

MIN_THRESHOLD = 0.5
"""No threshold is lower, certified or not: a decision that is more likely wrong than correct is never accepted."""


def upper_bound(errors: int, accepted: int, confidence: float) -> float:
    """Return the Clopper-Pearson bound of an error rate; 1 if nothing was accepted.

    Args:
        errors: wrong rows among the accepted.
        accepted: accepted rows.
        confidence: the probability, 0 to 1, that the error rate is below the bound.
    """
    if accepted == 0 or errors >= accepted:
        return 1.0
    return float(beta.ppf(confidence, errors + 1, accepted - errors))


def min_accepted_rows(risk: float, confidence: float) -> int:
    """Return the fewest accepted rows, all correct, whose bound is ``risk`` or less (59 for 5 % at 95 %)."""
    return math.ceil(math.log(1.0 - confidence) / math.log(1.0 - risk))


def choose_threshold(
    confidence: NDArray[np.float64],
    correct: NDArray[np.bool_],
    in_scope: NDArray[np.bool_],
    *,
    risk: float,
    level: float = 0.95,
) -> tuple[float, Guarantee]:
    """Choose the lowest threshold whose accepted rows have an error rate of at most ``risk``.

    Thresholds are tested from strict to lenient, down to `MIN_THRESHOLD`, each by an exact binomial bound. Testing ends
    at the first that fails, so no correction for multiple tests is needed. If no threshold can be certified, or, on few
    rows, only at the price of two fifths of the coverage, the threshold with the most correct decisions is chosen, and
    the guarantee has ``certified=False``.

    Args:
        confidence: ``[N]`` of rows that neither the network nor the calibration was fitted on.
        correct: ``[N]`` whether accepting the row would be correct; false for every out-of-scope row.
        in_scope: ``[N]`` whether the row has one of the labels; coverage is counted over these.
        risk: the error rate allowed among accepted rows, 0 to 1.
        level: the confidence of the guarantee, 0 to 1.

    Returns:
        The threshold and the guarantee that it carries.
    """
    order = np.argsort(-confidence, kind="stable")
    # Rows of equal confidence are accepted together, so a threshold is always tested with all rows that it accepts.
    ends = np.searchsorted(-confidence[order], -confidence[order], side="right")
    ends = ends[: int((confidence >= MIN_THRESHOLD).sum())]
    passed = _last_passed(len(order), ends, np.cumsum(~correct[order]), risk, level)
    best = _most_correct(order, ends, correct, in_scope)
    enough = _covered(order, in_scope, passed) >= MIN_COVERAGE_RATIO * _covered(order, in_scope, best)
    certified = passed > 0 and (enough or len(order) >= MANY_ROWS)
    count = passed if certified else best
    threshold = float(confidence[order[count - 1]]) if count else MIN_THRESHOLD
    accepted = confidence >= threshold
    errors = int((accepted & ~correct).sum())
    return threshold, Guarantee(
        risk=risk,
        confidence=level,
        certified=certified,
        method=METHOD,
        calibration_rows=len(order),
        accepted_rows=int(accepted.sum()),
        errors=errors,
        upper_bound=upper_bound(errors, int(accepted.sum()), level),
        coverage=float((accepted & in_scope).sum() / max(1, in_scope.sum())),
    )


def _last_passed(rows: int, ends: NDArray[np.int64], wrong: NDArray[np.int64], risk: float, level: float) -> int:
    """Return how many rows the last threshold accepts that passed its test; 0 if the first one failed.

    Which thresholds are tested, and in which order, depends only on the number of rows, except for the last one,
    `MIN_THRESHOLD`.
    """
    first = max(min_accepted_rows(risk, level), round(FIRST_SHARE * rows))
    ranks = np.unique(np.linspace(first, rows, STEPS).astype(int)) if first <= rows else np.array([], dtype=int)
    passed = 0
    for rank in np.append(ranks[ranks < len(ends)], len(ends)) if first <= len(ends) else ():
        count = int(ends[rank - 1])
        if upper_bound(int(wrong[count - 1]), count, level) > risk:
            break
        passed = count
    return passed


def _covered(order: NDArray[np.int64], in_scope: NDArray[np.bool_], count: int) -> int:
    """Count the rows in scope among the ``count`` most confident ones."""
    return int(in_scope[order[:count]].sum())


def _most_correct(
    order: NDArray[np.int64], ends: NDArray[np.int64], correct: NDArray[np.bool_], in_scope: NDArray[np.bool_]
) -> int:
    """Return how many rows to accept for the most correct decisions: accepted correctly, or out of scope and refused.

    0 if no row may be accepted.
    """
    if not len(ends):
        return 0
    gain = np.cumsum(np.where(correct[order], 1.0, np.where(in_scope[order], 0.0, -1.0)))
    return int(ends[np.argmax(gain[ends - 1])])

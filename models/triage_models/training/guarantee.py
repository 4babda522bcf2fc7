"""A threshold with a promise: at most so many of the accepted are wrong, said with so much confidence."""

import math

import numpy as np
from numpy.typing import NDArray
from scipy.stats import beta

from triage_models.bundle.manifest import Guarantee

METHOD = "Learn-then-Test, fixed sequence, Clopper-Pearson bound"
FIRST_SHARE = 0.2
"""The strictest threshold tried accepts so many of the rows, or the fewest that can pass if those are more."""

STEPS = 80
ENOUGH = 1500
KEPT_COVERAGE = 0.6
"""On fewer rows than `ENOUGH`, a guarantee that leaves less than this share of the coverage is not taken: the bound is
then so wide that the threshold it asks for would refuse nearly everything, however good the model."""

LEAST = 0.5
"""No threshold is below this, certified or not: nothing is acted on that is likelier wrong than right."""


def upper_bound(errors: int, accepted: int, confidence: float) -> float:
    """Clopper-Pearson: the error rate is below this with the given confidence; 1 where nothing was accepted."""
    if accepted == 0 or errors >= accepted:
        return 1.0
    return float(beta.ppf(confidence, errors + 1, accepted - errors))


def fewest_accepted(risk: float, level: float) -> int:
    """The fewest accepted rows whose bound can be ``risk`` or less: so many without an error (59 for 5 % at 95 %)."""
    return math.ceil(math.log(1.0 - level) / math.log(1.0 - risk))


def choose(
    confidence: NDArray[np.float64],
    right: NDArray[np.bool_],
    in_scope: NDArray[np.bool_],
    *,
    risk: float,
    level: float = 0.95,
) -> tuple[float, Guarantee]:
    """The lowest threshold whose accepted rows are wrong at most at a rate of ``risk``.

    Thresholds are tested from strict to lenient, down to `LEAST`, each by an exact binomial bound, and the walk ends at
    the first that fails: so no correction for many tests is owed. Where none can be certified, or, on few rows, only at
    the price of two fifths of the coverage, the threshold is the one that gets most rows right, accepted or refused,
    and the guarantee says ``certified=False``.

    Args:
        confidence: ``[N]`` of rows that neither the network nor the calibration was fitted on.
        right: ``[N]`` whether accepting the row would be right; false for every row that is out of scope.
        in_scope: ``[N]`` whether the row has one of the labels; coverage is counted over these.
        risk: the error rate allowed among the accepted.
        level: how sure the promise is, 0 to 1.
    """
    order = np.argsort(-confidence, kind="stable")
    # Rows of one confidence are accepted together, so a threshold is always tested with all that it accepts.
    ends = np.searchsorted(-confidence[order], -confidence[order], side="right")
    ends = ends[: int((confidence >= LEAST).sum())]
    passed = _last_passed(len(order), ends, np.cumsum(~right[order]), risk, level)
    most_right = _most_right(order, ends, right, in_scope)
    kept = _covered(order, in_scope, passed) >= KEPT_COVERAGE * _covered(order, in_scope, most_right)
    certified = passed > 0 and (kept or len(order) >= ENOUGH)
    if not certified:
        passed = most_right
    threshold = float(confidence[order[passed - 1]]) if passed else LEAST
    accepted = confidence >= threshold
    errors = int((accepted & ~right).sum())
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
    """How many rows the last threshold accepts that passed its test; 0 where the first one failed.

    Which thresholds are tested, and in which order, depends on the number of rows alone, but for the last, `LEAST`.
    """
    first = max(fewest_accepted(risk, level), round(FIRST_SHARE * rows))
    ranks = np.unique(np.linspace(first, rows, STEPS).astype(int)) if first <= rows else np.array([], dtype=int)
    passed = 0
    for rank in np.append(ranks[ranks < len(ends)], len(ends)) if first <= len(ends) else ():
        count = int(ends[rank - 1])
        if upper_bound(int(wrong[count - 1]), count, level) > risk:
            break
        passed = count
    return passed


def _covered(order: NDArray[np.int64], in_scope: NDArray[np.bool_], count: int) -> int:
    """Rows in scope among the ``count`` surest."""
    return int(in_scope[order[:count]].sum())


def _most_right(
    order: NDArray[np.int64], ends: NDArray[np.int64], right: NDArray[np.bool_], in_scope: NDArray[np.bool_]
) -> int:
    """How many to accept so that accepted-and-right plus refused-and-foreign are most; 0 where none may be."""
    if not len(ends):
        return 0
    gain = np.cumsum(np.where(right[order], 1.0, np.where(in_scope[order], 0.0, -1.0)))
    return int(ends[np.argmax(gain[ends - 1])])

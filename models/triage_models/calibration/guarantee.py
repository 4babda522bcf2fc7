"""Chooses the confidence threshold so that the error rate among accepted rows is bounded with a stated confidence."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from triage_models.bundle.manifest import Guarantee
from triage_models.calibration.binomial import at_most, min_accepted_rows, most_errors, upper_bound

METHOD = "Learn-then-Test, fixed sequence, Clopper-Pearson bound"
FIRST_SHARE = 0.2
"""The strictest threshold that is tested accepts this share of the rows, or as many as can pass if those are more."""

STEPS = 80
"""Thresholds that are tested, at most."""

STARTS = ((1.0, 0.7), (2.0, 0.3))
"""With many rows, testing begins at two thresholds: where passing is likeliest if errors are as frequent as expected,
and if they are twice as frequent. Each gets a share of the allowed chance of a mistake (Bonferroni)."""

INTENT_FACTORS = (1.0, 2.0, 4.0)
"""How many times as many errors of an intent there may be as the bundle expects."""

MANY_TESTS = 5
"""Rows are many from so many times on as one test needs, without an error."""

SAME_CHANCE = 0.03
"""Of two thresholds whose chances to pass differ by less than this share, testing begins at the more lenient one."""

COSTLY_ROWS = 1500
"""From so many rows on, a guarantee is used whatever coverage it costs."""

MIN_COVERAGE_RATIO = 0.6
"""On fewer than `COSTLY_ROWS` rows, a guarantee that leaves less than this share of the coverage is not used: the bound
is then so wide that its threshold would refuse nearly everything, however good the model."""

MIN_THRESHOLD = 0.5
"""No threshold is lower, certified or not: a decision that is more likely wrong than correct is never accepted."""


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
    certified = passed > 0 and (enough or len(order) >= COSTLY_ROWS)
    count = passed if certified else best
    threshold = float(confidence[order[count - 1]]) if count else MIN_THRESHOLD
    accepted = confidence >= threshold
    return threshold, describe(accepted, correct, in_scope, risk=risk, level=level, certified=certified)


def certified_threshold(
    confidence: NDArray[np.float64],
    correct: NDArray[np.bool_],
    expected: NDArray[np.float64],
    *,
    risk: float,
    level: float = 0.95,
    counts: NDArray[np.int64] | None = None,
) -> float | None:
    """Return the lowest threshold that can be certified, or None; for rows of which a bundle's confidence is known.

    Testing begins where passing is likeliest by the bundle's own confidence, which has seen none of the labels, and
    goes to more lenient thresholds until one fails. So which thresholds are tested, and in which order, does not depend
    on the labels, and no correction for multiple tests is needed. Few rows certify more often so: among the most
    confident 59 rows a single error would end the search, even if the next 200 are all correct.

    Args:
        confidence: ``[N]`` 0 for rows that are never accepted.
        correct: ``[N]`` whether accepting the row would be correct.
        expected: ``[N]`` the probability that it is, as it was estimated before its label was known.
        risk: the error rate allowed among accepted rows, 0 to 1.
        level: the confidence of the guarantee, 0 to 1.
        counts: ``[N]`` how many messages each row stands for, one each by default. Then a threshold passes only if both
            its rows and its messages pass.
    """
    order = np.argsort(-confidence, kind="stable")
    # By the rows that can be accepted, and not by `MIN_THRESHOLD`: the labels have moved the confidences across it.
    most = int((confidence > 0.0).sum())
    first = min_accepted_rows(risk, level)
    if most < first:
        return None
    ends = np.searchsorted(-confidence[order], -confidence[order], side="right")[:most]

    def ranks_from(start: int) -> NDArray[np.int64]:
        return np.unique(ends[np.linspace(start, most, STEPS).astype(int) - 1])

    tests, passed = [_Test(np.ones(len(order), dtype=np.int64), correct[order])], 0
    if counts is not None:
        tests.append(_Test(counts[order], correct[order]))
    for factor, share in STARTS if most >= MANY_TESTS * first else ((1.0, 1.0),):
        own_level = 1.0 - share * (1.0 - level)
        start = likeliest_count(ranks_from(first), expected[order], risk=risk, level=own_level, factors=[factor])
        ranks = ranks_from(start)
        ranks = ranks[confidence[order[ranks - 1]] >= MIN_THRESHOLD]  # to end a sequence earlier is always allowed
        passed = max(passed, _last_passed_from(ranks, tests, risk, own_level))
    return float(confidence[order[passed - 1]]) if passed else None


class _Test:
    """What is tested about accepted rows: the rows themselves, or the messages that they stand for.

    Args:
        counts: ``[N]`` how often each row counts, the most confident first.
        correct: ``[N]``
    """

    def __init__(self, counts: NDArray[np.int64], correct: NDArray[np.bool_]) -> None:
        self._accepted = np.cumsum(counts)
        self._wrong = np.cumsum(np.where(correct, 0, counts))

    def passes(self, rows: int, risk: float, level: float) -> bool:
        """Whether so many rows, the most confident ones, pass."""
        return bool(self._wrong[rows - 1] <= most_errors(int(self._accepted[rows - 1]), risk, level))


def _last_passed_from(ranks: NDArray[np.int64], tests: Sequence[_Test], risk: float, level: float) -> int:
    """Test numbers of accepted rows in their order, and return the last one before the first that failed, or 0."""
    passed = 0
    for count in ranks.tolist():
        if not all(test.passes(count, risk, level) for test in tests):
            break
        passed = count
    return passed


def likeliest_count(
    counts: NDArray[np.int64],
    expected: NDArray[np.float64],
    *,
    risk: float,
    level: float,
    factors: Sequence[float] = (1.0,),
) -> int:
    """Return for which number of accepted rows the test is likeliest to pass.

    Args:
        counts: the numbers to choose from, rising, at least one.
        expected: ``[N]`` the probability of each row to be correct, in the order in which rows are accepted.
        risk: the error rate to test for, 0 to 1.
        level: the confidence of the test, 0 to 1.
        factors: how many times as many errors there may be as expected; each is as likely.
    """
    most = [most_errors(int(n), risk, level) for n in counts]
    chances = np.zeros(len(counts))
    for factor in factors:
        errors = np.cumsum(np.minimum(1.0, factor * (1.0 - expected))) / np.arange(1, len(expected) + 1)
        chances += [at_most(allowed, int(n), float(errors[n - 1])) for allowed, n in zip(most, counts, strict=True)]
    if chances.max() <= 0.0:
        return int(counts[0])
    return int(counts[chances >= (1.0 - SAME_CHANCE) * chances.max()][-1])


def intent_count(rows: int, expected: NDArray[np.float64], *, risk: float, level: float) -> int:
    """Return how many of an intent's rows to accept, in a single test that is chosen without their labels.

    A bundle's confidence may be right on the whole and wrong about an intent. So numbers are preferred at which the
    test also passes if errors are several times as frequent as expected: otherwise, the more rows, the more surely it
    would fail.

    Args:
        rows: of the intent; at least as many as a test needs.
        expected: ``[rows]`` the probability of each to be correct, in the order in which they are accepted.
        risk: the error rate to test for, 0 to 1.
        level: the confidence of the test, 0 to 1.
    """
    counts = np.unique(np.linspace(min_accepted_rows(risk, level), rows, STEPS).astype(np.int64))
    return likeliest_count(counts, expected, risk=risk, level=level, factors=INTENT_FACTORS)


def estimated_threshold(confidence: NDArray[np.float64], *, risk: float) -> float:
    """Return the lowest threshold above which, by the confidences ``[N]`` themselves, at most ``risk`` is wrong."""
    falling = -np.sort(-confidence[confidence >= MIN_THRESHOLD])
    wrong = np.cumsum(1.0 - falling) / np.arange(1, len(falling) + 1)
    accepted = int((wrong <= risk).sum())  # the mean of ever larger values grows
    return float(falling[accepted - 1]) if accepted else 1.0 - risk


def describe(
    accepted: NDArray[np.bool_],
    correct: NDArray[np.bool_],
    in_scope: NDArray[np.bool_],
    *,
    risk: float,
    certified: bool,
    level: float = 0.95,
    method: str = METHOD,
) -> Guarantee:
    """Return the guarantee of a threshold that accepts these rows ``[N]``; for the rest see `choose_threshold`."""
    errors, count = int((accepted & ~correct).sum()), int(accepted.sum())
    return Guarantee(
        risk=risk,
        confidence=level,
        certified=certified,
        method=method,
        calibration_rows=len(accepted),
        accepted_rows=count,
        errors=errors,
        upper_bound=upper_bound(errors, count, level),
        coverage=float((accepted & in_scope).sum() / max(1, in_scope.sum())),
    )


def _last_passed(rows: int, ends: NDArray[np.int64], wrong: NDArray[np.int64], risk: float, level: float) -> int:
    """Return how many rows the last threshold accepts that passed its test; 0 if the first one failed.

    Which thresholds are tested, and in which order, depends only on the number of rows, except for the last one,
    `MIN_THRESHOLD`. `certified_threshold` begins elsewhere, by a confidence that saw none of the labels; a new bundle
    has none, because its calibration is fitted on them.
    """
    first = max(min_accepted_rows(risk, level), round(FIRST_SHARE * rows))
    ranks = np.unique(np.linspace(first, rows, STEPS).astype(int)) if first <= rows else np.array([], dtype=int)
    passed = 0
    for rank in np.append(ranks[ranks < len(ends)], len(ends)) if first <= len(ends) else ():
        count = int(ends[rank - 1])
        if at_most(int(wrong[count - 1]), count, risk) > 1.0 - level:  # so is the bound above the risk
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

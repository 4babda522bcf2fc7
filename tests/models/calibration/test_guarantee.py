"""The guarantee of a threshold: the bound is exact, and it holds with the stated confidence."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

pytest.importorskip("scipy", reason="needs the [train] extra")

from scipy.stats import binom, binomtest
from triage_models.calibration.binomial import min_accepted_rows, upper_bound
from triage_models.calibration.guarantee import COSTLY_ROWS, MIN_THRESHOLD, choose_threshold

EVERYTHING = 1.0
WORST = 0.6


@pytest.mark.parametrize(("errors", "fewest"), [(0, 59), (1, 93), (2, 124)])
def test_the_bound_of_five_per_cent_needs_this_many_rows(errors: int, fewest: int) -> None:
    assert upper_bound(errors, fewest, 0.95) <= 0.05 < upper_bound(errors, fewest - 1, 0.95)


@given(st.integers(1, 400), st.data(), st.floats(0.5, 0.999))
def test_the_bound_is_that_of_clopper_and_pearson(accepted: int, data: st.DataObject, level: float) -> None:
    errors = data.draw(st.integers(0, accepted - 1))
    bound = upper_bound(errors, accepted, level)
    exact = binomtest(errors, accepted, alternative="less").proportion_ci(level, method="exact").high
    assert bound == pytest.approx(exact, abs=1e-9)
    assert binom.cdf(errors, accepted, bound) == pytest.approx(1 - level, abs=1e-6)  # what the bound means


def test_without_errors_the_bound_has_a_closed_form() -> None:
    assert upper_bound(0, 100, 0.95) == pytest.approx(1 - 0.05 ** (1 / 100))


def test_without_accepted_or_correct_rows_the_bound_is_one() -> None:
    assert upper_bound(0, 0, 0.95) == EVERYTHING
    assert upper_bound(7, 7, 0.95) == EVERYTHING


def rows(random: np.random.Generator, count: int) -> tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_]]:
    """Draw confidence, correct and in scope: errors are rarer at high confidence, and half of them are out of scope."""
    rank = random.random(count)
    correct = random.random(count) >= WORST * (1 - rank) ** 4
    return MIN_THRESHOLD + (1 - MIN_THRESHOLD) * rank, correct, correct | (random.random(count) < 0.5)


def true_risk(threshold: float) -> float:
    """Return the true error rate of `rows` above a threshold: the mean of ``WORST (1 - rank)^4`` for ranks above it."""
    return WORST * ((1 - threshold) / (1 - MIN_THRESHOLD)) ** 4 / 5


def test_the_guarantee_holds_in_nineteen_draws_of_twenty() -> None:
    draws, level = 200, 0.95
    broken = certified = 0
    for seed in range(draws):
        confidence, correct, in_scope = rows(np.random.default_rng(seed), 800)
        threshold, guarantee = choose_threshold(confidence, correct, in_scope, risk=0.05, level=level)
        certified += guarantee.certified
        broken += guarantee.certified and true_risk(threshold) > 0.05
    assert certified > 0.9 * draws
    # in 5 % of draws it may fail; by chance, more than this many fail in one run of ten thousand only
    assert broken <= binom.ppf(0.9999, draws, 1 - level)


Drawn = tuple[NDArray[np.float64], NDArray[np.bool_], Callable[[float], float]]


def borderline(random: np.random.Generator, count: int) -> Drawn:
    """The hardest case: at every threshold, slightly too many accepted rows are wrong."""
    return random.random(count), random.random(count) >= 0.051, lambda threshold: 0.051


def tied(random: np.random.Generator, count: int) -> Drawn:
    """Confidence in steps of 0.1: 4 % of the upper fifth is wrong, and 14 % of the rest."""
    confidence = np.ceil(random.random(count) * 10) / 10
    correct = random.random(count) >= np.where(confidence > 0.8, 0.04, 0.14)

    def risk(threshold: float) -> float:
        upper, lower = min(0.2, 1.1 - threshold), max(0.0, 0.9 - threshold)
        return (0.04 * upper + 0.14 * lower) / (upper + lower)

    return confidence, correct, risk


def all_tied(random: np.random.Generator, count: int) -> Drawn:
    """Equal confidence for all rows, and slightly too many are wrong."""
    return np.full(count, 0.7), random.random(count) >= 0.051, lambda threshold: 0.051


def steep(random: np.random.Generator, count: int) -> Drawn:
    """No error among the most confident tenth, then a half: testing must stop at that edge."""
    confidence = random.random(count)
    correct = (confidence > 0.9) | (random.random(count) < 0.5)
    return confidence, correct, lambda at: 0.0 if at > 0.9 else (0.9 - at) * 0.5 / (1 - at)


@pytest.mark.parametrize("draw", [borderline, tied, all_tied, steep])
@pytest.mark.parametrize("count", [60, 200, 700])
def test_the_guarantee_holds_on_few_rows_on_ties_and_in_borderline_cases(
    draw: Callable[[np.random.Generator, int], Drawn], count: int
) -> None:
    draws = 400
    broken = 0
    for seed in range(draws):
        confidence, correct, risk = draw(np.random.default_rng([count, seed]), count)
        threshold, guarantee = choose_threshold(confidence, correct, np.ones(count, dtype=bool), risk=0.05)
        assert guarantee.accepted_rows == (confidence >= threshold).sum()
        broken += guarantee.certified and risk(threshold) > 0.05
    assert broken <= binom.ppf(0.9999, draws, 0.05)


def test_rows_of_one_confidence_are_accepted_together_and_all_of_them_are_counted() -> None:
    """The first 80 rows are correct; the next 40 have equal confidence, begin with correct rows, and half are wrong."""
    confidence = np.concatenate([np.linspace(1, 0.9, 80), np.full(40, 0.7)])
    correct = np.concatenate([np.ones(100, dtype=bool), np.zeros(20, dtype=bool)])
    threshold, guarantee = choose_threshold(confidence, correct, np.ones(120, dtype=bool), risk=0.05)
    assert guarantee.certified
    assert threshold == pytest.approx(0.9)
    assert (guarantee.accepted_rows, guarantee.errors) == (80, 0)


@pytest.mark.parametrize(("risk", "level", "fewest"), [(0.05, 0.95, 59), (0.1, 0.95, 29), (0.05, 0.99, 90)])
def test_the_minimum_number_of_rows_without_an_error_is_enough(risk: float, level: float, fewest: int) -> None:
    assert min_accepted_rows(risk, level) == fewest
    for rows, certified in ((fewest - 1, False), (fewest, True), (fewest + 1, True)):
        every = np.ones(rows, dtype=bool)
        assert (
            choose_threshold(np.linspace(1, MIN_THRESHOLD, rows), every, every, risk=risk, level=level)[1].certified
            == certified
        )


def test_more_rows_give_more_coverage_at_the_same_guarantee() -> None:
    coverages = []
    for count in (400, 1500, 6000):
        confidence, correct, in_scope = rows(np.random.default_rng(1), count)
        coverages.append(choose_threshold(confidence, correct, in_scope, risk=0.05)[1].coverage)
    assert coverages == sorted(coverages)
    assert coverages[0] < coverages[-1]


def test_the_guarantee_describes_what_its_threshold_accepts() -> None:
    confidence, correct, in_scope = rows(np.random.default_rng(2), 800)
    threshold, guarantee = choose_threshold(confidence, correct, in_scope, risk=0.05)
    accepted = confidence >= threshold
    assert guarantee.certified
    assert guarantee.calibration_rows == 800
    assert guarantee.accepted_rows == accepted.sum()
    assert guarantee.errors == (accepted & ~correct).sum()
    assert guarantee.coverage == pytest.approx(in_scope[accepted].sum() / in_scope.sum())
    assert guarantee.upper_bound == upper_bound(guarantee.errors, guarantee.accepted_rows, 0.95) <= 0.05


def test_too_few_rows_or_too_many_errors_are_not_certified() -> None:
    few = np.linspace(1, MIN_THRESHOLD, 40)
    wrong = np.random.default_rng(3).random(500)
    all_right, all_in = np.ones(40, dtype=bool), np.ones(40, dtype=bool)
    threshold, guarantee = choose_threshold(few, all_right, all_in, risk=0.05)
    assert not guarantee.certified
    assert threshold == few.min()  # every row is correct, so no row should be refused
    assert guarantee.upper_bound > 0.05
    half = np.arange(500) % 2 == 0
    assert not choose_threshold(wrong, half, np.ones(500, dtype=bool), risk=0.05)[1].certified


def test_without_any_correct_row_nothing_is_certified() -> None:
    """No threshold passes, and none covers anything: it must not fall to the least confident row."""
    confidence, nothing = np.linspace(0.9, 0.1, 200), np.zeros(200, dtype=bool)
    threshold, guarantee = choose_threshold(confidence, nothing, nothing, risk=0.05)
    assert (threshold, guarantee.certified, guarantee.accepted_rows) == (0.9, False, 1)


def test_a_guarantee_that_costs_two_fifths_of_the_coverage_is_not_used() -> None:
    confidence = np.linspace(1, MIN_THRESHOLD, 1000)
    all_in = np.ones(1000, dtype=bool)
    for first_wrong, certified in ((300, False), (850, True)):
        correct = np.ones(1000, dtype=bool)
        correct[first_wrong : first_wrong + 60] = (
            False  # testing ends here, although the following rows are correct again
        )
        threshold, guarantee = choose_threshold(confidence, correct, all_in, risk=0.05)
        assert guarantee.certified == certified
        assert (guarantee.coverage == 1.0) == (not certified)
        assert threshold == (
            confidence[-1] if not certified else pytest.approx(1 - 0.86 * (1 - MIN_THRESHOLD), abs=0.01)
        )


def test_testing_ends_at_the_first_threshold_that_fails_even_if_a_later_one_would_pass() -> None:
    """On many rows this costs any coverage; on one row fewer, the guarantee is not used instead."""
    for rows_, certified in ((COSTLY_ROWS, True), (COSTLY_ROWS - 1, False)):
        correct = np.ones(rows_, dtype=bool)
        correct[320:360] = False  # less than 3 % of all rows
        threshold, guarantee = choose_threshold(
            np.linspace(1, MIN_THRESHOLD, rows_), correct, np.ones(rows_, dtype=bool), risk=0.05
        )
        assert guarantee.certified == certified
        assert 300 <= guarantee.accepted_rows < 360 if certified else guarantee.accepted_rows == rows_
        assert (threshold > 0.8) == certified


def test_an_uncertified_threshold_maximizes_correct_decisions() -> None:
    confidence = np.array([0.9, 0.85, 0.8, 0.7, 0.65, 0.62])
    correct = np.array([True, True, True, False, False, False])
    in_scope = np.array([True, True, True, False, False, True])
    threshold, guarantee = choose_threshold(confidence, correct, in_scope, risk=0.05)
    assert (threshold, guarantee.certified, guarantee.errors, guarantee.coverage) == (0.8, False, 0, 0.75)


@pytest.mark.parametrize("count", [20, 2000])
def test_no_threshold_is_below_the_minimum(count: int) -> None:
    """Certified or not: every row is correct here, so accepting all of them would pass any test."""
    every = np.ones(count, dtype=bool)
    threshold, guarantee = choose_threshold(np.linspace(1, 0, count), every, every, risk=0.05)
    assert MIN_THRESHOLD <= threshold < MIN_THRESHOLD + 0.05
    assert guarantee.accepted_rows == (np.linspace(1, 0, count) >= threshold).sum()
    threshold, guarantee = choose_threshold(np.full(count, MIN_THRESHOLD / 2), every, every, risk=0.05)
    assert (threshold, guarantee.certified, guarantee.accepted_rows, guarantee.upper_bound) == (
        MIN_THRESHOLD,
        False,
        0,
        1.0,
    )

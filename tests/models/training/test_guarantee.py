"""The threshold's promise: its bound is the exact one, and it holds as often as it says."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

pytest.importorskip("torch", reason="needs the [train] extra")

from scipy.stats import binom, binomtest
from triage_models.training.guarantee import (
    MANY_ROWS,
    MIN_THRESHOLD,
    choose_threshold,
    min_accepted_rows,
    upper_bound,
)

EVERYTHING = 1.0
WORST = 0.6


@pytest.mark.parametrize(("errors", "fewest"), [(0, 59), (1, 93), (2, 124)])
def test_so_many_rows_are_needed_to_promise_five_per_cent(errors: int, fewest: int) -> None:
    assert upper_bound(errors, fewest, 0.95) <= 0.05 < upper_bound(errors, fewest - 1, 0.95)


@given(st.integers(1, 400), st.data(), st.floats(0.5, 0.999))
def test_the_bound_is_clopper_pearsons(accepted: int, data: st.DataObject, level: float) -> None:
    errors = data.draw(st.integers(0, accepted - 1))
    bound = upper_bound(errors, accepted, level)
    exact = binomtest(errors, accepted, alternative="less").proportion_ci(level, method="exact").high
    assert bound == pytest.approx(exact, abs=1e-9)
    assert binom.cdf(errors, accepted, bound) == pytest.approx(1 - level, abs=1e-6)  # what the bound means


def test_without_errors_the_bound_has_a_closed_form() -> None:
    assert upper_bound(0, 100, 0.95) == pytest.approx(1 - 0.05 ** (1 / 100))


def test_nothing_accepted_or_nothing_right_bounds_nothing() -> None:
    assert upper_bound(0, 0, 0.95) == EVERYTHING
    assert upper_bound(7, 7, 0.95) == EVERYTHING


def rows(random: np.random.Generator, count: int) -> tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_]]:
    """Confidence, right, in scope: of the wrong, who are fewer the higher the confidence, half are out of scope."""
    rank = random.random(count)
    right = random.random(count) >= WORST * (1 - rank) ** 4
    return MIN_THRESHOLD + (1 - MIN_THRESHOLD) * rank, right, right | (random.random(count) < 0.5)


def true_risk(threshold: float) -> float:
    """Error rate of what `rows` accepts at a threshold: the mean of ``WORST (1 - rank)^4`` for ranks above it."""
    return WORST * ((1 - threshold) / (1 - MIN_THRESHOLD)) ** 4 / 5


def test_the_promise_is_kept_in_nineteen_draws_of_twenty() -> None:
    draws, level = 200, 0.95
    broken = certified = 0
    for seed in range(draws):
        confidence, right, in_scope = rows(np.random.default_rng(seed), 800)
        threshold, guarantee = choose_threshold(confidence, right, in_scope, risk=0.05, level=level)
        certified += guarantee.certified
        broken += guarantee.certified and true_risk(threshold) > 0.05
    assert certified > 0.9 * draws
    # 5 % of draws may break it; so many that only one run in ten thousand would show more by chance
    assert broken <= binom.ppf(0.9999, draws, 1 - level)


Drawn = tuple[NDArray[np.float64], NDArray[np.bool_], Callable[[float], float]]


def borderline(random: np.random.Generator, count: int) -> Drawn:
    """The hardest case: whatever the threshold, a little too much of what it accepts is wrong."""
    return random.random(count), random.random(count) >= 0.051, lambda threshold: 0.051


def tied(random: np.random.Generator, count: int) -> Drawn:
    """Confidence in steps of a tenth: 4 % of the upper fifth is wrong, 14 % of the rest."""
    confidence = np.ceil(random.random(count) * 10) / 10
    right = random.random(count) >= np.where(confidence > 0.8, 0.04, 0.14)

    def risk(threshold: float) -> float:
        upper, lower = min(0.2, 1.1 - threshold), max(0.0, 0.9 - threshold)
        return (0.04 * upper + 0.14 * lower) / (upper + lower)

    return confidence, right, risk


def all_tied(random: np.random.Generator, count: int) -> Drawn:
    """One confidence for all, and a little too much is wrong."""
    return np.full(count, 0.7), random.random(count) >= 0.051, lambda threshold: 0.051


def steep(random: np.random.Generator, count: int) -> Drawn:
    """Nothing wrong among the surest tenth, then half: the walk must not run past the edge."""
    confidence = random.random(count)
    right = (confidence > 0.9) | (random.random(count) < 0.5)
    return confidence, right, lambda at: 0.0 if at > 0.9 else (0.9 - at) * 0.5 / (1 - at)


@pytest.mark.parametrize("draw", [borderline, tied, all_tied, steep])
@pytest.mark.parametrize("count", [60, 200, 700])
def test_the_promise_is_kept_on_few_rows_on_ties_and_on_the_border(
    draw: Callable[[np.random.Generator, int], Drawn], count: int
) -> None:
    draws = 400
    broken = 0
    for seed in range(draws):
        confidence, right, risk = draw(np.random.default_rng([count, seed]), count)
        threshold, told = choose_threshold(confidence, right, np.ones(count, dtype=bool), risk=0.05)
        assert told.accepted_rows == (confidence >= threshold).sum()
        broken += told.certified and risk(threshold) > 0.05
    assert broken <= binom.ppf(0.9999, draws, 0.05)


def test_rows_of_one_confidence_are_accepted_together_and_all_of_them_are_counted() -> None:
    """The surest 80 rows are right; the next 40, all of one confidence, begin with right ones and are half wrong."""
    confidence = np.concatenate([np.linspace(1, 0.9, 80), np.full(40, 0.7)])
    right = np.concatenate([np.ones(100, dtype=bool), np.zeros(20, dtype=bool)])
    threshold, told = choose_threshold(confidence, right, np.ones(120, dtype=bool), risk=0.05)
    assert told.certified
    assert threshold == pytest.approx(0.9)
    assert (told.accepted_rows, told.errors) == (80, 0)


@pytest.mark.parametrize(("risk", "level", "fewest"), [(0.05, 0.95, 59), (0.1, 0.95, 29), (0.05, 0.99, 90)])
def test_as_many_rows_as_the_bound_needs_without_an_error_are_enough(risk: float, level: float, fewest: int) -> None:
    assert min_accepted_rows(risk, level) == fewest
    for rows, certified in ((fewest - 1, False), (fewest, True), (fewest + 1, True)):
        every = np.ones(rows, dtype=bool)
        assert (
            choose_threshold(np.linspace(1, MIN_THRESHOLD, rows), every, every, risk=risk, level=level)[1].certified
            == certified
        )


def test_more_rows_buy_more_coverage_at_the_same_promise() -> None:
    coverages = []
    for count in (400, 1500, 6000):
        confidence, right, in_scope = rows(np.random.default_rng(1), count)
        coverages.append(choose_threshold(confidence, right, in_scope, risk=0.05)[1].coverage)
    assert coverages == sorted(coverages)
    assert coverages[0] < coverages[-1]


def test_what_the_guarantee_tells_is_what_its_threshold_accepts() -> None:
    confidence, right, in_scope = rows(np.random.default_rng(2), 800)
    threshold, told = choose_threshold(confidence, right, in_scope, risk=0.05)
    accepted = confidence >= threshold
    assert told.certified
    assert told.calibration_rows == 800
    assert told.accepted_rows == accepted.sum()
    assert told.errors == (accepted & ~right).sum()
    assert told.coverage == pytest.approx(in_scope[accepted].sum() / in_scope.sum())
    assert told.upper_bound == upper_bound(told.errors, told.accepted_rows, 0.95) <= 0.05


def test_too_few_or_too_wrong_rows_are_not_certified_and_say_so() -> None:
    few = np.linspace(1, MIN_THRESHOLD, 40)
    wrong = np.random.default_rng(3).random(500)
    all_right, all_in = np.ones(40, dtype=bool), np.ones(40, dtype=bool)
    threshold, told = choose_threshold(few, all_right, all_in, risk=0.05)
    assert not told.certified
    assert threshold == few.min()  # every row is right: refusing any would cost
    assert told.upper_bound > 0.05
    half = np.arange(500) % 2 == 0
    assert not choose_threshold(wrong, half, np.ones(500, dtype=bool), risk=0.05)[1].certified


def test_where_the_surest_row_is_foreign_and_nothing_is_right_nothing_is_certified() -> None:
    """No count passes then, and none covers anything: the threshold must not fall to the least confident row."""
    confidence, nothing = np.linspace(0.9, 0.1, 200), np.zeros(200, dtype=bool)
    threshold, told = choose_threshold(confidence, nothing, nothing, risk=0.05)
    assert (threshold, told.certified, told.accepted_rows) == (0.9, False, 1)


def test_a_guarantee_that_costs_two_fifths_of_the_coverage_is_not_taken() -> None:
    confidence = np.linspace(1, MIN_THRESHOLD, 1000)
    all_in = np.ones(1000, dtype=bool)
    for first_wrong, certified in ((300, False), (850, True)):
        right = np.ones(1000, dtype=bool)
        right[first_wrong : first_wrong + 60] = False  # the walk ends here, what comes after is right again
        threshold, told = choose_threshold(confidence, right, all_in, risk=0.05)
        assert told.certified == certified
        assert (told.coverage == 1.0) == (not certified)
        assert threshold == (
            confidence[-1] if not certified else pytest.approx(1 - 0.86 * (1 - MIN_THRESHOLD), abs=0.01)
        )


def test_the_walk_ends_at_the_first_threshold_that_fails_though_a_later_one_would_pass() -> None:
    """On many rows, and at any price: on one row fewer than are many it is too dear."""
    for rows_, certified in ((MANY_ROWS, True), (MANY_ROWS - 1, False)):
        right = np.ones(rows_, dtype=bool)
        right[320:360] = False  # of all rows, that is less than 3 %
        threshold, told = choose_threshold(
            np.linspace(1, MIN_THRESHOLD, rows_), right, np.ones(rows_, dtype=bool), risk=0.05
        )
        assert told.certified == certified
        assert 300 <= told.accepted_rows < 360 if certified else told.accepted_rows == rows_
        assert (threshold > 0.8) == certified


def test_uncertified_the_threshold_gets_most_rows_right() -> None:
    confidence = np.array([0.9, 0.85, 0.8, 0.7, 0.65, 0.62])
    right = np.array([True, True, True, False, False, False])
    in_scope = np.array([True, True, True, False, False, True])
    threshold, told = choose_threshold(confidence, right, in_scope, risk=0.05)
    assert (threshold, told.certified, told.errors, told.coverage) == (0.8, False, 0, 0.75)


@pytest.mark.parametrize("count", [20, 2000])
def test_no_threshold_is_so_low_that_wrong_events_are_waved_through(count: int) -> None:
    """Certified or not: here every row is right, and accepting all of them would pass any test."""
    every = np.ones(count, dtype=bool)
    threshold, told = choose_threshold(np.linspace(1, 0, count), every, every, risk=0.05)
    assert MIN_THRESHOLD <= threshold < MIN_THRESHOLD + 0.05
    assert told.accepted_rows == (np.linspace(1, 0, count) >= threshold).sum()
    threshold, told = choose_threshold(np.full(count, MIN_THRESHOLD / 2), every, every, risk=0.05)
    assert (threshold, told.certified, told.accepted_rows, told.upper_bound) == (MIN_THRESHOLD, False, 0, 1.0)

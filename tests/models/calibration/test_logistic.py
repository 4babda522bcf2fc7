"""The regression finds the same minimum as scipy, and copes with what has none."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from triage_models.calibration.logistic import fit_logistic

Drawn = tuple[NDArray[np.float64], NDArray[np.bool_]]


def drawn(seed: int, rows: int, features: int = 3) -> Drawn:
    random = np.random.default_rng(seed)
    inputs = random.normal(size=(rows, features))
    score = inputs @ random.normal(size=features) + random.normal()
    return inputs, random.random(rows) < 1 / (1 + np.exp(-score))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(5, 200), st.floats(0.1, 200))
def test_the_minimum_is_that_of_scipy(seed: int, rows: int, strength: float) -> None:
    optimize = pytest.importorskip("scipy.optimize", reason="needs the [train] extra")
    inputs, correct = drawn(seed, rows)
    prior, ridge = np.array([0.5, 0.0, 0.7, 0.2]), np.full(4, strength)
    sign, design = np.where(correct, 1.0, -1.0), np.column_stack([inputs, np.ones(rows)])

    def loss(at: NDArray[np.float64]) -> float:
        return float(np.logaddexp(0, -sign * (design @ at)).sum() + (ridge * (at - prior) ** 2).sum() / 2)

    found = fit_logistic(inputs, correct, prior, ridge)
    best = optimize.minimize(loss, prior, bounds=[(0, None)] * 3 + [(None, None)], method="L-BFGS-B")
    assert (found[:-1] >= 0).all()
    assert loss(found) <= best.fun + 1e-6
    assert found == pytest.approx(best.x, abs=2e-3)


@pytest.mark.parametrize("correct", [True, False])
def test_rows_that_are_all_correct_or_all_wrong_give_finite_numbers(correct: bool) -> None:
    inputs, _ = drawn(1, 30)
    strength = np.array([100.0, 100.0, 100.0, 0.0])
    found = fit_logistic(inputs, np.full(30, correct), np.array([0.5, 0.0, 0.5, 0.0]), strength)
    assert np.isfinite(found).all()
    assert (found[-1] > 3) == correct


def test_a_strong_prior_is_kept() -> None:
    inputs, correct = drawn(2, 10)
    prior = np.array([0.5, 0.0, 0.7, 0.2])
    assert fit_logistic(inputs, correct, prior, np.full(4, 1e6)) == pytest.approx(prior, abs=1e-4)

"""A logistic regression without negative weights and with a prior, by Newton's method within bounds.

scipy has this as L-BFGS-B. Here it takes numpy only, since bundles are calibrated where only serving is installed.
There are at most six parameters, so each step solves a small linear system, and a handful of steps suffice.
"""

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]

STEPS = 100
TOLERANCE = 1e-7
"""Of the gradient per row: smaller, and the parameters no longer change in any digit that matters."""

CURVATURE = 1e-9
"""Added to the diagonal, so that the system can be solved when all rows are correct."""

SMALLEST_SPREAD = 1e-6
"""A feature that varies by less is constant, and carries no information."""


def fit_logistic(
    inputs: Vector, correct: NDArray[np.bool_], prior: Vector, strength: Vector, start: float = 0.1
) -> Vector:
    """Return the weights, none negative, and the intercept: ``[F + 1]``.

    Args:
        inputs: ``[N, F]``
        correct: ``[N]`` what to predict.
        prior: ``[F + 1]`` what the weights and the intercept are without any row.
        strength: ``[F + 1]`` the weight of the prior of each, as the curvature of its squared distance, in rows.
        start: the intercept to begin with where the prior says nothing about it.
    """
    rows = len(correct)
    design = np.column_stack([inputs, np.ones(rows)])
    sign, ridge = np.where(correct, 1.0, -1.0), strength / rows
    found = prior.astype(np.float64).copy()
    found[-1] = found[-1] if strength[-1] > 0 else start
    loss = _loss(found, design, sign, prior, ridge)
    for _ in range(STEPS):
        margin = sign * (design @ found)
        wrong = _expit(-margin)
        gradient = -design.T @ (sign * wrong) / rows + ridge * (found - prior)
        bounded = (found <= 0.0) & (gradient > 0.0)
        bounded[-1] = False
        free = ~bounded
        if np.abs(gradient[free]).max(initial=0.0) < TOLERANCE:
            break
        curvature = (design * (wrong * (1.0 - wrong))[:, None]).T @ design / rows + np.diag(ridge + CURVATURE)
        step = np.zeros_like(found)
        step[free] = np.linalg.solve(curvature[np.ix_(free, free)], gradient[free])
        found, loss, moved = _search(found, step, loss, (design, sign, prior, ridge))
        if not moved:
            break
    return found


def moments(features: Vector) -> tuple[Vector, Vector]:
    """Return mean and spread of each feature ``[N, F]``; a constant one has the spread `SMALLEST_SPREAD`."""
    return features.mean(axis=0), features.std(axis=0).clip(min=SMALLEST_SPREAD)


def fit_weights(
    features: Vector, correct: NDArray[np.bool_], prior: Vector, strength: Vector
) -> tuple[tuple[float, ...], float]:
    """Fit weights, none negative, and the intercept, in the units of the features ``[N, F]``.

    Args:
        features: ``[N, F]``
        correct: ``[N]`` what to predict.
        prior: ``[F + 1]`` as in `fit_logistic`, for features of mean 0 and variance 1 (see `moments`).
        strength: ``[F + 1]`` as in `fit_logistic`.
    """
    mean, spread = moments(features)
    found = fit_logistic((features - mean) / spread, correct, prior, strength)
    weights = found[:-1] / spread
    return tuple(float(weight) for weight in weights), float(found[-1] - weights @ mean)


def _search(
    found: Vector, step: Vector, loss: float, problem: tuple[Vector, Vector, Vector, Vector]
) -> tuple[Vector, float, bool]:
    """Go along a step as far as the loss falls, with negative weights set to zero."""
    scale = 1.0
    while scale > 1e-10:
        tried = found - scale * step
        tried[:-1] = np.maximum(tried[:-1], 0.0)
        lower = _loss(tried, *problem)
        if lower < loss:
            return tried, lower, True
        scale /= 2
    return found, loss, False


def _loss(parameters: Vector, design: Vector, sign: Vector, prior: Vector, ridge: Vector) -> float:
    fit = np.logaddexp(0.0, -sign * (design @ parameters)).mean()
    return float(fit + (ridge * (parameters - prior) ** 2).sum() / 2)


def _expit(value: Vector) -> Vector:
    return 1.0 / (1.0 + np.exp(-np.clip(value, -500.0, 500.0)))

"""Corrects the calibration of a bundle to rows of another source, such as a shop's own messages.

With few rows, two numbers are fitted: how far the bundle's confidence is stretched and shifted. The order of the
messages stays the bundle's own, so a threshold that is tested on the same rows keeps its exact guarantee. With many
rows, the regression is fitted anew, starting from the bundle's weights, and each row's confidence is computed without
the row. The temperature stays: the regression makes up for it.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from triage_models.bundle.manifest import FEATURES, Calibration
from triage_models.calibration.calibration_data import CalibrationData
from triage_models.calibration.folds import cross_fitted
from triage_models.calibration.logistic import fit_weights, moments
from triage_models.serving.decision import confidence_features, confidences, softmax

REFIT_ROWS = 500
"""From so many rows on, the weights are fitted, and not only a stretch and a shift."""

SHIFT_ROWS, STRETCH_ROWS, WEIGHT_ROWS = 10.0, 10.0, 30.0
"""The bundle's own calibration weighs as much as so many rows (docs/calibrate.md has what was measured)."""

SMALLEST_STRETCH = 0.1
"""Stretched by 0, all messages would be equally confident."""

Floats = NDArray[np.float64]


class Correction(NamedTuple):
    """A corrected calibration, and what it says of the N rows that it was fitted on.

    Attributes:
        calibration: the corrected calibration.
        confidence: ``[N]`` of each row; from `REFIT_ROWS` rows on, by a calibration that was fitted without the row.
        expected: ``[N]`` what was known of each row before its label: by the bundle itself, and from `REFIT_ROWS` rows
            on by a calibration that was fitted without the row.
        own_threshold: the bundle's own threshold, in terms of ``confidence``.
    """

    calibration: Calibration
    confidence: Floats
    expected: Floats
    own_threshold: float


def correct_calibration(
    data: CalibrationData, labels: int, calibration: Calibration, threshold: float, *, seed: int
) -> Correction:
    """Correct a bundle's calibration.

    Args:
        data: N rows, at least 1.
        labels: how many of the C classes are labels.
        calibration: the bundle's own.
        threshold: the bundle's own.
        seed: seed of the folds.
    """
    features = confidence_features(softmax(data.logits, calibration.temperature), data.similarity, labels)
    own, correct = confidences(features, calibration).astype(np.float64), data.correct(labels)
    if len(data) >= REFIT_ROWS:

        def predict(outside: NDArray[np.bool_], inside: NDArray[np.bool_]) -> NDArray[np.float32]:
            refitted = _refit(features[outside].astype(np.float64), correct[outside], calibration)
            return confidences(features[inside], refitted)

        fitted = _refit(features.astype(np.float64), correct, calibration)
        confidence = cross_fitted(len(data), predict, seed=seed)
        expected = confidence
        as_strict = -np.sort(-confidence)[max(1, int((own >= threshold).sum())) - 1]
    else:
        stretch, shift = _fit_stretch(_scores(features, calibration), correct)
        fitted = calibration.model_copy(
            update={
                "weights": tuple(stretch * weight for weight in calibration.weights),
                "intercept": stretch * calibration.intercept + shift,
            }
        )
        confidence = confidences(features, fitted).astype(np.float64)
        expected = own
        as_strict = _probability(stretch * _log_odds(threshold) + shift)
    described = fitted.model_copy(update={"fitted_on": data.source, "rows": len(data)})
    return Correction(described, confidence, expected, float(as_strict))


def _fit_stretch(scores: Floats, correct: NDArray[np.bool_]) -> tuple[float, float]:
    """Return by what to multiply the log odds ``[N]`` and what to add, both drawn towards no change."""
    mean, spread = moments(scores[:, None])
    prior, strength = np.append(spread, mean), np.array([STRETCH_ROWS, SHIFT_ROWS])
    (fitted,), shift = fit_weights(scores[:, None], correct, prior, strength)
    stretch = max(fitted, SMALLEST_STRETCH)
    return stretch, shift + (fitted - stretch) * float(mean[0])


def _refit(features: Floats, correct: NDArray[np.bool_], calibration: Calibration) -> Calibration:
    """Fit weights and intercept, drawn towards those of the bundle."""
    mean, spread = moments(features)
    own = np.asarray(calibration.weights)
    prior = np.append(own * spread, own @ mean + calibration.intercept)
    strength = np.append(np.full(len(FEATURES), WEIGHT_ROWS), SHIFT_ROWS)
    weights, intercept = fit_weights(features, correct, prior, strength)
    return calibration.model_copy(update={"weights": weights, "intercept": intercept})


def _scores(features: NDArray[np.float32], calibration: Calibration) -> Floats:
    scores: Floats = features.astype(np.float64) @ np.asarray(calibration.weights) + calibration.intercept
    return scores


def _log_odds(probability: float) -> float:
    bounded = min(max(probability, 1e-9), 1.0 - 1e-9)
    return float(np.log(bounded / (1.0 - bounded)))


def _probability(log_odds: float) -> float:
    return float(1.0 / (1.0 + np.exp(-np.clip(log_odds, -30.0, 30.0))))

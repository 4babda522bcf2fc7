"""Fits the calibration: a temperature, then a logistic regression that predicts whether an answer is correct."""

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize, minimize_scalar

from triage_models.bundle.manifest import FEATURES, Calibration, Thresholds
from triage_models.serving.decision import Floats, confidence_features, confidences, softmax
from triage_models.training.calibration_data import CalibrationData
from triage_models.training.guarantee import choose_threshold

FAMILIARITY_QUANTILE = 0.002
"""Share of correctly answered calibration rows that the familiarity threshold may refuse."""

FOLDS = 5

PRIOR = (0.5, 0.0, 0.5, 0.7, 0.0)
"""Prior weights of the regression, for features of unit variance; a few rows move them only a little.

A small bot is calibrated on rows by the authors of its training examples. Among those, the margin between two labels
says more than it does for customers' messages. How confident the network is, how sure it is that the message is in
scope, and how familiar the message is mean much the same for every bot that was tried (docs/evaluation.md).
"""
PRIOR_ROWS = 100.0
"""The prior weighs as much as so many rows."""


def calibrate(data: CalibrationData, labels: int, *, risk: float, seed: int) -> tuple[Calibration, Thresholds]:
    """Fit the calibration and choose the thresholds.

    Args:
        data: N rows that the model was not trained on.
        labels: how many of the C classes are labels.
        risk: the error rate that the guarantee allows, 0 to 1.
        seed: seed of the folds.
    """
    calibration = fit_calibration(data, labels)
    confidence = _cross_fitted_confidence(data, labels, seed)
    correct, in_scope = _correct(data, labels), data.is_in_scope(labels)
    familiarity = data.similarity[:, :labels].max(axis=1)
    floor = float(np.quantile(familiarity[correct], FAMILIARITY_QUANTILE)) if correct.any() else -1.0
    out_of_scope = data.logits.argmax(axis=1) >= labels
    eligible = np.where((familiarity >= floor) & ~out_of_scope, confidence, 0.0)
    threshold, guarantee = choose_threshold(eligible, correct & ~out_of_scope, in_scope, risk=risk)
    threshold = min(max(threshold, 1e-6), 1.0)
    return calibration, Thresholds(confidence=threshold, familiarity=floor, guarantee=guarantee)


def fit_calibration(data: CalibrationData, labels: int) -> Calibration:
    """Fit the temperature by likelihood, then a logistic regression without negative weights.

    With a negative weight, a message could lose confidence for being more familiar. Excluding that costs nothing
    measurable and stabilizes the fit on few rows.

    Args:
        data: N rows that the model was not trained on.
        labels: how many of the C classes are labels.
    """
    temperature = _fit_temperature(data)
    features = _features(data, temperature, labels)
    weights, intercept = _fit_logistic(features.astype(np.float64), _correct(data, labels))
    return Calibration(
        temperature=temperature,
        weights=tuple(weights),
        intercept=intercept,
        fitted_on=data.source,
        rows=len(data),
    )


def _cross_fitted_confidence(data: CalibrationData, labels: int, seed: int) -> NDArray[np.float64]:
    """Return the confidence of each row ``[N]`` by a calibration that was fitted without it."""
    fold = np.random.default_rng(seed).permutation(len(data)) % FOLDS
    result = np.empty(len(data))
    for number in range(FOLDS):
        inside = fold == number
        part = data.take(inside)
        calibration = fit_calibration(data.take(~inside), labels)
        result[inside] = confidences(_features(part, calibration.temperature, labels), calibration)
    return result


def _features(data: CalibrationData, temperature: float, labels: int) -> Floats:
    return confidence_features(softmax(data.logits, temperature), data.similarity, labels)


def _correct(data: CalibrationData, labels: int) -> NDArray[np.bool_]:
    """Whether the most likely label is correct ``[N]``; false for every out-of-scope row."""
    hit: NDArray[np.bool_] = data.logits[:, :labels].argmax(axis=1) == data.classes
    return hit & data.is_in_scope(labels)


def _fit_temperature(data: CalibrationData) -> float:
    known = data.classes >= 0
    logits, classes = data.logits[known].astype(np.float64), data.classes[known]
    rows = np.arange(len(classes))

    def negative_log_likelihood(log_temperature: float) -> float:
        scaled = logits / np.exp(log_temperature)
        scaled -= scaled.max(axis=1, keepdims=True)
        return float((np.log(np.exp(scaled).sum(axis=1)) - scaled[rows, classes]).mean())

    return float(np.exp(minimize_scalar(negative_log_likelihood, bounds=(-2.5, 2.5), method="bounded").x))


def _fit_logistic(features: NDArray[np.float64], correct: NDArray[np.bool_]) -> tuple[list[float], float]:
    """Return weights, none negative, and intercept in the units of the features ``[N, F]``, regularized to `PRIOR`."""
    mean, spread = features.mean(axis=0), features.std(axis=0)
    scale = spread.clip(min=1e-6)
    inputs, sign = (features - mean) / scale, np.where(correct, 1.0, -1.0)
    prior = np.where(spread > 1e-6, PRIOR, 0.0)  # a constant feature carries no information
    ridge = PRIOR_ROWS / len(sign)

    def loss_and_gradient(parameters: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        margin = sign * (inputs @ parameters[:-1] + parameters[-1])
        slope = -sign / (1.0 + np.exp(margin)) / len(sign)
        moved = parameters[:-1] - prior
        value = np.logaddexp(0.0, -margin).mean() + ridge * (moved**2).sum() / 2
        return float(value), np.append(inputs.T @ slope + ridge * moved, slope.sum())

    bounds = [(0.0, None)] * len(FEATURES) + [(None, None)]
    found = minimize(loss_and_gradient, np.append(prior, 0.1), jac=True, bounds=bounds, method="L-BFGS-B").x
    weights = found[:-1] / scale
    return [float(weight) for weight in weights], float(found[-1] - weights @ mean)

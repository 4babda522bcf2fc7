"""Fits the calibration of a new bundle: a temperature, then a logistic regression of whether an answer is correct."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from triage_models.bundle.accepted_rows import AcceptedRows, RowArrays, summarize
from triage_models.bundle.manifest import Calibration, Guarantee, LanguageCalibration, Suggestion, Thresholds
from triage_models.calibration.by_language import fit_languages, own_thresholds
from triage_models.calibration.calibration_data import CalibrationData
from triage_models.calibration.folds import cross_fitted
from triage_models.calibration.guarantee import choose_threshold, describe
from triage_models.calibration.limits import SUGGEST_RISK
from triage_models.calibration.logistic import SMALLEST_SPREAD, fit_weights, moments
from triage_models.serving.decision import Floats, confidence_features, confidences, softmax

FAMILIARITY_QUANTILE = 0.002
"""Share of correctly answered calibration rows that the familiarity threshold may refuse."""

PRIOR = (0.5, 0.0, 0.5, 0.7, 0.0)
"""Prior weights of the regression, for features of unit variance; a few rows move them only a little.

A small bot is calibrated on rows by the authors of its training examples. Among those, the margin between two labels
says more than it does for customers' messages. How confident the network is, how sure it is that the message is in
scope, and how familiar the message is mean much the same for every bot that was tried (docs/evaluation.md).
"""
PRIOR_ROWS = 100.0
"""The prior weighs as much as so many rows."""

PRECISION = 1e-6
"""To which the logarithm of the temperature is found."""


class Fitted(NamedTuple):
    """What calibration gives a bundle; without rows of its own, there are no accepted ones.

    A bundle that does not name its languages has no thresholds by language.
    """

    calibration: Calibration
    thresholds: Thresholds
    suggestion: Suggestion | None
    accepted: AcceptedRows | None = None
    by_language: dict[str, LanguageCalibration] | None = None


def fit_with_thresholds(
    data: CalibrationData,
    labels: int,
    *,
    risk: float,
    seed: int,
    suggest_risk: float = SUGGEST_RISK,
    languages: Sequence[str | None] = (),
) -> Fitted:
    """Fit the calibration and choose the thresholds.

    Args:
        data: N rows that the model was not trained on.
        labels: how many of the C classes are labels.
        risk: the error rate that the guarantee allows, 0 to 1.
        seed: seed of the folds.
        suggest_risk: the error rate that is allowed down to the threshold of suggestions, 0 to 1.
        languages: ``[N]`` the language of each row, None where it is open, for thresholds by language; empty for none.
    """
    calibration = fit_calibration(data, labels)
    confidence = _cross_fitted_confidence(data, labels, seed)
    correct, in_scope = data.correct(labels), data.is_in_scope(labels)
    familiarity = data.similarity[:, :labels].max(axis=1)
    floor = float(np.quantile(familiarity[correct], FAMILIARITY_QUANTILE)) if correct.any() else -1.0
    out_of_scope = data.logits.argmax(axis=1) >= labels
    eligible = np.where((familiarity >= floor) & ~out_of_scope, confidence, 0.0)
    allowed = correct & ~out_of_scope
    threshold, guarantee = choose_threshold(eligible, allowed, in_scope, risk=risk)
    suggested, of_suggestions = choose_threshold(eligible, allowed, in_scope, risk=suggest_risk)
    threshold = min(max(threshold, 1e-6), 1.0)
    if suggested > threshold:  # what is accepted is suggested, too; nothing was tested down to there
        suggested = threshold
        of_suggestions = describe(eligible >= threshold, allowed, in_scope, risk=suggest_risk, certified=False)
    accepted, by_language = eligible >= threshold, {}
    if languages:
        by_language = fit_languages(languages, eligible, allowed, in_scope, least=threshold, risk=risk)
        accepted = eligible >= own_thresholds(languages, by_language, threshold)
        guarantee = _of_accepted(guarantee, accepted, allowed, in_scope)
    thresholds = Thresholds(confidence=threshold, familiarity=floor, guarantee=guarantee)
    predicted = data.logits[:, :labels].argmax(axis=1)
    rows = RowArrays(confidence[accepted], predicted[accepted], ~correct[accepted])
    suggestion = Suggestion(confidence=suggested, guarantee=of_suggestions)
    return Fitted(calibration, thresholds, suggestion, summarize(rows), by_language or None)


def _of_accepted(
    guarantee: Guarantee, accepted: NDArray[np.bool_], correct: NDArray[np.bool_], in_scope: NDArray[np.bool_]
) -> Guarantee:
    """Describe what languages' stricter thresholds leave; it stays certified only if that passes the test as well."""
    found = describe(
        accepted, correct, in_scope, risk=guarantee.risk, certified=guarantee.certified, method=guarantee.method
    )
    return found.model_copy(update={"certified": guarantee.certified and found.upper_bound <= guarantee.risk})


def fit_calibration(data: CalibrationData, labels: int) -> Calibration:
    """Fit the temperature by likelihood, then a logistic regression without negative weights.

    With a negative weight, a message could lose confidence for being more familiar. Excluding that costs nothing
    measurable and stabilizes the fit on few rows.

    Args:
        data: N rows that the model was not trained on.
        labels: how many of the C classes are labels.
    """
    temperature = _fit_temperature(data)
    features = _features(data, temperature, labels).astype(np.float64)
    constant = moments(features)[1] <= SMALLEST_SPREAD
    prior = np.append(np.where(constant, 0.0, PRIOR), 0.0)
    strength = np.append(np.full(len(PRIOR), PRIOR_ROWS), 0.0)
    weights, intercept = fit_weights(features, data.correct(labels), prior, strength)
    return Calibration(
        temperature=temperature,
        weights=weights,
        intercept=intercept,
        fitted_on=data.source,
        rows=len(data),
    )


def _cross_fitted_confidence(data: CalibrationData, labels: int, seed: int) -> NDArray[np.float64]:
    """Return the confidence of each row ``[N]`` by a calibration that was fitted without it."""

    def predict(outside: NDArray[np.bool_], inside: NDArray[np.bool_]) -> Floats:
        calibration = fit_calibration(data.take(outside), labels)
        return confidences(_features(data.take(inside), calibration.temperature, labels), calibration)

    return cross_fitted(len(data), predict, seed=seed)


def _features(data: CalibrationData, temperature: float, labels: int) -> Floats:
    return confidence_features(softmax(data.logits, temperature), data.similarity, labels)


def _fit_temperature(data: CalibrationData) -> float:
    known = data.classes >= 0
    logits, classes = data.logits[known].astype(np.float64), data.classes[known]
    rows = np.arange(len(classes))

    def negative_log_likelihood(log_temperature: float) -> float:
        scaled = logits / np.exp(log_temperature)
        scaled -= scaled.max(axis=1, keepdims=True)
        return float((np.log(np.exp(scaled).sum(axis=1)) - scaled[rows, classes]).mean())

    return float(np.exp(_lowest(negative_log_likelihood, -2.5, 2.5)))


def _lowest(function: Callable[[float], float], low: float, high: float) -> float:
    """Return where a function with one minimum is lowest, by golden-section search."""
    ratio = (5**0.5 - 1) / 2
    left, right = high - ratio * (high - low), low + ratio * (high - low)
    at_left, at_right = function(left), function(right)
    while high - low > PRECISION:
        if at_left <= at_right:
            high, right, at_right = right, left, at_left
            left = high - ratio * (high - low)
            at_left = function(left)
        else:
            low, left, at_left = left, right, at_right
            right = low + ratio * (high - low)
            at_right = function(right)
    return (low + high) / 2

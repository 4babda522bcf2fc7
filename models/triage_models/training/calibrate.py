"""Making confidence mean something: temperature, then a fitted probability of being right."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize, minimize_scalar

from triage_models.bundle.manifest import FEATURES, Calibration, Thresholds
from triage_models.serving.decision import Floats, confidence_features, confidences, softmax
from triage_models.training.guarantee import choose

FAMILIARITY_QUANTILE = 0.002
"""Share of right calibration rows that the familiarity floor may refuse."""
FOLDS = 5
IMPOSSIBLE = -100.0
"""A logit that leaves no probability."""

PRIOR = (0.5, 0.0, 0.5, 0.7, 0.0)
"""Weights, for features of unit spread, from which few rows move the fit only a little.

A small bot is judged by rows of the people who wrote its examples, and among those the margin between two labels tells
more than it does among customers' messages. That the network is sure, that it finds the message in scope, and that
the message is familiar tell much the same on every bot that was tried (docs/evaluation.md).
"""
PRIOR_ROWS = 100.0
"""How many rows the prior weighs as much as."""


@dataclass(frozen=True)
class Evidence:
    """What the served model says of rows that it was not trained on.

    Attributes:
        logits: ``[N, C]``
        similarity: ``[N, C]``
        classes: ``[N]`` the right class; -1 where it is none of them (a foreign row, no out-of-scope class).
        source: where the rows came from, in words.
    """

    logits: Floats
    similarity: Floats
    classes: NDArray[np.int64]
    source: str

    def save(self, file: Path) -> None:
        """Write to a file, whole or not at all."""
        scratch = file.with_suffix(".writing")
        with scratch.open("wb") as stream:
            np.savez(stream, logits=self.logits, similarity=self.similarity, classes=self.classes, source=self.source)
        scratch.replace(file)

    @classmethod
    def load(cls, file: Path) -> "Evidence":
        """What `save` wrote."""
        with np.load(file) as kept:
            return cls(kept["logits"], kept["similarity"], kept["classes"], str(kept["source"]))

    def take(self, rows: NDArray[np.bool_] | NDArray[np.int64]) -> "Evidence":
        """Some of the rows."""
        return Evidence(self.logits[rows], self.similarity[rows], self.classes[rows], self.source)

    def widened(self, columns: NDArray[np.int64], width: int) -> "Evidence":
        """The same rows for ``width`` classes: the model knew those in ``columns``, the rest are impossible."""
        logits = np.full((len(self.classes), width), IMPOSSIBLE, dtype=np.float32)
        similarity = np.full_like(logits, -1.0)
        logits[:, columns], similarity[:, columns] = self.logits, self.similarity
        return Evidence(logits, similarity, self.classes, self.source)


def joined(parts: Sequence[Evidence]) -> Evidence:
    """Evidence of several models, one after the other."""
    return Evidence(
        np.concatenate([part.logits for part in parts]),
        np.concatenate([part.similarity for part in parts]),
        np.concatenate([part.classes for part in parts]),
        ", ".join(dict.fromkeys(part.source for part in parts)),
    )


def calibrate(evidence: Evidence, labels: int, *, risk: float, seed: int) -> tuple[Calibration, Thresholds]:
    """Fit the calibration and choose the thresholds; ``labels`` of the C classes are labels."""
    calibration = fit(evidence, labels)
    honest = _cross_fitted(evidence, labels, seed)
    right, in_scope = _right(evidence, labels), _in_scope(evidence, labels)
    familiarity = evidence.similarity[:, :labels].max(axis=1)
    floor = float(np.quantile(familiarity[right], FAMILIARITY_QUANTILE)) if right.any() else -1.0
    foreign = evidence.logits.argmax(axis=1) >= labels
    eligible = np.where((familiarity >= floor) & ~foreign, honest, 0.0)
    threshold, guarantee = choose(eligible, right & ~foreign, in_scope, risk=risk)
    threshold = min(max(threshold, 1e-6), 1.0)
    return calibration, Thresholds(confidence=threshold, familiarity=floor, guarantee=guarantee)


def fit(evidence: Evidence, labels: int) -> Calibration:
    """Temperature by likelihood, then a logistic regression whose weights are not negative.

    A weight below zero would let a message lose confidence for being more familiar; forbidding that costs nothing
    measurable and keeps the fit sane on few rows.
    """
    temperature = _temperature(evidence)
    features = _features(evidence, temperature, labels)
    weights, intercept = _logistic(features.astype(np.float64), _right(evidence, labels))
    return Calibration(
        temperature=temperature,
        weights=tuple(weights),
        intercept=intercept,
        fitted_on=evidence.source,
        rows=len(evidence.classes),
    )


def _cross_fitted(evidence: Evidence, labels: int, seed: int) -> NDArray[np.float64]:
    """Confidence of each row by a calibration that was fitted without it."""
    rows = len(evidence.classes)
    fold = np.random.default_rng(seed).permutation(rows) % FOLDS
    result = np.empty(rows)
    for number in range(FOLDS):
        inside = fold == number
        part = evidence.take(inside)
        calibration = fit(evidence.take(~inside), labels)
        result[inside] = confidences(_features(part, calibration.temperature, labels), calibration)
    return result


def _features(evidence: Evidence, temperature: float, labels: int) -> Floats:
    return confidence_features(softmax(evidence.logits, temperature), evidence.similarity, labels)


def _right(evidence: Evidence, labels: int) -> NDArray[np.bool_]:
    """Whether the likeliest label is the right one; a row that is out of scope has none."""
    result: NDArray[np.bool_] = evidence.logits[:, :labels].argmax(axis=1) == evidence.classes
    return result & _in_scope(evidence, labels)


def _in_scope(evidence: Evidence, labels: int) -> NDArray[np.bool_]:
    return (evidence.classes >= 0) & (evidence.classes < labels)


def _temperature(evidence: Evidence) -> float:
    known = evidence.classes >= 0
    logits, classes = evidence.logits[known].astype(np.float64), evidence.classes[known]
    rows = np.arange(len(classes))

    def loss(log_temperature: float) -> float:
        scaled = logits / np.exp(log_temperature)
        scaled -= scaled.max(axis=1, keepdims=True)
        return float((np.log(np.exp(scaled).sum(axis=1)) - scaled[rows, classes]).mean())

    return float(np.exp(minimize_scalar(loss, bounds=(-2.5, 2.5), method="bounded").x))


def _logistic(features: NDArray[np.float64], right: NDArray[np.bool_]) -> tuple[list[float], float]:
    """Weights, none negative, and intercept, in the features' own units; few rows move the prior's weights little."""
    mean, spread = features.mean(axis=0), features.std(axis=0)
    scale = spread.clip(min=1e-6)
    inputs, sign = (features - mean) / scale, np.where(right, 1.0, -1.0)
    prior = np.where(spread > 1e-6, PRIOR, 0.0)  # what is always the same tells nothing

    def loss(parameters: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        margin = sign * (inputs @ parameters[:-1] + parameters[-1])
        slope = -sign / (1.0 + np.exp(margin)) / len(sign)
        ridge = PRIOR_ROWS / len(sign)
        moved = parameters[:-1] - prior
        value = np.logaddexp(0.0, -margin).mean() + ridge * (moved**2).sum() / 2
        return float(value), np.append(inputs.T @ slope + ridge * moved, slope.sum())

    width = len(FEATURES)
    bounds = [(0.0, None)] * width + [(None, None)]
    found = minimize(loss, np.append(prior, 0.1), jac=True, bounds=bounds, method="L-BFGS-B").x
    weights = found[:-1] / scale
    return [float(weight) for weight in weights], float(found[-1] - weights @ mean)

"""The error that each accepted event may have: what its confidence states, scaled to the promise.

A confidence of 0.99 states an error probability of 1 %. On rows that the bundle was not trained on, it is measured how
errors depend on confidence and intent. The odds of all these errors are then raised by the same factor, until their
mean is the promised error rate. The result is the allowance of an event: an honest bundle stays below it, and as long
as every event does, the promise holds on traffic that is like the measured rows.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from triage_models.audit.events import Flags, Ints
from triage_models.audit.selection import Floats

PRIOR_ERRORS = 2.0
"""An intent's own error rate is trusted as if so many errors had been seen at the rate of all intents."""

NEWTON_STEPS = 30
BISECTIONS = 60
LARGEST_INFLATION = 1000.0
RIDGE = 1e-3
TINY = 1e-9


@dataclass(frozen=True)
class Allowance:
    """The largest error probability that an event may have, by its confidence and intent.

    Attributes:
        intercept: log odds of an error at a confidence of 0.5.
        slope: change of these log odds with the log odds of the confidence, below 0.
        ratios: ``[K]`` error rate of each intent, relative to the rate that its confidences predict.
        inflation: the factor on the odds, at least 1.
    """

    intercept: float
    slope: float
    ratios: tuple[float, ...]
    inflation: float

    @classmethod
    def stated(cls, labels: Sequence[str], inflation: float = 1.0) -> "Allowance":
        """Return the allowance that takes each confidence at its word, for a bundle without measured rows."""
        return cls(0.0, -1.0, (1.0,) * len(labels), inflation)

    @classmethod
    def fit(
        cls, confidence: Floats, intent: Ints, wrong: Flags, labels: Sequence[str], *, max_error: float
    ) -> "Allowance":
        """Measure how errors depend on confidence and intent, and scale them to the promise.

        Args:
            confidence: ``[N]`` of accepted rows that the bundle was not trained on.
            intent: ``[N]`` index of the predicted label.
            wrong: ``[N]`` whether the prediction is wrong.
            labels: the bundle's labels.
            max_error: the promised error rate, 0 to 1.

        Returns:
            The allowance; without rows, that of `stated`.
        """
        if not len(confidence):
            return cls.stated(labels)
        intercept, slope = _fit_logistic(_log_odds(confidence), wrong.astype(np.float64))
        rate = _from_log_odds(intercept + slope * _log_odds(confidence))
        expected = np.bincount(intent, rate, len(labels))
        ratios = (np.bincount(intent, wrong, len(labels)) + PRIOR_ERRORS) / (expected + PRIOR_ERRORS)
        low, high = 1.0, LARGEST_INFLATION
        for _ in range(BISECTIONS):
            middle = float(np.sqrt(low * high))
            one = cls(intercept, slope, tuple(ratios.tolist()), middle)
            low, high = (middle, high) if one.of(confidence, intent).mean() < max_error else (low, middle)
        return cls(intercept, slope, tuple(ratios.tolist()), low)

    def of(self, confidence: Floats, intent: Ints) -> Floats:
        """Return the allowance ``[N]`` of events with these confidences ``[N]`` and intents ``[N]``."""
        odds = np.exp(self.intercept + self.slope * _log_odds(confidence)) * np.asarray(self.ratios)[intent]
        odds = odds * self.inflation
        allowed: Floats = odds / (1.0 + odds)
        return allowed


def _fit_logistic(inputs: Floats, outcomes: Floats) -> tuple[float, float]:
    """Return intercept and slope of a logistic regression by Newton's method; the slope is at most 0."""
    columns = np.stack([np.ones_like(inputs), inputs - inputs.mean()], axis=1)
    start = np.array([_log_odds(np.array([outcomes.mean()]))[0], -1.0])

    def loss(weights: Floats) -> float:
        score = columns @ weights
        return float((np.logaddexp(0.0, score) - outcomes * score).sum() + RIDGE * ((weights - start) ** 2).sum() / 2)

    weights = start
    for _ in range(NEWTON_STEPS):
        rate = _from_log_odds(columns @ weights)
        gradient = columns.T @ (outcomes - rate) - RIDGE * (weights - start)
        curvature = (columns * (rate * (1.0 - rate))[:, None]).T @ columns + RIDGE * np.eye(2)
        step = np.linalg.solve(curvature, gradient)
        while loss(weights + step) > loss(weights) and np.abs(step).max() > TINY:
            step = step / 2
        weights = weights + step
    slope = min(float(weights[1]), 0.0)
    return float(weights[0]) - slope * float(inputs.mean()), slope


def _log_odds(probability: Floats) -> Floats:
    bounded = np.clip(probability, 1e-6, 1.0 - 1e-6)
    odds: Floats = np.log(bounded / (1.0 - bounded))
    return odds


def _from_log_odds(value: Floats) -> Floats:
    probability: Floats = 1.0 / (1.0 + np.exp(-np.clip(value, -30.0, 30.0)))
    return probability

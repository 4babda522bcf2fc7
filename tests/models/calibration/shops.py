"""Generated shops: what a bundle says of their messages, and how often it is right."""

import numpy as np
from numpy.typing import NDArray
from triage_models.bundle.manifest import Calibration
from triage_models.calibration.calibration_data import CalibrationData
from triage_models.calibration.thresholds import ScoredRows
from triage_models.serving.decision import confidence_features, confidences, softmax

LABELS = ("A", "B", "C", "D")
OWN = Calibration(temperature=1.0, weights=(0.5, 0.1, 0.1, 0.5, 0.2), intercept=-0.5, fitted_on="training", rows=500)


def shop(seed: int, rows: int, *, shift: float = 0.0, stretch: float = 1.0) -> CalibrationData:
    """Draw messages that are right with the probability that `OWN` gives them, stretched and shifted in log odds."""
    random = np.random.default_rng(seed)
    logits = (random.normal(size=(rows, len(LABELS) + 1)) * 2).astype(np.float32)
    logits[:, -1] -= 6.0
    guess = random.integers(0, len(LABELS), rows)
    logits[np.arange(rows), guess] += random.uniform(0, 8, rows).astype(np.float32)
    similarity = np.clip(0.5 + 0.03 * logits, -1, 1).astype(np.float32)
    best = logits[:, : len(LABELS)].argmax(axis=1)
    own = own_confidence(logits, similarity)
    odds = stretch * np.log(own / (1 - own)) + shift
    right = random.random(rows) < 1 / (1 + np.exp(-odds))
    other = (best + random.integers(1, len(LABELS), rows)) % len(LABELS)
    outside = random.random(rows) < 0.5  # half of the wrong ones have no intent
    classes = np.where(right, best, np.where(outside, len(LABELS), other))
    return CalibrationData(logits, similarity, classes.astype(np.int64), "drawn")


def own_confidence(logits: NDArray[np.float32], similarity: NDArray[np.float32]) -> NDArray[np.float64]:
    features = confidence_features(softmax(logits, OWN.temperature), similarity, len(LABELS))
    return np.clip(confidences(features, OWN).astype(np.float64), 1e-6, 1 - 1e-6)


def scored(data: CalibrationData, confidence: NDArray[np.float64] | None = None) -> ScoredRows:
    """Score rows by `OWN`, or by other confidences."""
    own = own_confidence(data.logits, data.similarity)
    return ScoredRows(
        confidence=own if confidence is None else confidence,
        expected=own,
        eligible=data.logits.argmax(axis=1) < len(LABELS),
        correct=data.correct(len(LABELS)),
        in_scope=data.is_in_scope(len(LABELS)),
        predicted=data.logits[:, : len(LABELS)].argmax(axis=1),
    )

"""From logits to a decision: what the customer wants, how sure that is, and whether to act on it.

Everything here is arithmetic on arrays: no model, no clock, no I/O.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from triage_models.bundle.manifest import Calibration, Manifest

Reason = Literal["low_confidence", "unfamiliar", "ambiguous", "out_of_scope"]
Floats = NDArray[np.float32]

AMBIGUITY = 0.5
"""A refused message is ambiguous when the second label is at least this likely compared to the first."""

_TINY = 1e-6


@dataclass(frozen=True, slots=True)
class Decision:
    """What the model says of one message.

    Attributes:
        intent: the likeliest label; never the out-of-scope class.
        confidence: calibrated probability, 0 to 1, that ``intent`` is right.
        accepted: whether confidence and familiarity both reach the bundle's thresholds.
        reason: why not, when not accepted.
        scores: probability of every label, likeliest first; what is missing to 1 is out of scope.
        familiarity: cosine similarity, -1 to 1, to the nearest prototype of the training data.
        truncated: the text was longer than the model reads.
    """

    intent: str
    confidence: float
    accepted: bool
    reason: Reason | None
    scores: dict[str, float]
    familiarity: float
    truncated: bool


def softmax(logits: Floats, temperature: float) -> Floats:
    """Probabilities ``[B, C]`` of logits ``[B, C]`` divided by a temperature."""
    scaled = logits / np.float32(temperature)
    scaled = scaled - scaled.max(axis=1, keepdims=True)
    powers = np.exp(scaled)
    probabilities: Floats = powers / powers.sum(axis=1, keepdims=True)
    return probabilities


def confidence_features(probabilities: Floats, similarity: Floats, labels: int) -> Floats:
    """What the confidence is fitted on: ``[B, 5]``, in the order of `triage_models.bundle.manifest.FEATURES`.

    Args:
        probabilities: ``[B, C]`` of the labels and, where C is larger than ``labels``, of out of scope.
        similarity: ``[B, C]`` cosine similarity to the nearest prototype of each class.
        labels: how many of the C classes are labels.
    """
    inside = probabilities[:, :labels]
    rows = np.arange(len(inside))
    best = inside.argmax(axis=1)
    order = np.partition(inside, labels - 2, axis=1)
    first, second = order[:, -1], order[:, -2]
    near = similarity[:, :labels]
    others = near.copy()
    others[rows, best] = -1.0
    foreign = similarity[:, labels:].max(axis=1) if similarity.shape[1] > labels else np.full(len(inside), -1.0)
    nearest_other = np.maximum(others.max(axis=1), foreign)
    return np.stack(
        [
            _log_odds(first),
            np.log(first + _TINY) - np.log(second + _TINY),
            _log_odds(inside.sum(axis=1)) if probabilities.shape[1] > labels else np.zeros(len(inside)),
            near.max(axis=1),
            near[rows, best] - nearest_other,
        ],
        axis=1,
    ).astype(np.float32)


def confidences(features: Floats, calibration: Calibration) -> Floats:
    """Probability ``[B]`` that the likeliest label is right."""
    weights = np.asarray(calibration.weights, dtype=np.float32)
    score = features @ weights + np.float32(calibration.intercept)
    probability: Floats = 1.0 / (1.0 + np.exp(-np.clip(score, -30.0, 30.0)))
    return probability


def decide(manifest: Manifest, logits: Floats, similarity: Floats, truncated: Sequence[bool]) -> list[Decision]:
    """Decide on a batch: logits ``[B, C]`` and similarity ``[B, C]`` in, one `Decision` a row out."""
    labels = len(manifest.labels)
    probabilities = softmax(logits, manifest.calibration.temperature)
    features = confidence_features(probabilities, similarity, labels)
    confidence = confidences(features, manifest.calibration)
    familiarity = similarity[:, :labels].max(axis=1)
    foreign = logits.argmax(axis=1) >= labels  # as it was calibrated; probabilities can round to a tie
    sure = confidence >= manifest.thresholds.confidence
    known = familiarity >= manifest.thresholds.familiarity
    accepted = sure & known & ~foreign
    ranking = np.argsort(-probabilities[:, :labels], axis=1, kind="stable")
    return [
        _decision(
            manifest,
            probabilities[row],
            ranking[row],
            reason,
            float(confidence[row]),
            float(familiarity[row]),
            cut,
        )
        for row, (reason, cut) in enumerate(
            zip(_reasons(accepted, foreign, known, probabilities, ranking), truncated, strict=True)
        )
    ]


def _reasons(
    accepted: NDArray[np.bool_],
    foreign: NDArray[np.bool_],
    known: NDArray[np.bool_],
    probabilities: Floats,
    ranking: NDArray[np.int64],
) -> list[Reason | None]:
    rows = np.arange(len(accepted))
    ambiguous = probabilities[rows, ranking[:, 1]] >= AMBIGUITY * probabilities[rows, ranking[:, 0]]
    names: NDArray[np.object_] = np.select(
        [accepted, foreign, ~known, ambiguous],
        [np.array(None), np.array("out_of_scope"), np.array("unfamiliar"), np.array("ambiguous")],
        default=np.array("low_confidence", dtype=object),
    )
    reasons: list[Reason | None] = names.tolist()
    return reasons


def _decision(
    manifest: Manifest,
    probabilities: Floats,
    ranking: NDArray[np.int64],
    reason: Reason | None,
    confidence: float,
    familiarity: float,
    truncated: bool,
) -> Decision:
    scores = {manifest.labels[label]: float(probabilities[label]) for label in ranking}
    intent = manifest.labels[ranking[0]]
    return Decision(intent, confidence, reason is None, reason, scores, familiarity, truncated)


def _log_odds(probability: Floats) -> Floats:
    bounded = np.clip(probability, _TINY, 1.0 - _TINY)
    odds: Floats = np.log(bounded / (1.0 - bounded))
    return odds

"""Turns logits into decisions: the intent, the confidence in it, and whether to act on it.

Everything here is arithmetic on arrays: no model, no clock, no I/O.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from triage_models.bundle.manifest import Calibration, Manifest

Reason = Literal["low_confidence", "unfamiliar", "ambiguous", "out_of_scope", "unsupported_language"]
NO_WISH: frozenset[Reason | None] = frozenset({"out_of_scope", "unsupported_language"})
"""Why a message is refused that asks for nothing which the bundle can tell."""
Floats = NDArray[np.float32]

AMBIGUITY = 0.5
"""A refused message is ambiguous when the second label is at least this likely compared to the first."""

_TINY = 1e-6


class Wish(NamedTuple):
    """Something that a message asks for.

    Attributes:
        intent: what it asks for.
        probability: 0 to 1; of the message's ``intent`` its confidence. Of a further one how likely it is asked for
            among the messages that this was fitted to, many of which have two wishes; in traffic it is less likely.
    """

    intent: str
    probability: float


@dataclass(frozen=True, slots=True)
class Decision:
    """The model's answer for one message.

    Attributes:
        intent: the likeliest label; never the out-of-scope class.
        confidence: calibrated probability, 0 to 1, that ``intent`` is right; 0 for an automatic reply, which has none.
        accepted: whether confidence and familiarity both reach the bundle's thresholds.
        reason: why the message was not accepted; None where it was.
        scores: probability of every label, likeliest first. They sum to at most 1; the rest is out of scope.
        familiarity: cosine similarity, -1 to 1, to the nearest prototype of the training data.
        truncated: whether the text was too long to be read to its end; it is not accepted then.
        suggested: whether the intent is worth showing to a person although it was not accepted.
        language: ISO 639-1 code of the text's language; None where the text does not say, or the bundle does not ask.
        further: what the message asks for besides ``intent``.
    """

    intent: str
    confidence: float
    accepted: bool
    reason: Reason | None
    scores: dict[str, float]
    familiarity: float
    truncated: bool
    suggested: bool = False
    language: str | None = None
    further: tuple[Wish, ...] = ()

    @property
    def intents(self) -> tuple[Wish, ...]:
        """Every wish of the message: ``intent`` with its confidence, then those besides it.

        Empty if the message asks for none that the bundle knows, or is in a language that it has not learned.
        """
        if self.reason in NO_WISH:
            return ()
        return (Wish(self.intent, self.confidence), *self.further)


@dataclass(frozen=True, slots=True, eq=False)
class Assessment:
    """The decisions on a batch of B messages as arrays, for a bundle of L labels.

    Attributes:
        probabilities: ``[B, L]``, of each label.
        ranking: ``[B, L]``, positions of the labels, likeliest first.
        confidence: ``[B]``, see `Decision`.
        familiarity: ``[B]``, see `Decision`.
        reasons: one per message; None where it was accepted.
        suggested: ``[B]``, see `Decision`.
    """

    probabilities: Floats
    ranking: NDArray[np.intp]
    confidence: Floats
    familiarity: Floats
    reasons: list[Reason | None]
    suggested: NDArray[np.bool_]


def softmax(logits: Floats, temperature: float) -> Floats:
    """Probabilities ``[B, C]`` of logits ``[B, C]`` divided by a temperature."""
    scaled = logits / np.float32(temperature)
    scaled = scaled - scaled.max(axis=1, keepdims=True)
    powers = np.exp(scaled)
    probabilities: Floats = powers / powers.sum(axis=1, keepdims=True)
    return probabilities


def confidence_features(probabilities: Floats, similarity: Floats, labels: int) -> Floats:
    """The inputs of the confidence model: ``[B, 5]``, in the order of `triage_models.bundle.manifest.FEATURES`.

    Args:
        probabilities: ``[B, C]`` of the labels and, where C is larger than ``labels``, of out of scope.
        similarity: ``[B, C]`` cosine similarity to the nearest prototype of each class.
        labels: how many of the C classes are labels.
    """
    in_scope = probabilities[:, :labels]
    rows = np.arange(len(in_scope))
    best = in_scope.argmax(axis=1)
    order = np.partition(in_scope, labels - 2, axis=1)
    first, second = order[:, -1], order[:, -2]
    label_similarity = similarity[:, :labels]
    others = label_similarity.copy()
    others[rows, best] = -1.0
    out_of_scope = similarity[:, labels:].max(axis=1) if similarity.shape[1] > labels else np.full(len(in_scope), -1.0)
    nearest_other = np.maximum(others.max(axis=1), out_of_scope)
    return np.stack(
        [
            _log_odds(first),
            np.log(first + _TINY) - np.log(second + _TINY),
            _log_odds(in_scope.sum(axis=1)) if probabilities.shape[1] > labels else np.zeros(len(in_scope)),
            label_similarity.max(axis=1),
            label_similarity[rows, best] - nearest_other,
        ],
        axis=1,
    ).astype(np.float32)


def confidences(features: Floats, calibration: Calibration) -> Floats:
    """Probability ``[B]`` that the likeliest label is right."""
    weights = np.asarray(calibration.weights, dtype=np.float32)
    score = features @ weights + np.float32(calibration.intercept)
    probability: Floats = 1.0 / (1.0 + np.exp(-np.clip(score, -30.0, 30.0)))
    return probability


def assess(manifest: Manifest, logits: Floats, similarity: Floats) -> Assessment:
    """Decide on a batch: logits ``[B, C]`` and similarity ``[B, C]`` in, arrays out."""
    labels = len(manifest.labels)
    probabilities = softmax(logits, manifest.calibration.temperature)
    features = confidence_features(probabilities, similarity, labels)
    confidence = confidences(features, manifest.calibration)
    familiarity = similarity[:, :labels].max(axis=1)
    # By the logits, as in calibration: probabilities can round to a tie.
    out_of_scope = logits.argmax(axis=1) >= labels
    in_scope = probabilities[:, :labels]
    ranking = np.argsort(-in_scope, axis=1, kind="stable")
    confident = confidence >= _thresholds(manifest, ranking[:, 0])
    familiar = familiarity >= manifest.thresholds.familiarity
    accepted = confident & familiar & ~out_of_scope
    reasons = _reasons(accepted, out_of_scope, familiar, in_scope, ranking)
    suggestion = manifest.suggestion
    suggested = familiar & ~out_of_scope & ~accepted
    suggested &= False if suggestion is None else confidence >= suggestion.confidence
    return Assessment(in_scope, ranking, confidence, familiarity, reasons, suggested)


def without_intent(assessment: Assessment, rows: Sequence[bool], why: Reason = "out_of_scope") -> Assessment:
    """Refuse some rows, whatever the model says of their words: nobody asks for anything in them, say."""
    if not any(rows):
        return assessment
    reasons: list[Reason | None] = [
        why if row else reason for row, reason in zip(rows, assessment.reasons, strict=True)
    ]
    confidence = np.where(rows, np.float32(0.0), assessment.confidence).astype(np.float32)
    suggested = assessment.suggested & ~np.asarray(rows, dtype=np.bool_)
    return replace(assessment, confidence=confidence, reasons=reasons, suggested=suggested)


def decisions_of(
    labels: Sequence[str],
    assessment: Assessment,
    truncated: Sequence[bool],
    languages: Sequence[str | None] | None = None,
    further: Sequence[tuple[Wish, ...]] | None = None,
) -> list[Decision]:
    """Turn an assessment of B texts into one `Decision` per text."""
    known = [None] * len(truncated) if languages is None else languages
    wishes = [()] * len(truncated) if further is None else further
    # Lists, since taking single values out of arrays would cost more than all the rest here.
    rows = zip(
        assessment.probabilities.tolist(),
        assessment.ranking.tolist(),
        assessment.confidence.tolist(),
        assessment.familiarity.tolist(),
        assessment.reasons,
        assessment.suggested.tolist(),
        truncated,
        known,
        wishes,
        strict=True,
    )
    return [
        Decision(
            labels[ranking[0]],
            confidence,
            reason is None,
            reason,
            {labels[label]: probabilities[label] for label in ranking},
            familiarity,
            row_truncated,
            suggested,
            language,
            others,
        )
        for probabilities, ranking, confidence, familiarity, reason, suggested, row_truncated, language, others in rows
    ]


def _thresholds(manifest: Manifest, intents: NDArray[np.intp]) -> float | NDArray[np.float64]:
    """The confidence that each message needs: one number, or ``[B]`` where intents have thresholds of their own."""
    thresholds = manifest.thresholds
    if thresholds.by_intent is None:
        return thresholds.confidence
    by_label = [
        own.confidence if (own := thresholds.by_intent.get(label)) else thresholds.confidence
        for label in manifest.labels
    ]
    needed: NDArray[np.float64] = np.asarray(by_label)[intents]
    return needed


def _reasons(
    accepted: NDArray[np.bool_],
    out_of_scope: NDArray[np.bool_],
    familiar: NDArray[np.bool_],
    probabilities: Floats,
    ranking: NDArray[np.intp],
) -> list[Reason | None]:
    rows = np.arange(len(accepted))
    ambiguous = probabilities[rows, ranking[:, 1]] >= AMBIGUITY * probabilities[rows, ranking[:, 0]]
    names: NDArray[np.object_] = np.select(
        [accepted, out_of_scope, ~familiar, ambiguous],
        [np.array(None), np.array("out_of_scope"), np.array("unfamiliar"), np.array("ambiguous")],
        default=np.array("low_confidence", dtype=object),
    )
    reasons: list[Reason | None] = names.tolist()
    return reasons


def _log_odds(probability: Floats) -> Floats:
    bounded = np.clip(probability, _TINY, 1.0 - _TINY)
    odds: Floats = np.log(bounded / (1.0 - bounded))
    return odds

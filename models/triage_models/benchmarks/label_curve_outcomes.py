"""Counts what a bundle decides on labelled rows, and describes a bundle that is not calibrated to them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from triage_models.bundle.manifest import Calibration, Manifest, Thresholds
from triage_models.calibration.binomial import upper_bound
from triage_models.calibration.shop_rows import ModelledRows
from triage_models.metrics.calibration import ece
from triage_models.metrics.ranking import count_by_confidence
from triage_models.serving.decision import assess

GOAL_RIGHT, GOAL_COVERAGE = 0.97, 0.85
"""What a bundle should reach on a shop that it has never seen."""


@dataclass(frozen=True)
class Outcome:
    """What is decided on rows, counted.

    Attributes:
        in_scope: rows with an intent, and how many of them are accepted.
        foreign: rows without one, and how many of them are accepted.
        right: accepted rows that are correct.
        ece: expected calibration error over all rows.
    """

    in_scope: tuple[int, int]
    foreign: tuple[int, int]
    right: int
    ece: float

    @property
    def accepted(self) -> int:
        """All accepted rows."""
        return self.in_scope[1] + self.foreign[1]

    @property
    def coverage(self) -> float:
        """The accepted share of the rows with an intent."""
        return self.in_scope[1] / max(1, self.in_scope[0])

    @property
    def precision(self) -> float:
        """The correct share of all accepted rows; 1 if none is accepted."""
        return self.right / self.accepted if self.accepted else 1.0


@dataclass(frozen=True)
class Baseline:
    """A bundle as it is, on all rows of a shop or channel.

    Attributes:
        traffic: the name of the shop or channel.
        in_scope: rows with an intent.
        foreign: rows without one.
        coverage: the accepted share of the rows with an intent.
        right: the correct share of all accepted rows.
        right_low: lower end of its exact 95 % interval.
        right_high: upper end.
        right_in_scope: the correct share of the accepted rows with an intent.
        foreign_accepted: how many rows without an intent are accepted.
        best_coverage: what the best threshold for these very rows accepts with `GOAL_RIGHT` correct.
    """

    traffic: str
    in_scope: int
    foreign: int
    coverage: float
    right: float
    right_low: float
    right_high: float
    right_in_scope: float
    foreign_accepted: int
    best_coverage: float


def decide(rows: ModelledRows, manifest: Manifest, calibration: Calibration, thresholds: Thresholds) -> Outcome:
    """Decide on rows by a calibration and thresholds, and compare with their labels."""
    decided = manifest.model_copy(update={"calibration": calibration, "thresholds": thresholds})
    accepted, confidence = _accept(rows, decided)
    correct, in_scope = _judge(rows, manifest)
    return Outcome(
        (int(in_scope.sum()), int((accepted & in_scope).sum())),
        (int((~in_scope).sum()), int((accepted & ~in_scope).sum())),
        int((accepted & correct).sum()),
        float(ece(count_by_confidence(confidence, correct))[0]),
    )


def measure_baseline(name: str, rows: ModelledRows, manifest: Manifest) -> Baseline:
    """Measure a bundle as it is, on rows of a shop or channel."""
    found = decide(rows, manifest, manifest.calibration, manifest.thresholds)
    return Baseline(
        traffic=name,
        in_scope=found.in_scope[0],
        foreign=found.foreign[0],
        coverage=found.coverage,
        right=found.precision,
        right_low=1.0 - upper_bound(found.accepted - found.right, found.accepted, 0.975),
        right_high=upper_bound(found.right, found.accepted, 0.975),
        right_in_scope=found.right / max(1, found.in_scope[1]),
        foreign_accepted=found.foreign[1],
        best_coverage=_best_coverage(rows, manifest),
    )


def _best_coverage(rows: ModelledRows, manifest: Manifest) -> float:
    """Return the accepted share of the rows in scope at the best threshold in hindsight with `GOAL_RIGHT` correct."""
    lowest = manifest.thresholds.model_copy(update={"confidence": 0.0, "by_intent": None})
    eligible, confidence = _accept(rows, manifest.model_copy(update={"thresholds": lowest}))
    correct, in_scope = _judge(rows, manifest)
    order = np.flatnonzero(eligible)
    order = order[np.argsort(-confidence[order], kind="stable")]
    enough = np.cumsum(correct[order]) >= GOAL_RIGHT * np.arange(1, len(order) + 1)
    count = int(np.flatnonzero(enough)[-1]) + 1 if enough.any() else 0
    return float(in_scope[order[:count]].sum() / max(1, in_scope.sum()))


def _accept(rows: ModelledRows, manifest: Manifest) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    assessment = assess(manifest, rows.data.logits, rows.data.similarity)
    accepted = np.array([reason is None for reason in assessment.reasons], dtype=np.bool_) & rows.readable
    return accepted, assessment.confidence.astype(np.float64)


def _judge(rows: ModelledRows, manifest: Manifest) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return which predictions are correct, and which rows have an intent."""
    labels = len(manifest.labels)
    return rows.data.correct(labels), rows.data.is_in_scope(labels)

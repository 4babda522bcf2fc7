"""Generated labelled rows and decisions on them, for tests of the report."""

from types import SimpleNamespace

import numpy as np
from triage_models.bundle.manifest import Calibration, Guarantee, Manifest, Thresholds
from triage_models.data.evaluation_rows import LabelledRows
from triage_models.serving.decision import Decision, Reason

WORDS = [
    "where", "is", "my", "parcel", "please", "tell", "me", "when", "it", "comes", "I",
    "have", "waited", "so", "long", "and", "nobody", "answers", "thanks", "a", "lot",
]  # fmt: skip


def manifest(labels: tuple[str, ...], *, oos_label: str | None = None, certified: bool = True) -> Manifest:
    """Build a manifest with the fields that an evaluation reads."""
    guarantee = Guarantee(
        risk=0.05,
        confidence=0.95,
        certified=certified,
        method="Learn-then-Test",
        calibration_rows=500,
        accepted_rows=400,
        errors=8,
        upper_bound=0.04,
        coverage=0.8,
    )
    return Manifest(
        name="shop",
        version="1",
        created_at="2026-01-01T00:00:00Z",
        labels=labels,
        out_of_scope_label=oos_label,
        descriptions={},
        max_length=64,
        calibration=Calibration(temperature=1, weights=(0.0,) * 5, intercept=0, fitted_on="held-out", rows=500),
        thresholds=Thresholds(confidence=0.7, familiarity=0.3, guarantee=guarantee),
        golden={},
        files={},
        metrics={},
        training={},
    )


def decision(intent: str, confidence: float, reason: Reason | None) -> Decision:
    return Decision(intent, confidence, reason is None, reason, {intent: confidence}, 0.9, False)


def sample(
    rows: int,
    labels: tuple[str, ...],
    *,
    out_of_scope: float = 0.1,
    accuracy: float = 0.9,
    threshold: float = 0.7,
    seed: int = 0,
) -> tuple[LabelledRows, list[Decision]]:
    """Generate rows of these labels, some of them "OOS", and decisions of the given accuracy on them."""
    random = np.random.default_rng(seed)
    texts, truths, decisions, shops = [], [], [], []
    for _ in range(rows):
        words = random.integers(1, 24)
        texts.append(" ".join(random.choice(WORDS, size=words)))
        truth = "OOS" if random.random() < out_of_scope else str(random.choice(labels))
        truths.append(truth)
        shops.append(str(random.choice(["shoes", "pets"])))
        correct = truth != "OOS" and random.random() < accuracy
        intent = truth if correct else str(random.choice(labels))
        confidence = float(1 / (1 + np.exp(-random.normal(2.5 if correct else -1.0, 1.3))))
        decisions.append(decision(intent, confidence, None if confidence >= threshold else "low_confidence"))
    return LabelledRows(texts, truths, {"shop": shops}), decisions


class FakeClassifier:
    """A fake `Classifier` that looks its decisions up by text."""

    def __init__(self, manifest_: Manifest, answers: dict[str, Decision]) -> None:
        self.bundle = SimpleNamespace(manifest=manifest_)
        self.threads = 2
        self._answers = answers

    def classify(self, texts: list[str]) -> list[Decision]:
        return [self._answers[text] for text in texts]

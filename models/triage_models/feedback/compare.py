"""Two bundles on the same labelled rows."""

from pathlib import Path

import numpy as np

from triage_models.feedback.verdict import Compared, Judged
from triage_models.metrics.outcomes import split_labels
from triage_models.metrics.rows import LabelledRows
from triage_models.serving.classifier import Classifier
from triage_models.serving.decision import softmax

LEAST = 1e-4
"""A probability below this counts as this: one row must not outweigh a hundred."""


def compare_bundles(before: Path, after: Path, rows: LabelledRows, scope: frozenset[str]) -> Compared:
    """What two bundles of the same labels make of rows; ``scope`` are the labels that mean out of scope.

    Raises:
        BundleError: one of them cannot be opened.
    """
    return Compared(rows.labels, judged(before, rows, scope), judged(after, rows, scope))


def judged(path: Path, rows: LabelledRows, scope: frozenset[str]) -> Judged:
    """What one bundle makes of rows, on this machine's CPU."""
    classifier = Classifier.open(path, device="cpu")
    encoded = classifier.encode(rows.texts)
    if not encoded:
        return Judged(np.zeros(0, bool), np.zeros(0, bool), np.zeros(0))
    outputs = classifier.engine.outputs(encoded)
    bundle = classifier.bundle
    decisions = classifier.decide(encoded, outputs)
    probabilities = softmax(outputs.logits, bundle.manifest.calibration.temperature)
    foreign = outputs.logits.argmax(axis=1) >= len(bundle.labels)
    right, loss = np.zeros(len(rows), bool), np.zeros(len(rows))
    for row, label in enumerate(rows.labels):
        accepted = split_labels(label, bundle.labels)
        if accepted[0] in scope:
            columns = [len(bundle.labels)]
            right[row] = foreign[row]
        else:
            columns = [bundle.labels.index(name) for name in accepted if name in bundle.labels]
            right[row] = decisions[row].intent in accepted
        loss[row] = -np.log(max(float(probabilities[row, columns].sum()), LEAST))
    return Judged(right, np.array([one.accepted for one in decisions]), loss)

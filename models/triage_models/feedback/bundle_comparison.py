"""Runs two bundles on the same labelled rows."""

from pathlib import Path

import numpy as np

from triage_models.data.evaluation_rows import LabelledRows
from triage_models.feedback.promotion import BundleComparison, BundleResults
from triage_models.metrics.outcomes import split_labels
from triage_models.serving.classifier import Classifier
from triage_models.serving.decision import softmax
from triage_models.serving.engine import first_rows, rows_of

MIN_PROBABILITY = 1e-4
"""Lower probabilities count as this one, so that one row does not outweigh a hundred."""


def compare_bundles(
    serving: Path, candidate: Path, rows: LabelledRows, oos_labels: frozenset[str], *, clean_email: bool = True
) -> BundleComparison:
    """Run two bundles with the same labels on the same rows.

    Args:
        serving: folder of the bundle that serves.
        candidate: folder of the new bundle.
        rows: N rows.
        oos_labels: labels of the rows that mean out of scope.
        clean_email: read of an e-mail only what its sender wrote, as is done with messages that are served.

    Raises:
        BundleError: One of them cannot be opened.
    """
    results = [evaluate_bundle(folder, rows, oos_labels, clean_email=clean_email) for folder in (serving, candidate)]
    return BundleComparison(rows.labels, *results)


def evaluate_bundle(
    folder: Path, rows: LabelledRows, oos_labels: frozenset[str], *, clean_email: bool = True
) -> BundleResults:
    """Run one bundle on this machine's CPU.

    Args:
        folder: the bundle's folder.
        rows: N rows.
        oos_labels: labels of the rows that mean out of scope.
        clean_email: read of an e-mail only what its sender wrote, as is done with messages that are served.

    Raises:
        BundleError: It cannot be opened.
    """
    classifier = Classifier.open(folder, device="cpu", clean_email=clean_email)
    encoded = classifier.encode(rows.texts)
    if not encoded:
        return BundleResults(np.zeros(0, bool), np.zeros(0, bool), np.zeros(0))
    outputs = classifier.engine.outputs(rows_of(encoded))
    bundle = classifier.bundle
    decisions = classifier.decide(encoded, outputs)
    # The network is trained on the first window of a text, so that is what its loss is measured on.
    logits = outputs.logits[first_rows(encoded)]
    probabilities = softmax(logits, bundle.manifest.calibration.temperature)
    predicted_oos = logits.argmax(axis=1) >= len(bundle.labels)
    correct, loss = np.zeros(len(rows), bool), np.zeros(len(rows))
    for row, label in enumerate(rows.labels):
        alternatives = split_labels(label, bundle.labels)
        if alternatives[0] in oos_labels:
            columns = [len(bundle.labels)]
            correct[row] = predicted_oos[row]
        else:
            columns = [bundle.labels.index(name) for name in alternatives if name in bundle.labels]
            correct[row] = decisions[row].intent in alternatives
        loss[row] = -np.log(max(float(probabilities[row, columns].sum()), MIN_PROBABILITY))
    return BundleResults(correct, np.array([one.accepted for one in decisions]), loss)

"""What can be said without any answer: expected errors, and how far the confidences have moved.

Both are advice, without a guarantee. Expected errors believe the confidence, and the tests of
`triage_models.audit.detector` say whether it can be believed. A label that changes its meaning moves neither.
"""

import numpy as np

from triage_models.audit.events import Ints
from triage_models.audit.selection import Floats

EDGES = np.array([0.0, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.925, 0.95, 0.96, 0.97, 0.98, 0.985, 0.99, 0.995, 1.0])
"""Edges of the bins of confidence: narrow where most events are, and where the error rate changes most."""

SMOOTHING = 0.5
"""Rows added to each bin, so that an empty one has a finite distance."""

NOTABLE_DRIFT = 0.1
"""A divergence above this is worth a look. A sample of a few thousand events from the same traffic stays below 0.01."""


def expected_error_share(confidence: Floats) -> float | None:
    """Return the share of these accepted events that is expected to be wrong, if their confidences are right.

    This is confidence-based performance estimation (CBPE): the mean of one minus the calibrated confidence.

    Args:
        confidence: ``[N]`` calibrated confidences, 0 to 1.

    Returns:
        The share, 0 to 1; None without events.
    """
    return float(1.0 - confidence.mean()) if len(confidence) else None


def count_confidences(confidence: Floats) -> Ints:
    """Count events ``[N]`` by bin of confidence, ``[B]`` (`EDGES`)."""
    bins = np.searchsorted(EDGES, confidence, side="right") - 1
    return np.bincount(np.clip(bins, 0, len(EDGES) - 2), minlength=len(EDGES) - 1)


def confidence_drift(reference: Ints, observed: Ints) -> float | None:
    """Return how far the confidences have moved from those of the calibration.

    This is the Jensen-Shannon divergence with the logarithm of base 2: 0 for equal histograms, 1 for histograms without
    a bin in common. Unlike the population stability index it is bounded, symmetric, and finite.

    Args:
        reference: ``[B]`` counts of the rows that the bundle was calibrated on.
        observed: ``[B]`` counts of live events.

    Returns:
        The divergence, 0 to 1; None if one of the histograms is empty.
    """
    if not reference.sum() or not observed.sum():
        return None
    first, second = ((counts + SMOOTHING) / (counts + SMOOTHING).sum() for counts in (reference, observed))
    middle = (first + second) / 2
    divergence = (first * np.log2(first / middle)).sum() / 2 + (second * np.log2(second / middle)).sum() / 2
    return float(np.clip(divergence, 0.0, 1.0))

"""Accuracy, F1 and Matthews correlation, computed for R weightings of the rows at once.

A weighting says how often each row counts: once for the data as it is, or as often as a bootstrap resample drew it.
"""

from typing import NamedTuple

import numpy as np

from triage_models.metrics.outcomes import Floats, Ints


class ClassCounts(NamedTuple):
    """Weighted numbers of rows by class, each ``[R, C]``: with that truth, with that prediction, and with both."""

    truth: Floats
    predicted: Floats
    hits: Floats


def count_by_class(truth: Ints, predicted: Ints, classes: int, weights: Floats) -> ClassCounts:
    """Count rows by class.

    Args:
        truth: ``[N]`` class indices.
        predicted: ``[N]`` class indices.
        classes: C.
        weights: ``[R, N]``
    """
    one_hot = np.eye(classes)
    hit = truth == predicted
    return ClassCounts(weights @ one_hot[truth], weights @ one_hot[predicted], weights[:, hit] @ one_hot[truth[hit]])


def accuracy(counts: ClassCounts) -> Floats:
    """Share ``[R]`` of rows whose prediction is correct."""
    return ratio(counts.hits.sum(axis=1), counts.truth.sum(axis=1))


def f1_by_class(counts: ClassCounts) -> Floats:
    """F1 ``[R, C]``; 0 for a class without a hit, NaN for a class that is neither true nor predicted anywhere."""
    return ratio(2 * counts.hits, counts.truth + counts.predicted)


def weighted_f1(counts: ClassCounts) -> Floats:
    """F1 ``[R]`` averaged over classes, weighted by their rows."""
    return ratio((np.nan_to_num(f1_by_class(counts)) * counts.truth).sum(axis=1), counts.truth.sum(axis=1))


def macro_f1(counts: ClassCounts) -> Floats:
    """F1 ``[R]`` averaged over the classes that are true or predicted somewhere."""
    occurring = (counts.truth + counts.predicted) > 0
    return ratio(np.nan_to_num(f1_by_class(counts)).sum(axis=1), occurring.sum(axis=1).astype(np.float64))


def mcc(counts: ClassCounts) -> Floats:
    """Multi-class Matthews correlation ``[R]`` (R_K); 0 if all truths or all predictions are of one class."""
    total = counts.truth.sum(axis=1)
    covariance = counts.hits.sum(axis=1) * total - (counts.truth * counts.predicted).sum(axis=1)
    spread = np.sqrt((total**2 - (counts.truth**2).sum(axis=1)) * (total**2 - (counts.predicted**2).sum(axis=1)))
    return np.where(total > 0, covariance / np.where(spread > 0, spread, np.inf), np.nan)


def ratio(part: Floats, whole: Floats) -> Floats:
    """``part / whole``, NaN where ``whole`` is 0."""
    quotient: Floats = np.divide(part, whole, out=np.full(np.shape(part), np.nan), where=whole > 0)
    return quotient

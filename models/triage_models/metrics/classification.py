"""Right and wrong by class: accuracy, F1 and Matthews' correlation, of R weightings at once.

A weighting says how often each row counts: all ones for the data as it is, counts of draws for a bootstrap resample.
"""

from typing import NamedTuple

import numpy as np

from triage_models.metrics.outcomes import Floats, Ints


class Counts(NamedTuple):
    """Weighted rows by class, each ``[R, C]``: with that truth, predicted so, and both."""

    truth: Floats
    predicted: Floats
    hits: Floats


def counts(truth: Ints, predicted: Ints, classes: int, weights: Floats) -> Counts:
    """Count rows by class.

    Args:
        truth: ``[N]`` class indices.
        predicted: ``[N]`` class indices.
        classes: C.
        weights: ``[R, N]``.
    """
    own = np.eye(classes)
    hit = truth == predicted
    return Counts(weights @ own[truth], weights @ own[predicted], weights[:, hit] @ own[truth[hit]])


def accuracy(counted: Counts) -> Floats:
    """Share ``[R]`` of rows whose prediction is right."""
    return ratio(counted.hits.sum(axis=1), counted.truth.sum(axis=1))


def f1_by_class(counted: Counts) -> Floats:
    """F1 ``[R, C]``; 0 for a class never hit, undefined (NaN) for one neither true nor predicted anywhere."""
    return ratio(2 * counted.hits, counted.truth + counted.predicted)


def weighted_f1(counted: Counts) -> Floats:
    """F1 ``[R]`` averaged over classes by their rows."""
    return ratio((np.nan_to_num(f1_by_class(counted)) * counted.truth).sum(axis=1), counted.truth.sum(axis=1))


def macro_f1(counted: Counts) -> Floats:
    """F1 ``[R]`` averaged over the classes that are true or predicted somewhere."""
    seen = (counted.truth + counted.predicted) > 0
    return ratio(np.nan_to_num(f1_by_class(counted)).sum(axis=1), seen.sum(axis=1).astype(np.float64))


def mcc(counted: Counts) -> Floats:
    """Matthews' correlation ``[R]`` for many classes (R_K); 0 where all truths or all predictions are one class."""
    total = counted.truth.sum(axis=1)
    covariance = counted.hits.sum(axis=1) * total - (counted.truth * counted.predicted).sum(axis=1)
    spread = np.sqrt((total**2 - (counted.truth**2).sum(axis=1)) * (total**2 - (counted.predicted**2).sum(axis=1)))
    return np.where(total > 0, covariance / np.where(spread > 0, spread, np.inf), np.nan)


def ratio(part: Floats, whole: Floats) -> Floats:
    """``part / whole``, NaN where ``whole`` is 0: a share of nothing has no value."""
    quotient: Floats = np.divide(part, whole, out=np.full(np.shape(part), np.nan), where=whole > 0)
    return quotient

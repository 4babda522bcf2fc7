"""Computes all metrics of a data set, each with its 95 % interval.

Metrics without a prefix are over the rows that have one of the labels. ``oos_*`` and ``false_acceptance_rate`` are
about out-of-scope rows. ``all_traffic_*`` are over both: an out-of-scope row is correct if it is refused, another if it
is accepted with the correct label.
"""

import math
from collections.abc import Mapping
from functools import partial

import numpy as np

from triage_models.metrics import bootstrap, calibration, classification, ranking
from triage_models.metrics.classification import ratio
from triage_models.metrics.outcomes import Floats, Outcomes

Metrics = dict[str, float | None]
Intervals = dict[str, list[float] | None]

AT_80 = "selective_accuracy_at_80"
"""Accuracy of the most confident 80 % of the rows in scope, whatever the thresholds are."""


def compute_metrics(outcomes: Outcomes, *, risk: float) -> Metrics:
    """Compute the metrics; None where one is undefined, for example without out-of-scope rows.

    Args:
        outcomes: N rows, at least 1.
        risk: the error rate that the bundle's guarantee allows, for ``best_coverage_at_guarantee``.
    """
    ranked = _sorted_by_confidence(outcomes)
    return {name: none_if_nan(values[0]) for name, values in _compute(ranked, risk, _weights_of_one(outcomes)).items()}


def compute_intervals(
    outcomes: Outcomes, *, risk: float, resamples: int = bootstrap.RESAMPLES, seed: int = 0
) -> Intervals:
    """Compute the 95 % interval of each metric of `compute_metrics`; None where the metric is undefined.

    Intervals are percentile bootstrap over rows. A share of 0 or 1 gets a Clopper-Pearson interval, since no resample
    could differ from it.
    """
    compute = partial(_compute, _sorted_by_confidence(outcomes), risk)
    ends = bootstrap.bootstrap_intervals(compute, len(outcomes), resamples=resamples, seed=seed)
    sizes = {name: float(whole[0]) for name, (_, whole) in _counts(outcomes, _weights_of_one(outcomes)).items()}
    sizes[AT_80] = 0.8 * sizes["accuracy"]
    values = compute_metrics(outcomes, risk=risk)
    return {name: _interval(values[name], ends[name], sizes.get(name)) for name in values}


def compute_shares(outcomes: Outcomes, *, resamples: int = bootstrap.RESAMPLES, seed: int = 0) -> dict[str, object]:
    """Compute the metrics that are shares of rows, with intervals, as one mapping; a few rows are enough for these."""
    ends = bootstrap.bootstrap_intervals(partial(_shares, outcomes), len(outcomes), resamples=resamples, seed=seed)
    counts = _counts(outcomes, _weights_of_one(outcomes))
    values = {name: none_if_nan(ratio(part, whole)[0]) for name, (part, whole) in counts.items()}
    return flatten(values, {name: _interval(values[name], ends[name], float(counts[name][1][0])) for name in values})


def compute_by_class(
    outcomes: Outcomes, *, resamples: int = bootstrap.RESAMPLES, seed: int = 0
) -> list[dict[str, object]]:
    """Compute precision, recall and F1 with intervals of each class that is true or predicted in the rows in scope."""
    inside = outcomes.take(~outcomes.out_of_scope)
    if not len(inside):
        return []
    values = _class_metrics(inside, _weights_of_one(inside))
    compute = partial(_class_metrics, inside)
    ends = bootstrap.bootstrap_intervals(compute, len(inside), resamples=resamples, seed=seed)
    table: list[dict[str, object]] = []
    for position, name in enumerate(inside.classes):
        rows = int((inside.truth == position).sum())
        if rows or (inside.predicted == position).any():
            row: dict[str, object] = {"label": name, "rows": rows}
            for metric, found in values.items():
                row[metric] = value = none_if_nan(found[0, position])
                low, high = (end[position] for end in ends[metric])
                row[f"{metric}_ci"] = None if value is None else [float(low), float(high)]
            table.append(row)
    return table


def flatten(values: Metrics, intervals: Intervals) -> dict[str, object]:
    """Merge metrics and intervals into one mapping, with the intervals as ``<name>_ci``."""
    flat: dict[str, object] = {}
    for name, value in values.items():
        flat[name] = value
        flat[f"{name}_ci"] = intervals[name]
    return flat


def none_if_nan(value: float) -> float | None:
    """Return a float that JSON can hold: None for NaN."""
    return None if math.isnan(value) else float(value)


def _compute(outcomes: Outcomes, risk: float, weights: Floats) -> dict[str, Floats]:
    """Compute every metric ``[R]`` for weights ``[R, N]``; rows are sorted by falling confidence."""
    oos = outcomes.out_of_scope
    ties = ranking.TieGroups.of(outcomes.confidence)
    correct, wrong, outside = (ties.count(mask, weights) for mask in (outcomes.correct, ~outcomes.correct & ~oos, oos))
    inside = ranking.RankedCounts(ties.values, correct, wrong)
    scope = ranking.RankedCounts(ties.values, correct + wrong, outside)
    traffic = ranking.RankedCounts(ties.values, correct, wrong + outside)
    classes = classification.count_by_class(
        outcomes.truth[~oos], outcomes.predicted[~oos], len(outcomes.classes), weights[:, ~oos]
    )
    shares = _shares(outcomes, weights)
    return {
        "accuracy": shares.pop("accuracy"),
        "weighted_f1": classification.weighted_f1(classes),
        "macro_f1": classification.macro_f1(classes),
        "mcc": classification.mcc(classes),
        "ece": calibration.ece(inside),
        "ece_equal_mass": calibration.ece_equal_mass(inside),
        "brier": calibration.brier(inside),
        "aurc": ranking.aurc(inside),
        "excess_aurc": ranking.excess_aurc(inside),
        "confidence_auroc": ranking.auroc(inside),
        AT_80: ranking.accuracy_at_coverage(inside, 0.8),
        "best_coverage_at_guarantee": ranking.best_coverage(inside, risk),
        "oos_auroc": ranking.auroc(scope),
        "oos_fpr95": ranking.false_positive_rate_at(scope, 0.95),
        **shares,
        "all_traffic_mcc": classification.mcc(_all_traffic_counts(outcomes, weights)),
        "all_traffic_ece": calibration.ece(traffic),
        "all_traffic_aurc": ranking.aurc(traffic),
    }


def _shares(outcomes: Outcomes, weights: Floats) -> dict[str, Floats]:
    return {name: ratio(part, whole) for name, (part, whole) in _counts(outcomes, weights).items()}


def _counts(outcomes: Outcomes, weights: Floats) -> Mapping[str, tuple[Floats, Floats]]:
    """Return, for each metric that is a share of rows, the rows counted and the rows they are a share of, ``[R]``."""
    inside, correct, accepted = ~outcomes.out_of_scope, outcomes.correct, outcomes.accepted
    everything = np.ones_like(inside)
    masks = {
        "accuracy": (correct, inside),
        "coverage": (accepted & inside, inside),
        "selective_accuracy": (accepted & correct, accepted & inside),
        "false_acceptance_rate": (accepted & ~inside, ~inside),
        "all_traffic_accuracy": (np.where(inside, accepted & correct, ~accepted), everything),
        "all_traffic_coverage": (accepted, everything),
        "all_traffic_selective_accuracy": (accepted & correct, accepted),
    }
    return {
        name: (weights @ part.astype(float), weights @ whole.astype(float)) for name, (part, whole) in masks.items()
    }


def _all_traffic_counts(outcomes: Outcomes, weights: Floats) -> classification.ClassCounts:
    """Count by class with out of scope as one more class, which a refusal predicts."""
    oos_class = len(outcomes.classes)
    truth = np.where(outcomes.out_of_scope, oos_class, outcomes.truth)
    predicted = np.where(outcomes.accepted, outcomes.predicted, oos_class)
    return classification.count_by_class(truth, predicted, oos_class + 1, weights)


def _class_metrics(outcomes: Outcomes, weights: Floats) -> dict[str, Floats]:
    """Compute metrics ``[R, C]``."""
    counts = classification.count_by_class(outcomes.truth, outcomes.predicted, len(outcomes.classes), weights)
    return {
        "precision": ratio(counts.hits, counts.predicted),
        "recall": ratio(counts.hits, counts.truth),
        "f1": classification.f1_by_class(counts),
    }


def _sorted_by_confidence(outcomes: Outcomes) -> Outcomes:
    return outcomes.take(np.argsort(-outcomes.confidence, kind="stable"))


def _weights_of_one(outcomes: Outcomes) -> Floats:
    return np.ones((1, len(outcomes)))


def _interval(value: float | None, ends: tuple[Floats, Floats], size: float | None) -> list[float] | None:
    if value is None:
        return None
    if size is not None and value in (0.0, 1.0):
        return list(bootstrap.clopper_pearson_interval(value, size))
    return [float(ends[0]), float(ends[1])]

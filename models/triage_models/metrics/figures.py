"""All figures of a data set, each with its interval.

Plain names are over the rows that have one of the labels; ``oos_*`` and ``false_acceptance_rate`` are about those that
have none; ``all_traffic_*`` are over both: a foreign row is right when refused, another when accepted and right.
"""

import math
from collections.abc import Mapping
from functools import partial

import numpy as np

from triage_models.metrics import bootstrap, calibration, classification, ranking
from triage_models.metrics.classification import ratio
from triage_models.metrics.outcomes import Floats, Outcomes

Figures = dict[str, float | None]
Intervals = dict[str, list[float] | None]


def figures(outcomes: Outcomes, *, risk: float) -> Figures:
    """The figures of the data as it is; None where one is undefined (no foreign rows, nothing accepted …).

    Args:
        outcomes: N rows, at least 1.
        risk: the error rate that the bundle's guarantee allows, for ``best_coverage_at_guarantee``.
    """
    sorted_ = _by_confidence(outcomes)
    return {name: plain(values[0]) for name, values in _measure(sorted_, risk, _once(outcomes)).items()}


def intervals(outcomes: Outcomes, *, risk: float, resamples: int = bootstrap.RESAMPLES, seed: int = 0) -> Intervals:
    """The 95 % interval of each of `figures`, by percentile bootstrap over rows; None where the figure is undefined.

    A share of 0 or 1 gets Clopper-Pearson's interval: no resample could differ from it.
    """
    measure = partial(_measure, _by_confidence(outcomes), risk)
    ends = bootstrap.intervals(measure, len(outcomes), resamples=resamples, seed=seed)
    sizes = {name: float(of[0]) for name, (_, of) in _shares(outcomes, _once(outcomes)).items()}
    values = figures(outcomes, risk=risk)
    return {name: _interval(values[name], ends[name], sizes.get(name)) for name in values}


def shares(outcomes: Outcomes, *, resamples: int = bootstrap.RESAMPLES, seed: int = 0) -> dict[str, object]:
    """The figures that are shares of rows, with their intervals, flat: for slices, which may be a few rows."""
    ends = bootstrap.intervals(partial(_share_measure, outcomes), len(outcomes), resamples=resamples, seed=seed)
    once = _shares(outcomes, _once(outcomes))
    values = {name: plain(ratio(part, of)[0]) for name, (part, of) in once.items()}
    return flatten(values, {name: _interval(values[name], ends[name], float(once[name][1][0])) for name in values})


def by_class(outcomes: Outcomes, *, resamples: int = bootstrap.RESAMPLES, seed: int = 0) -> list[dict[str, object]]:
    """Precision, recall and F1 of each class that is true or predicted in the rows in scope, with intervals."""
    inside = outcomes.take(~outcomes.foreign)
    if not len(inside):
        return []
    values = _class_measure(inside, _once(inside))
    ends = bootstrap.intervals(partial(_class_measure, inside), len(inside), resamples=resamples, seed=seed)
    table: list[dict[str, object]] = []
    for place, name in enumerate(inside.classes):
        rows = int((inside.truth == place).sum())
        if rows or (inside.predicted == place).any():
            row: dict[str, object] = {"label": name, "rows": rows}
            for figure, found in values.items():
                row[figure] = value = plain(found[0, place])
                low, high = (end[place] for end in ends[figure])
                row[f"{figure}_ci"] = None if value is None else [float(low), float(high)]
            table.append(row)
    return table


def flatten(values: Figures, ends: Intervals) -> dict[str, object]:
    """One mapping: each figure, and its interval as ``<name>_ci``."""
    flat: dict[str, object] = {}
    for name, value in values.items():
        flat[name] = value
        flat[f"{name}_ci"] = ends[name]
    return flat


def plain(value: float) -> float | None:
    """A float for JSON: None for NaN."""
    return None if math.isnan(value) else float(value)


def _measure(outcomes: Outcomes, risk: float, weights: Floats) -> dict[str, Floats]:
    """Every figure ``[R]`` of weights ``[R, N]``, rows by falling confidence."""
    foreign = outcomes.foreign
    rungs = ranking.Rungs.of(outcomes.confidence)
    good, bad, alien = (rungs.count(rows, weights) for rows in (outcomes.right, ~outcomes.right & ~foreign, foreign))
    inside = ranking.Ladder(rungs.values, good, bad)
    scope = ranking.Ladder(rungs.values, good + bad, alien)
    traffic = ranking.Ladder(rungs.values, good, bad + alien)
    counted = classification.counts(
        outcomes.truth[~foreign], outcomes.predicted[~foreign], len(outcomes.classes), weights[:, ~foreign]
    )
    share = _share_measure(outcomes, weights)
    return {
        "accuracy": share.pop("accuracy"),
        "weighted_f1": classification.weighted_f1(counted),
        "macro_f1": classification.macro_f1(counted),
        "mcc": classification.mcc(counted),
        "ece": calibration.ece(inside),
        "ece_equal_mass": calibration.ece_equal_mass(inside),
        "brier": calibration.brier(inside),
        "aurc": ranking.aurc(inside),
        "excess_aurc": ranking.excess_aurc(inside),
        "confidence_auroc": ranking.auroc(inside),
        "best_coverage_at_guarantee": ranking.best_coverage(inside, risk),
        "oos_auroc": ranking.auroc(scope),
        "oos_fpr95": ranking.bad_rate_at(scope, 0.95),
        **share,
        "all_traffic_mcc": classification.mcc(_traffic_counts(outcomes, weights)),
        "all_traffic_ece": calibration.ece(traffic),
        "all_traffic_aurc": ranking.aurc(traffic),
    }


def _share_measure(outcomes: Outcomes, weights: Floats) -> dict[str, Floats]:
    return {name: ratio(part, of) for name, (part, of) in _shares(outcomes, weights).items()}


def _shares(outcomes: Outcomes, weights: Floats) -> Mapping[str, tuple[Floats, Floats]]:
    """Figures that are a number of rows among others: both, each ``[R]``."""
    inside, right, accepted = ~outcomes.foreign, outcomes.right, outcomes.accepted
    everything = np.ones_like(inside)
    of = {
        "accuracy": (right, inside),
        "coverage": (accepted & inside, inside),
        "selective_accuracy": (accepted & right, accepted & inside),
        "false_acceptance_rate": (accepted & ~inside, ~inside),
        "all_traffic_accuracy": (np.where(inside, accepted & right, ~accepted), everything),
        "all_traffic_coverage": (accepted, everything),
        "all_traffic_selective_accuracy": (accepted & right, accepted),
    }
    return {name: (weights @ part.astype(float), weights @ whole.astype(float)) for name, (part, whole) in of.items()}


def _traffic_counts(outcomes: Outcomes, weights: Floats) -> classification.Counts:
    """Counts with out of scope as one more class, which is what a refusal predicts."""
    scope = len(outcomes.classes)
    truth = np.where(outcomes.foreign, scope, outcomes.truth)
    predicted = np.where(outcomes.accepted, outcomes.predicted, scope)
    return classification.counts(truth, predicted, scope + 1, weights)


def _class_measure(outcomes: Outcomes, weights: Floats) -> dict[str, Floats]:
    """Figures ``[R, C]``."""
    counted = classification.counts(outcomes.truth, outcomes.predicted, len(outcomes.classes), weights)
    return {
        "precision": ratio(counted.hits, counted.predicted),
        "recall": ratio(counted.hits, counted.truth),
        "f1": classification.f1_by_class(counted),
    }


def _by_confidence(outcomes: Outcomes) -> Outcomes:
    return outcomes.take(np.argsort(-outcomes.confidence, kind="stable"))


def _once(outcomes: Outcomes) -> Floats:
    return np.ones((1, len(outcomes)))


def _interval(value: float | None, ends: tuple[Floats, Floats], size: float | None) -> list[float] | None:
    if value is None:
        return None
    if size is not None and value in (0.0, 1.0):
        return list(bootstrap.exact_share(value, size))
    return [float(ends[0]), float(ends[1])]

"""Evaluates decisions on labelled rows: everything that a report shows, as plain values."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from triage_models.bundle.manifest import Manifest
from triage_models.data.evaluation_rows import LabelledRows
from triage_models.metrics import bootstrap, calibration, confusions, ranking
from triage_models.metrics.compute import compute_by_class, compute_intervals, compute_metrics, flatten
from triage_models.metrics.outcomes import Outcomes, build_outcomes
from triage_models.metrics.slices import compute_by_slice
from triage_models.serving.decision import Decision

CURVE_POINTS = 200


@dataclass(frozen=True)
class Evaluation:
    """Labelled rows, their outcomes, and the metrics as values that JSON can hold."""

    rows: LabelledRows
    outcomes: Outcomes
    result: dict[str, Any]


def evaluate_decisions(
    rows: LabelledRows,
    decisions: Sequence[Decision],
    manifest: Manifest,
    oos_labels: frozenset[str],
    *,
    resamples: int = bootstrap.RESAMPLES,
    seed: int = 0,
) -> Evaluation:
    """Evaluate the decisions of a bundle on labelled rows.

    Args:
        rows: N rows.
        decisions: ``[N]``
        manifest: that of the bundle.
        oos_labels: labels of the data that mean "none of the bundle's labels".
        resamples: number of bootstrap resamples.
        seed: seed of the bootstrap.
    """
    outcomes = build_outcomes(
        rows.labels,
        [decision.intent for decision in decisions],
        (decision.confidence for decision in decisions),
        (decision.accepted for decision in decisions),
        known=manifest.labels,
        oos_labels=oos_labels,
    )
    guarantee = manifest.thresholds.guarantee
    values = compute_metrics(outcomes, risk=guarantee.risk)
    intervals = compute_intervals(outcomes, risk=guarantee.risk, resamples=resamples, seed=seed)
    result = {
        "rows": len(rows),
        "in_scope_rows": int((~outcomes.out_of_scope).sum()),
        "out_of_scope_rows": int(outcomes.out_of_scope.sum()),
        "accepted_rows": int(outcomes.accepted.sum()),
        "threshold": manifest.thresholds.confidence,
        "guarantee": guarantee.model_dump(include={"risk", "confidence", "certified", "method"}),
        "refusals": dict(Counter(decision.reason for decision in decisions if decision.reason is not None)),
        "guarantee_kept": _guarantee_holds(values["all_traffic_selective_accuracy"], guarantee.risk),
        **flatten(values, intervals),
        "false_acceptances": confusions.false_acceptances(outcomes),
        "unknown_labels": confusions.unknown_labels(outcomes, len(manifest.labels)),
        "labels_not_judged": manifest.metrics.get("labels_not_judged", []),
        "by_label": compute_by_class(outcomes, resamples=resamples, seed=seed),
        "by_slice": compute_by_slice(rows, outcomes, resamples=resamples, seed=seed),
        **_curves(outcomes.take(~outcomes.out_of_scope)),
        **_curves(outcomes, "all_traffic_"),
    }
    return Evaluation(rows, outcomes, result)


def _curves(outcomes: Outcomes, prefix: str = "") -> dict[str, object]:
    """Return the risk-coverage curve and the reliability diagram; out-of-scope rows count as wrong."""
    if not len(outcomes):
        return {f"{prefix}risk_coverage": [], f"{prefix}reliability": []}
    ranked = ranking.count_by_confidence(outcomes.confidence, outcomes.correct)
    points = zip(*ranking.risk_coverage_curve(ranked, CURVE_POINTS), strict=True)
    return {
        f"{prefix}risk_coverage": [{"coverage": float(coverage), "risk": float(risk)} for coverage, risk in points],
        f"{prefix}reliability": [
            {"rows": one.rows, "confidence": one.confidence, "right": one.accuracy}
            for one in calibration.reliability_bins(ranked)
        ],
    }


def _guarantee_holds(selective_accuracy: float | None, risk: float) -> bool | None:
    """Whether the error rate among accepted rows is within the guarantee; None if nothing was accepted."""
    return None if selective_accuracy is None else 1 - selective_accuracy <= risk

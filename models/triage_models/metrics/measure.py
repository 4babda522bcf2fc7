"""Decisions on labelled rows, turned into all that a report says."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from triage_models.bundle.manifest import Manifest
from triage_models.metrics import bootstrap, calibration, confusions, ranking
from triage_models.metrics.figures import by_class, figures, flatten, intervals
from triage_models.metrics.outcomes import Outcomes, compare
from triage_models.metrics.rows import LabelledRows
from triage_models.metrics.slices import by_slice
from triage_models.serving.decision import Decision

CURVE_POINTS = 200


@dataclass(frozen=True)
class Evaluation:
    """Rows, what became of them, and the figures: plain values that JSON can hold."""

    rows: LabelledRows
    outcomes: Outcomes
    result: dict[str, Any]


def evaluate(
    rows: LabelledRows,
    decisions: Sequence[Decision],
    manifest: Manifest,
    scope: frozenset[str],
    *,
    resamples: int = bootstrap.RESAMPLES,
    seed: int = 0,
) -> Evaluation:
    """Figures of decisions that were made on labelled rows; ``scope`` are the labels that mean out of scope."""
    outcomes = compare(
        rows.labels,
        [decision.intent for decision in decisions],
        (decision.confidence for decision in decisions),
        (decision.accepted for decision in decisions),
        known=manifest.labels,
        out_of_scope=scope,
    )
    guarantee = manifest.thresholds.guarantee
    found = figures(outcomes, risk=guarantee.risk)
    ends = intervals(outcomes, risk=guarantee.risk, resamples=resamples, seed=seed)
    result = {
        "rows": len(rows),
        "in_scope_rows": int((~outcomes.foreign).sum()),
        "out_of_scope_rows": int(outcomes.foreign.sum()),
        "accepted_rows": int(outcomes.accepted.sum()),
        "threshold": manifest.thresholds.confidence,
        "guarantee": guarantee.model_dump(include={"risk", "confidence", "certified", "method"}),
        "refusals": dict(Counter(decision.reason for decision in decisions if decision.reason is not None)),
        "guarantee_kept": _kept(found["all_traffic_selective_accuracy"], guarantee.risk),
        **flatten(found, ends),
        "false_acceptances": confusions.false_acceptances(outcomes),
        "unknown_labels": confusions.unknown_labels(outcomes, len(manifest.labels)),
        "by_label": by_class(outcomes, resamples=resamples, seed=seed),
        "by_slice": by_slice(rows, outcomes, resamples=resamples, seed=seed),
        **_curves(outcomes.take(~outcomes.foreign)),
        **_curves(outcomes, "all_traffic_"),
    }
    return Evaluation(rows, outcomes, result)


def _curves(outcomes: Outcomes, prefix: str = "") -> dict[str, object]:
    """The risk-coverage curve and the reliability diagram; rows out of scope count as wrong."""
    if not len(outcomes):
        return {f"{prefix}risk_coverage": [], f"{prefix}reliability": []}
    rungs = ranking.ladder(outcomes.confidence, outcomes.right)
    points = zip(*ranking.curve(rungs, CURVE_POINTS), strict=True)
    return {
        f"{prefix}risk_coverage": [{"coverage": float(coverage), "risk": float(risk)} for coverage, risk in points],
        f"{prefix}reliability": [vars(one) for one in calibration.reliability(rungs)],
    }


def _kept(right: float | None, risk: float) -> bool | None:
    """Whether no more of the accepted were wrong than the guarantee allows; None where nothing was accepted."""
    return None if right is None else 1 - right <= risk

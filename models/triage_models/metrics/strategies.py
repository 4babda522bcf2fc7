"""Compares strategies of deciding the same rows: a bundle, a large language model, one after the other."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from triage_models.metrics import bootstrap
from triage_models.metrics.classification import ratio
from triage_models.metrics.compute import compute_shares, none_if_nan
from triage_models.metrics.outcomes import Floats, Outcomes, build_outcomes

NO_INTENT = ""
"""The prediction of a strategy that named no intent; no row's label is empty."""


@dataclass(frozen=True)
class StrategyDecisions:
    """The decisions of one strategy on N rows.

    Attributes:
        intents: ``[N]`` the predicted label, None where it names none.
        accepted: ``[N]`` whether the decision is accepted; what is not accepted goes to a person.
        money: ``[N]`` what deciding the row cost.
    """

    intents: Sequence[str | None]
    accepted: Sequence[bool]
    money: Sequence[float]


def compare_strategies(
    labels: Sequence[str],
    strategies: Mapping[str, StrategyDecisions],
    *,
    baseline: str,
    known: Sequence[str],
    oos_labels: Collection[str],
    resamples: int = bootstrap.RESAMPLES,
    seed: int = 0,
) -> dict[str, dict[str, Any]]:
    """Compute the metrics of each strategy on the same rows, each with its 95 % interval as ``<name>_ci``.

    Args:
        labels: ``[N]``, at least one; several correct labels are joined by ``|``.
        strategies: the decisions by name of the strategy.
        baseline: the strategy that the others' ``accuracy_difference`` is taken from, row by row.
        known: the labels that strategies choose from.
        oos_labels: labels that mean none of these.
        resamples: number of bootstrap resamples.
        seed: seed of the bootstrap; all strategies see the same resamples.

    Returns:
        By strategy: the shares of `triage_models.metrics.compute.compute_shares`, ``accepted_rows``,
        ``accepted_errors``, ``review_share``, ``money_per_1000`` and ``accuracy_difference``.
    """
    outcomes = {name: _outcomes(labels, one, known, oos_labels) for name, one in strategies.items()}
    return {
        name: _metrics(outcomes[name], outcomes[baseline], one.money, resamples=resamples, seed=seed)
        for name, one in strategies.items()
    }


def _outcomes(
    labels: Sequence[str], decisions: StrategyDecisions, known: Sequence[str], oos_labels: Collection[str]
) -> Outcomes:
    return build_outcomes(
        labels,
        [NO_INTENT if intent is None else intent for intent in decisions.intents],
        np.zeros(len(labels)),  # no metric here ranks by confidence
        decisions.accepted,
        known=(*known, NO_INTENT),
        oos_labels=oos_labels,
    )


def _metrics(
    outcomes: Outcomes, baseline: Outcomes, money: Sequence[float], *, resamples: int, seed: int
) -> dict[str, Any]:
    found: dict[str, Any] = compute_shares(outcomes, resamples=resamples, seed=seed)
    cost = np.asarray(money, dtype=np.float64)
    compute = partial(_paired_metrics, outcomes, baseline, cost)
    ends = bootstrap.bootstrap_intervals(compute, len(outcomes), resamples=resamples, seed=seed)
    for name, values in compute(np.ones((1, len(outcomes)))).items():
        found[name] = value = none_if_nan(values[0])
        found[f"{name}_ci"] = None if value is None else [float(end) for end in ends[name]]
    low, high = found["all_traffic_coverage_ci"]
    return found | {
        "accepted_rows": int(outcomes.accepted.sum()),
        "accepted_errors": int((outcomes.accepted & ~outcomes.correct).sum()),
        "review_share": 1 - found["all_traffic_coverage"],
        "review_share_ci": [1 - high, 1 - low],
    }


def _paired_metrics(outcomes: Outcomes, baseline: Outcomes, money: Floats, weights: Floats) -> dict[str, Floats]:
    """Compute metrics ``[R]`` for weights ``[R, N]``."""
    inside = (~outcomes.out_of_scope).astype(np.float64)
    gained = outcomes.correct.astype(np.float64) - baseline.correct.astype(np.float64)
    return {
        "accuracy_difference": ratio(weights @ gained, weights @ inside),
        "money_per_1000": 1000 * (weights @ money) / len(outcomes),
    }

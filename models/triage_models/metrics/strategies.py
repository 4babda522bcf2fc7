"""Several ways of deciding the same rows, side by side: a bundle, a larger model, one after the other."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from triage_models.metrics import bootstrap
from triage_models.metrics.classification import ratio
from triage_models.metrics.figures import plain, shares
from triage_models.metrics.outcomes import Floats, Outcomes, compare

NO_INTENT = ""
"""Stands for the answer of a way that gave none: no row's label is empty."""


@dataclass(frozen=True)
class Way:
    """What one way of deciding made of N rows.

    Attributes:
        intents: ``[N]``, None where it names none.
        accepted: ``[N]`` whether the intent is acted on; what is not goes to a person.
        money: ``[N]`` what deciding the row cost.
    """

    intents: Sequence[str | None]
    accepted: Sequence[bool]
    money: Sequence[float]


def side_by_side(
    labels: Sequence[str],
    ways: Mapping[str, Way],
    *,
    against: str,
    known: Sequence[str],
    out_of_scope: Collection[str],
    resamples: int = bootstrap.RESAMPLES,
    seed: int = 0,
) -> dict[str, dict[str, Any]]:
    """The figures of each way on the same rows, each with its 95 % interval as ``<name>_ci``.

    Args:
        labels: ``[N]``, at least one; several right ones by ``|``.
        ways: by name.
        against: the way that ``accuracy_difference`` of the others is taken from, row by row.
        known: the labels that ways choose from.
        out_of_scope: labels that mean none of these.
        resamples: of the bootstrap.
        seed: of the bootstrap; all ways see the same resamples.

    Returns:
        The shares of `triage_models.metrics.figures.shares`, ``accepted_rows``, ``accepted_errors``, ``review_share``,
        ``money_per_1000`` and ``accuracy_difference``, by the way's name.
    """
    outcomes = {name: _outcomes(labels, way, known, out_of_scope) for name, way in ways.items()}
    return {
        name: _figures(outcomes[name], outcomes[against], way.money, resamples=resamples, seed=seed)
        for name, way in ways.items()
    }


def _outcomes(labels: Sequence[str], way: Way, known: Sequence[str], out_of_scope: Collection[str]) -> Outcomes:
    return compare(
        labels,
        [NO_INTENT if intent is None else intent for intent in way.intents],
        np.zeros(len(labels)),  # no figure here ranks by confidence
        way.accepted,
        known=(*known, NO_INTENT),
        out_of_scope=out_of_scope,
    )


def _figures(
    outcomes: Outcomes, others: Outcomes, money: Sequence[float], *, resamples: int, seed: int
) -> dict[str, Any]:
    found: dict[str, Any] = shares(outcomes, resamples=resamples, seed=seed)
    cost = np.asarray(money, dtype=np.float64)
    measure = partial(_means, outcomes, others, cost)
    ends = bootstrap.intervals(measure, len(outcomes), resamples=resamples, seed=seed)
    for name, values in measure(np.ones((1, len(outcomes)))).items():
        found[name] = value = plain(values[0])
        found[f"{name}_ci"] = None if value is None else [float(end) for end in ends[name]]
    low, high = found["all_traffic_coverage_ci"]
    return found | {
        "accepted_rows": int(outcomes.accepted.sum()),
        "accepted_errors": int((outcomes.accepted & ~outcomes.right).sum()),
        "review_share": 1 - found["all_traffic_coverage"],
        "review_share_ci": [1 - high, 1 - low],
    }


def _means(outcomes: Outcomes, others: Outcomes, money: Floats, weights: Floats) -> dict[str, Floats]:
    """Figures ``[R]`` of weights ``[R, N]``."""
    inside = (~outcomes.foreign).astype(np.float64)
    gained = outcomes.right.astype(np.float64) - others.right.astype(np.float64)
    return {
        "accuracy_difference": ratio(weights @ gained, weights @ inside),
        "money_per_1000": 1000 * (weights @ money) / len(outcomes),
    }

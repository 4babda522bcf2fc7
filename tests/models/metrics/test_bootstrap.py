"""Intervals: reproducible, exact at 0 and 1, and as wide as theory says."""

import dataclasses

import numpy as np
import pytest
from triage_models.metrics import bootstrap
from triage_models.metrics.compute import compute_intervals, compute_metrics
from triage_models.metrics.outcomes import OUT_OF_SCOPE, Outcomes


def coin(rows: int, right: int, accepted: bool = True) -> Outcomes:
    predicted = np.zeros(rows, dtype=np.int64)
    truth = np.where(np.arange(rows) < right, 0, 1)
    confidence = np.linspace(0.99, 0.01, rows)
    return Outcomes(("a", "b"), truth, predicted, confidence, np.full(rows, accepted))


def test_every_metric_has_an_interval_around_it() -> None:
    outcomes = coin(300, 210)
    values, ends = compute_metrics(outcomes, risk=0.05), compute_intervals(outcomes, risk=0.05)
    assert values.keys() == ends.keys()
    for name in ("accuracy", "weighted_f1", "mcc", "aurc", "coverage", "selective_accuracy"):
        value, interval = values[name], ends[name]
        assert value is not None
        assert interval is not None
        assert interval[0] <= value <= interval[1], name


def test_an_accuracy_interval_is_as_wide_as_a_binomial_one() -> None:
    ends = compute_intervals(coin(400, 320), risk=0.05)["accuracy"]
    assert ends is not None
    half = 1.96 * (0.8 * 0.2 / 400) ** 0.5
    assert ends == pytest.approx([0.8 - half, 0.8 + half], abs=0.01)


def test_the_same_seed_gives_the_same_interval_and_another_seed_another() -> None:
    outcomes = coin(120, 90)
    outcomes = dataclasses.replace(outcomes, confidence=np.random.default_rng(0).random(120))
    assert compute_intervals(outcomes, risk=0.05, seed=3) == compute_intervals(outcomes, risk=0.05, seed=3)
    assert (
        compute_intervals(outcomes, risk=0.05, seed=3)["aurc"] != compute_intervals(outcomes, risk=0.05, seed=4)["aurc"]
    )


def test_an_interval_of_zero_of_29_does_not_claim_never() -> None:
    outcomes = Outcomes(
        ("a", "b"),
        np.full(29, OUT_OF_SCOPE),
        np.zeros(29, dtype=np.int64),
        np.full(29, 0.2),
        np.zeros(29, dtype=np.bool_),
    )
    assert compute_metrics(outcomes, risk=0.05)["false_acceptance_rate"] == 0
    assert compute_intervals(outcomes, risk=0.05)["false_acceptance_rate"] == pytest.approx([0, 0.1194], abs=1e-4)
    assert compute_intervals(coin(59, 59), risk=0.05)["accuracy"] == pytest.approx([0.9394, 1], abs=1e-4)


def test_an_undefined_metric_has_no_interval() -> None:
    assert compute_intervals(coin(10, 5, accepted=False), risk=0.05)["selective_accuracy"] is None


def test_blocks_do_not_change_a_resample(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = np.concatenate(list(bootstrap.resample_weights(50, 20, seed=1)))
    monkeypatch.setattr(bootstrap, "MAX_BLOCK_CELLS", 150)
    blocks = list(bootstrap.resample_weights(50, 20, seed=1))
    assert len(blocks) == 7
    assert np.array_equal(np.concatenate(blocks), whole)
    assert np.array_equal(whole.sum(axis=1), np.full(20, 50))

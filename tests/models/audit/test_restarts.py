import numpy as np
import pytest
from triage_models.audit.restarts import RestartMixture


def naive(log_factors: "np.ndarray[tuple[int, int], np.dtype[np.float64]]", scale: float) -> list[float]:
    """The same, one bettor at a time."""
    found = []
    size, ways = log_factors.shape
    for end in range(1, size + 1):
        total = scale / (end + scale)
        for start in range(end):
            share = scale / ((start + scale) * (start + scale + 1)) / ways
            total += share * np.exp(log_factors[start:end].sum(axis=0)).sum()
        found.append(float(np.log(total)))
    return found


def test_it_is_the_sum_over_all_starts() -> None:
    log_factors = np.random.default_rng(0).normal(0.0, 0.5, (40, 3))
    mixture = RestartMixture(np.full(3, 1 / 3), scale=7.0)
    assert mixture.extend(log_factors).tolist() == pytest.approx(naive(log_factors, 7.0))


def test_parts_give_what_the_whole_gives() -> None:
    log_factors = np.random.default_rng(1).normal(0.0, 0.5, (50, 2))
    whole, parts = (RestartMixture(np.full(2, 0.5)) for _ in range(2))
    expected = whole.extend(log_factors)
    found = [parts.extend(log_factors[start : start + 9]) for start in range(0, 50, 9)]
    assert np.concatenate(found).tolist() == pytest.approx(expected.tolist())
    assert parts.likely_start == whole.likely_start
    assert parts.events == 50


def test_the_capital_is_at_most_one_on_average_under_the_null_hypothesis() -> None:
    heads = np.random.default_rng(2).random((4000, 20)) < 0.5
    factors = np.log(np.where(heads, 1.3, 0.7))
    final = [RestartMixture(np.ones(1), scale=10.0).extend(one[:, None])[-1] for one in factors]
    assert np.exp(final).mean() == pytest.approx(1.0, abs=0.03)


def test_a_long_good_past_does_not_hide_a_change() -> None:
    log_factors = np.concatenate([np.full(5000, -0.05), np.full(60, 0.3)])[:, None]
    mixture = RestartMixture(np.ones(1))
    evidence = mixture.extend(log_factors)
    assert evidence[4999] < 0.1
    assert evidence[-1] > np.log(20)
    assert mixture.likely_start == 5000


def test_no_events_change_nothing() -> None:
    mixture = RestartMixture(np.ones(1))
    assert mixture.extend(np.zeros((0, 1))).shape == (0,)
    assert mixture.events == 0


def test_enormous_evidence_stays_finite() -> None:
    mixture = RestartMixture(np.ones(1))
    for _ in range(3):
        evidence = mixture.extend(np.full((1000, 1), 2.0))
    assert np.isfinite(evidence).all()

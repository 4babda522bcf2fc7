"""The exact bounds, with numpy only; `test_guarantee` compares them with scipy."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from triage_models.calibration.binomial import at_most, most_errors, tail_probabilities, upper_bound


@pytest.mark.parametrize(("rows", "errors"), [(58, -1), (59, 0), (92, 0), (93, 1), (124, 2), (153, 3), (181, 4)])
def test_five_per_cent_allow_so_many_errors(rows: int, errors: int) -> None:
    assert most_errors(rows, 0.05, 0.95) == errors


@given(st.integers(1, 5000), st.floats(0.001, 0.5), st.floats(0.5, 0.999))
def test_the_most_errors_are_those_whose_bound_is_just_low_enough(rows: int, risk: float, level: float) -> None:
    errors = most_errors(rows, risk, level)
    assert at_most(errors, rows, risk) <= 1 - level + 1e-9
    assert at_most(errors + 1, rows, risk) >= 1 - level - 1e-9
    if errors >= 0:
        assert upper_bound(errors, rows, level) <= risk + 1e-9
    assert upper_bound(errors + 1, rows, level) >= risk - 1e-9


@given(st.integers(0, 300), st.floats(0, 1))
def test_probabilities_rise_to_one(rows: int, risk: float) -> None:
    found = tail_probabilities(rows, risk)
    assert len(found) == rows + 1
    assert (found[1:] >= found[:-1]).all()
    assert found[-1] == pytest.approx(1.0)


def test_a_large_sample_neither_overflows_nor_takes_long() -> None:
    assert 0.0500 < upper_bound(5000, 100_000, 0.95) < 0.0512

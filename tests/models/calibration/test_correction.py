"""A corrected calibration: drawn to the bundle's own by few rows, to the truth by many."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from triage_models.calibration.correction import REFIT_ROWS, correct_calibration
from triage_models.serving.decision import confidence_features, confidences, softmax

from tests.models.calibration.shops import LABELS, OWN, own_confidence, shop


def error(calibration: object, seed: int, **how: float) -> float:
    """Return how far the mean confidence is from the share that is right, in the upper and the lower half."""
    fresh = shop(seed, 20_000, **how)
    features = confidence_features(softmax(fresh.logits, OWN.temperature), fresh.similarity, len(LABELS))
    confidence = confidences(features, calibration)  # type: ignore[arg-type]
    correct, upper = fresh.correct(len(LABELS)), confidence >= np.median(confidence)
    return float(np.mean([abs(confidence[half].mean() - correct[half].mean()) for half in (upper, ~upper)]))


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 1000), st.integers(1, REFIT_ROWS - 1), st.floats(-3, 3), st.floats(0.2, 3))
def test_few_rows_never_change_the_order_of_the_messages(seed: int, rows: int, shift: float, stretch: float) -> None:
    data = shop(seed, rows, shift=shift, stretch=stretch)
    found = correct_calibration(data, len(LABELS), OWN, 0.8, seed=0)
    order = np.argsort(found.expected)
    assert (np.diff(found.confidence[order]) >= -1e-6).all()
    above = found.expected >= 0.8 + 1e-6
    assert (found.confidence[above] >= found.own_threshold - 1e-6).all()
    assert (found.confidence[found.expected < 0.8 - 1e-6] <= found.own_threshold + 1e-6).all()


def test_a_handful_of_rows_moves_little_and_hundreds_move_most_of_the_way() -> None:
    how = {"shift": -1.5}
    before = error(OWN, 1, **how)
    errors = [
        np.mean(
            [
                error(correct_calibration(shop(seed, rows, **how), len(LABELS), OWN, 0.8, seed=0).calibration, 1, **how)
                for seed in range(5)
            ]
        )
        for rows in (5, 50, 400, 2000)
    ]
    assert before > errors[0] > errors[1] > errors[2]
    assert errors[3] < 0.15 * before


@pytest.mark.parametrize("rows", [25, 50, 100])
def test_where_the_bundle_is_right_already_few_rows_spoil_nothing_much(rows: int) -> None:
    spoilt = [
        error(correct_calibration(shop(seed, rows), len(LABELS), OWN, 0.8, seed=0).calibration, 1) for seed in range(10)
    ]
    assert np.mean(spoilt) < 0.03


def test_with_many_rows_each_confidence_is_by_a_fit_without_the_row() -> None:
    data = shop(3, REFIT_ROWS)
    found = correct_calibration(data, len(LABELS), OWN, 0.8, seed=0)
    features = confidence_features(softmax(data.logits, OWN.temperature), data.similarity, len(LABELS))
    fitted = confidences(features, found.calibration)
    assert found.confidence != pytest.approx(fitted, abs=1e-6)
    assert found.confidence == pytest.approx(fitted, abs=0.1)
    own = own_confidence(data.logits, data.similarity)
    assert (found.confidence >= found.own_threshold).sum() == pytest.approx((own >= 0.8).sum(), abs=1)


def test_the_temperature_stays_and_the_rows_are_recorded() -> None:
    found = correct_calibration(shop(4, 30), len(LABELS), OWN, 0.8, seed=0).calibration
    assert (found.temperature, found.rows, found.fitted_on) == (OWN.temperature, 30, "drawn")
    assert all(weight >= 0 for weight in found.weights)

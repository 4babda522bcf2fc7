"""The calibration: temperature, confidence and thresholds, on generated data with known truth."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from triage_models.bundle.accepted_rows import expand
from triage_models.bundle.manifest import Guarantee
from triage_models.calibration import fit
from triage_models.calibration.calibration_data import CalibrationData
from triage_models.calibration.fit import fit_calibration, fit_with_thresholds
from triage_models.calibration.guarantee import choose_threshold
from triage_models.serving.decision import confidence_features, confidences, softmax

from tests.models.calibration.shops import shop

LABELS = 4


def calibration_data(seed: int, rows: int, *, temperature: float = 1.0, out_of_scope: float = 0.2) -> CalibrationData:
    """Generate rows with classes drawn from the softmax of their logits; out-of-scope rows have a low similarity."""
    random = np.random.default_rng(seed)
    logits = random.normal(size=(rows, LABELS + 1)).astype(np.float32) * 5
    probabilities = softmax(logits, temperature)
    classes = (probabilities.cumsum(axis=1) > random.random((rows, 1))).argmax(axis=1)
    similarity = np.clip(0.4 + 0.04 * logits + 0.05 * random.normal(size=logits.shape), -1, 1).astype(np.float32)
    outside = random.random(rows) < out_of_scope
    classes[outside] = -1
    similarity[outside] -= 0.5
    return CalibrationData(logits, similarity, classes.astype(np.int64), f"drawn with {seed}")


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.5])
def test_the_temperature_that_generated_the_rows_is_found(temperature: float) -> None:
    found = fit_calibration(calibration_data(1, 6000, temperature=temperature, out_of_scope=0.0), LABELS).temperature
    assert found == pytest.approx(temperature, rel=0.08)


@settings(max_examples=15)
@given(st.integers(0, 10_000), st.integers(20, 200), st.floats(0, 0.6))
def test_no_weight_is_negative(seed: int, rows: int, out_of_scope: float) -> None:
    calibration = fit_calibration(calibration_data(seed, rows, out_of_scope=out_of_scope), LABELS)
    assert all(weight >= 0 for weight in calibration.weights)
    assert np.isfinite(calibration.weights).all()
    assert np.isfinite([calibration.intercept, calibration.temperature]).all()


def test_confidence_is_calibrated_on_rows_that_it_was_not_fitted_on() -> None:
    calibration = fit_calibration(calibration_data(2, 6000), LABELS)
    fresh = calibration_data(3, 6000)
    features = confidence_features(softmax(fresh.logits, calibration.temperature), fresh.similarity, LABELS)
    confidence = confidences(features, calibration)
    right = (fresh.logits[:, :LABELS].argmax(axis=1) == fresh.classes) & (fresh.classes >= 0)
    for low, high in ((0.0, 0.2), (0.2, 0.5), (0.5, 0.8), (0.8, 1.0)):
        inside = (confidence >= low) & (confidence < high)
        assert inside.sum() > 100
        assert right[inside].mean() == pytest.approx(confidence[inside].mean(), abs=0.06)


def test_out_of_scope_rows_lower_the_confidence_of_unfamiliar_messages() -> None:
    calibration = fit_calibration(calibration_data(4, 4000), LABELS)
    near, far = (np.full((1, LABELS + 1), value, dtype=np.float32) for value in (0.6, 0.1))
    probabilities = softmax(np.array([[6, 0, 0, 0, 0]], dtype=np.float32), calibration.temperature)
    known, unknown = (confidences(confidence_features(probabilities, at, LABELS), calibration)[0] for at in (near, far))
    assert known > unknown + 0.2


def test_a_certified_threshold_holds_on_fresh_rows() -> None:
    calibration, thresholds, *_ = fit_with_thresholds(
        calibration_data(5, 3000, out_of_scope=0.05), LABELS, risk=0.1, seed=0
    )
    assert thresholds.guarantee.certified
    assert thresholds.guarantee.calibration_rows == 3000
    fresh = calibration_data(6, 20_000, out_of_scope=0.05)
    features = confidence_features(softmax(fresh.logits, calibration.temperature), fresh.similarity, LABELS)
    accepted = confidences(features, calibration) >= thresholds.confidence
    accepted &= fresh.similarity[:, :LABELS].max(axis=1) >= thresholds.familiarity
    accepted &= fresh.logits.argmax(axis=1) < LABELS
    wrong = fresh.logits[:, :LABELS].argmax(axis=1) != fresh.classes
    assert accepted.mean() > 0.1
    assert wrong[accepted].mean() <= 0.1


def test_a_guarantee_of_suggestions_is_about_the_threshold_that_they_have() -> None:
    """Without a guarantee, the most correct threshold can be lower than the one that suggestions were tested at."""
    lowered = 0
    for seed in range(10):
        fitted = fit_with_thresholds(shop(seed, 300, shift=-1.0), LABELS, risk=0.05, seed=0)
        assert fitted.suggestion is not None
        of = fitted.suggestion.guarantee
        assert fitted.suggestion.confidence <= fitted.thresholds.confidence
        assert not of.certified or of.upper_bound <= of.risk
        accepted = fitted.thresholds.guarantee.accepted_rows
        assert of.accepted_rows >= accepted
        lowered += of.accepted_rows == accepted and not of.certified
    assert lowered > 3, "the test would show nothing"


@pytest.mark.parametrize("risk", [0.1, 0.001])
def test_the_accepted_rows_are_those_of_the_guarantee(risk: float) -> None:
    fitted = fit_with_thresholds(calibration_data(5, 3000, out_of_scope=0.05), LABELS, risk=risk, seed=0)
    assert fitted.accepted is not None
    rows, guarantee = expand(fitted.accepted), fitted.thresholds.guarantee
    assert (len(rows.confidence), int(rows.wrong.sum())) == (guarantee.accepted_rows, guarantee.errors)
    assert guarantee.accepted_rows > 100
    assert rows.confidence.min() == pytest.approx(fitted.thresholds.confidence, abs=0.02)
    assert set(rows.intent.tolist()) == set(range(LABELS))


def test_the_guarantee_is_about_what_the_thresholds_of_languages_accept() -> None:
    """Rows of the second language are wrong more often, so it gets a stricter threshold, and fewer are accepted."""
    data = calibration_data(5, 3000, out_of_scope=0.05)
    languages = ["en" if row % 3 else "hi" for row in range(len(data))]
    harder = np.array([language == "hi" for language in languages]) & (np.arange(len(data)) % 4 == 0)
    data = replace(data, classes=np.where(harder, -1, data.classes))
    alone, fitted = (fit_with_thresholds(data, LABELS, risk=0.1, seed=0, languages=given) for given in ([], languages))
    assert fitted.by_language is not None
    assert (fitted.by_language["hi"].confidence or 0) > fitted.thresholds.confidence == alone.thresholds.confidence
    assert fitted.accepted is not None
    rows, guarantee = expand(fitted.accepted), fitted.thresholds.guarantee
    assert (len(rows.confidence), int(rows.wrong.sum())) == (guarantee.accepted_rows, guarantee.errors)
    assert guarantee.accepted_rows < alone.thresholds.guarantee.accepted_rows
    assert guarantee.certified == (alone.thresholds.guarantee.certified and guarantee.upper_bound <= guarantee.risk)


def test_a_row_has_no_part_in_the_confidence_that_its_threshold_is_chosen_by(monkeypatch: pytest.MonkeyPatch) -> None:
    """Confidences fitted on the rows themselves move with the label of each."""
    given: list[NDArray[np.float64]] = []

    def choose(confidence: NDArray[np.float64], *others: NDArray[np.bool_], risk: float) -> tuple[float, Guarantee]:
        given.append(confidence)
        return choose_threshold(confidence, *others, risk=risk)

    monkeypatch.setattr(fit, "choose_threshold", choose)
    rows = calibration_data(9, 120)
    fit_with_thresholds(rows, LABELS, risk=0.1, seed=0)
    usual, compared = given[0], 0
    for row in np.flatnonzero(rows.correct(LABELS))[:8]:
        other = rows.classes.copy()
        other[row] = (other[row] + 1) % LABELS
        fit_with_thresholds(replace(rows, classes=other), LABELS, risk=0.1, seed=0)
        moved = given[-1]
        if usual[row] and moved[row]:  # a row below the familiarity floor has 0
            assert moved[row] == usual[row]
            assert (moved != usual).mean() > 0.3, "the label of a row moves the confidence of the others"
            compared += 1
    assert compared > 4, "the test would show nothing"


def test_noise_certifies_nothing() -> None:
    random = np.random.default_rng(7)
    logits = random.normal(size=(60, LABELS + 1)).astype(np.float32)
    classes = random.integers(0, LABELS, 60)  # pure chance: a quarter is correct
    rows = CalibrationData(logits, random.uniform(0, 1, logits.shape).astype(np.float32), classes, "noise")
    _, thresholds, *_ = fit_with_thresholds(rows, LABELS, risk=0.05, seed=0)
    assert not thresholds.guarantee.certified


def test_calibration_is_the_same_for_the_same_seed() -> None:
    rows = calibration_data(8, 500)
    assert fit_with_thresholds(rows, LABELS, risk=0.1, seed=3) == fit_with_thresholds(rows, LABELS, risk=0.1, seed=3)

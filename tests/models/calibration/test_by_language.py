"""Thresholds by language: stricter where a language is worse, never more lenient, shared by those with few rows."""

import numpy as np
import pytest
from numpy.typing import NDArray
from triage_models.bundle.manifest import LanguageCalibration
from triage_models.calibration.by_language import (
    MIN_ROWS,
    estimated_from_errors,
    fit_languages,
    languages_of,
    own_thresholds,
)

RISK, LEAST = 0.05, 0.6
Rows = tuple[list[str | None], NDArray[np.float64], NDArray[np.bool_]]


def rows(language: str | None, count: int, wrong_below: float) -> Rows:
    """Return rows of evenly spread confidence; those below a confidence are wrong every second time."""
    confidence = np.linspace(0.5, 1.0, count)
    correct = (confidence >= wrong_below) | (np.arange(count) % 2 == 0)
    return [language] * count, confidence, correct


def fitted(*parts: Rows) -> dict[str, LanguageCalibration]:
    languages = [language for part in parts for language in part[0]]
    confidence, correct = (np.concatenate([part[at] for part in parts]) for at in (1, 2))
    return fit_languages(languages, confidence, correct, np.ones(len(languages), bool), least=LEAST, risk=RISK)


def threshold(found: LanguageCalibration) -> float:
    assert found.confidence is not None
    return found.confidence


def test_a_worse_language_gets_a_stricter_threshold_and_the_others_keep_theirs() -> None:
    found = fitted(rows("en", 2000, 0.6), rows("hi", 400, 0.8))
    assert threshold(found["en"]) == LEAST
    assert 0.75 < threshold(found["hi"]) < 0.85
    guarantee = found["hi"].guarantee
    assert guarantee is not None
    assert guarantee.errors / guarantee.accepted_rows <= RISK


def test_no_language_gets_a_more_lenient_threshold() -> None:
    assert threshold(fitted(rows("en", 2000, 0.5))["en"]) == LEAST


def test_languages_with_few_rows_share_a_threshold() -> None:
    few = MIN_ROWS - 50
    found = fitted(rows("en", 2000, 0.6), rows("pl", few, 0.9), rows("tr", few, 0.6))
    assert found["pl"] == found["tr"]
    assert LEAST < threshold(found["pl"]) < 0.95


def test_a_few_rows_of_all_small_languages_choose_nothing() -> None:
    assert fitted(rows("nl", 40, 0.9), rows("tr", 5, 0.9)) == {}


def test_what_a_language_promises_is_an_estimate() -> None:
    found = fitted(rows("nl", 200, 0.7))["nl"]
    assert found.guarantee is not None
    assert not found.guarantee.certified
    assert 0.6 < threshold(found) <= 0.75


def test_a_row_needs_the_confidence_of_its_language() -> None:
    by_language = {"hi": LanguageCalibration(confidence=0.9), "de": LanguageCalibration()}
    assert own_thresholds(["hi", "de", None, "en"], by_language, 0.7).tolist() == [0.9, 0.7, 0.7, 0.7]


def test_rows_whose_language_is_open_count_for_none() -> None:
    assert fitted(rows(None, 300, 0.9), rows("en", 300, 0.6)).keys() == {"en"}


def test_a_language_that_is_always_wrong_accepts_nothing() -> None:
    confidence = np.linspace(0.5, 0.99, 300)
    found = fit_languages(
        ["xx"] * 300, confidence, np.zeros(300, bool), np.ones(300, bool), least=LEAST, risk=RISK
    )["xx"]  # fmt: skip
    assert found.confidence == 1.0
    assert found.guarantee is not None
    assert found.guarantee.accepted_rows == 0


@pytest.mark.parametrize(("wrong", "expected"), [([], 0.6), ([0], 1.0), ([99], 0.6)])
def test_the_estimate_is_the_lowest_threshold_with_few_errors(wrong: list[int], expected: float) -> None:
    confidence = np.linspace(0.99, 0.6, 100)
    correct = np.ones(100, bool)
    correct[wrong] = False
    assert estimated_from_errors(confidence, correct, 0.01) == pytest.approx(expected, abs=0.005)


def test_rows_of_one_confidence_are_accepted_together() -> None:
    confidence, correct = np.full(100, 0.8), np.arange(100) < 90
    assert estimated_from_errors(confidence, correct, 0.05) == 1.0


def test_a_language_is_the_one_that_the_text_is_in() -> None:
    texts = ["where is my parcel", "wo ist mein paket", "12345", "quero cancelar meu pedido"]
    assert languages_of(texts, {"en", "de"}) == ["en", "de", None, None]

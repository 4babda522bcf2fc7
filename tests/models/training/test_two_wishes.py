"""Tests of fitting two wishes (`triage_models.training.two_wishes`) and of its rows."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from triage_models.bundle.bundle import MANIFEST, Bundle
from triage_models.bundle.two_wishes import TWO_WISHES
from triage_models.data.two_wishes import TWO_WISHES_CSV, WishRow, fitting_rows, read_wishes
from triage_models.errors import DataError
from triage_models.paths import DEFAULT_BUNDLE, MULTILINGUAL_BUNDLE, shipped
from triage_models.training.two_wishes import _threshold, fit_logistic, fit_two_wishes

HELD_OUT = shipped("held_out") / "two_wishes.csv"


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return Path(shutil.copytree(DEFAULT_BUNDLE, tmp_path / "bundle"))


def test_a_fit_adds_one_entry_and_changes_nothing_else(bundle: Path) -> None:
    before = json.loads((bundle / MANIFEST).read_text())
    english = [row for row in read_wishes(TWO_WISHES_CSV) if row.language == "en"]
    fitted = fit_two_wishes(bundle, english[::4] + [row for row in english if row.second is None][::4])
    after = json.loads((bundle / MANIFEST).read_text())
    assert Bundle.open(bundle).manifest.two_wishes == fitted
    assert fitted.languages == ("en",)
    del before["metrics"][TWO_WISHES], after["metrics"][TWO_WISHES]
    assert after == before
    assert sorted(file.name for file in bundle.iterdir()) == sorted(file.name for file in DEFAULT_BUNDLE.iterdir())


def test_more_false_seconds_allow_a_lower_threshold(bundle: Path) -> None:
    strict, lenient = (fit_two_wishes(bundle, fitting_rows(), share) for share in (0.005, 0.2))
    assert strict.threshold > lenient.threshold
    written = Bundle.open(bundle).manifest.two_wishes
    assert written is not None
    assert written.false_seconds == 0.2


def test_rows_in_other_languages_are_no_rows_of_an_english_bundle(bundle: Path) -> None:
    rows = [row for row in read_wishes(TWO_WISHES_CSV) if row.language == "es"]
    with pytest.raises(DataError, match="cannot be fitted"):
        fit_two_wishes(bundle, rows)


@pytest.mark.parametrize("folder", [DEFAULT_BUNDLE, MULTILINGUAL_BUNDLE])
def test_the_bundles_of_a_checkout_are_fitted(folder: Path) -> None:
    manifest = Bundle.open(folder).manifest
    assert manifest.two_wishes is not None
    assert manifest.languages is not None
    assert manifest.two_wishes.rows == sum(row.language in manifest.languages for row in fitting_rows())


def test_the_rows_have_labels_and_are_not_held_out() -> None:
    fit, held_out = read_wishes(TWO_WISHES_CSV), read_wishes(HELD_OUT)
    labels = set(Bundle.open(DEFAULT_BUNDLE).labels)
    assert all(row.wishes <= labels and row.first != row.second for row in [*fit, *held_out])
    assert not {row.text.lower() for row in fit} & {row.text.lower() for row in held_out}
    assert (len(held_out), sum(row.second is not None for row in held_out)) == (240, 120)


def test_a_file_with_other_columns_is_refused(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("text,label\na,WISMO\n")
    with pytest.raises(DataError, match="text, first, second, language"):
        read_wishes(tmp_path / "rows.csv")


def test_a_logistic_regression_finds_the_weight_that_the_rows_have() -> None:
    drawn = np.random.default_rng(0)
    features = drawn.normal(3.0, 2.0, size=(4_000, 2))
    right = (drawn.random(4_000) < 1 / (1 + np.exp(-(1.5 * features[:, 0] - 4.0)))).astype(float)
    found = fit_logistic(features, right, np.ones(4_000))
    assert found.weights == pytest.approx((1.5, 0.0), abs=0.15)
    assert found.intercept == pytest.approx(-4.0, abs=0.4)


def test_a_weight_is_how_often_a_row_counts() -> None:
    features, right = np.array([[0.0], [1.0], [1.0], [0.0]]), np.array([0.0, 1.0, 0.0, 1.0])
    twice = fit_logistic(np.vstack([features, features[:2]]), np.append(right, right[:2]), np.ones(6))
    weighted = fit_logistic(features, right, np.array([2.0, 2.0, 1.0, 1.0]))
    assert weighted.weights[0] > 0
    assert weighted.weights[0] == pytest.approx(twice.weights[0], rel=0.2)


def test_the_threshold_lets_no_more_wrong_ones_through_than_allowed() -> None:
    wrong, weights = np.array([0.9, 0.8, 0.7, 0.2]), np.array([1.0, 0.5, 1.0, 1.0])
    threshold = _threshold(wrong, weights, 1.5)
    assert 0.7 < threshold <= 0.8
    assert _threshold(wrong, weights, 9.0) == 0.5


def test_a_row_says_its_wishes() -> None:
    assert WishRow("a", "WISMO", None, "en").wishes == {"WISMO"}
    assert WishRow("a", "WISMO", "OTHER", "en").wishes == {"WISMO", "OTHER"}

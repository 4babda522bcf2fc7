"""The curve of calibrating to a shop: rows that are calibrated to are never measured on; table and picture."""

import re
from xml.etree import ElementTree

import numpy as np
import pytest
from triage_models import DEFAULT_BUNDLE
from triage_models.benchmarks.calibration_curve import Measured, Point, _point, draw, measure, result_table
from triage_models.bundle.bundle import Bundle
from triage_models.calibration.calibration_data import CalibrationData
from triage_models.calibration.limits import ErrorLimits
from triage_models.calibration.shop_rows import ModelledRows

MANIFEST = Bundle.open(DEFAULT_BUNDLE, verify=False).manifest
BEFORE, AFTER = Measured(0.86, 0.96, 0.05), Measured(0.8, 0.97, 0.04)
POINTS = [Point(25, BEFORE, AFTER, 0.0, None, 170.0), Point(400, BEFORE, AFTER, 1.0, 0.9, None)]


def rows(count: int) -> ModelledRows:
    """Draw rows that are predicted with a margin, nine of ten correctly, the others out of scope."""
    random = np.random.default_rng(0)
    labels = len(MANIFEST.labels)
    logits = random.normal(size=(count, labels + 1)).astype(np.float32)
    best = random.integers(0, labels, count)
    logits[np.arange(count), best] += random.uniform(2, 9, count).astype(np.float32)
    classes = np.where(random.random(count) < 0.9, logits[:, :labels].argmax(axis=1), labels)
    similarity = np.clip(0.7 + 0.03 * logits, -1, 1).astype(np.float32)
    return ModelledRows(
        CalibrationData(logits, similarity, classes, "drawn"),
        np.ones(count, dtype=bool),
        np.ones(count, dtype=np.int64),
    )


def test_a_point_measures_only_rows_that_were_not_calibrated_to(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = []

    def remember(measured: ModelledRows, *arguments: object) -> Measured:
        sizes.append(len(measured.data))
        return BEFORE

    monkeypatch.setattr("triage_models.benchmarks.calibration_curve.measure", remember)
    point = _point(rows(120), MANIFEST, ErrorLimits(), 50, 3)
    assert sizes == [70] * 6
    assert (point.rows, point.after) == (50, point.before)


def test_a_row_that_cannot_be_read_is_not_accepted() -> None:
    some = rows(200)
    unread = ModelledRows(some.data, np.arange(200) >= 100, some.counts)
    every = measure(some, MANIFEST, MANIFEST.calibration, MANIFEST.thresholds)
    half = measure(unread, MANIFEST, MANIFEST.calibration, MANIFEST.thresholds)
    assert 0 < half.coverage < every.coverage


def test_the_table_and_the_picture_have_every_point() -> None:
    table = result_table(POINTS)
    assert table.row_count == len(POINTS)
    picture = draw(POINTS)
    ElementTree.fromstring(picture)
    assert len(re.findall("<polyline", picture)) == 5

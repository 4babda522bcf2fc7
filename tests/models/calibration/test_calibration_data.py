"""Calibration data: joining that of several models, and widening it to more classes."""

import numpy as np
import pytest
from triage_models.calibration.calibration_data import CalibrationData, join
from triage_models.serving.decision import softmax


def calibration_data(rows: int) -> CalibrationData:
    """Draw logits and similarities of five classes; every call draws the same first rows."""
    logits = np.random.default_rng(1).normal(size=(rows, 5)).astype(np.float32)
    return CalibrationData(logits, np.clip(0.1 * logits, -1, 1), np.arange(rows) % 5, "drawn with 1")


def test_calibration_data_is_joined_row_by_row_with_each_source_once() -> None:
    first, second = calibration_data(10), calibration_data(20)
    both = join([first, second])
    assert (len(both.classes), both.source) == (30, "drawn with 1")
    assert both.take(np.arange(10)).logits.tolist() == first.logits.tolist()


def test_classes_that_a_model_does_not_know_become_impossible() -> None:
    narrow = CalibrationData(
        np.zeros((2, 2), np.float32), np.full((2, 2), 0.5, np.float32), np.array([3, -1]), "two classes"
    )
    wide = narrow.widen(np.array([0, 3]), 4)
    assert softmax(wide.logits, 1.0)[0].tolist() == pytest.approx([0.5, 0.0, 0.0, 0.5])
    assert wide.similarity[0].tolist() == [0.5, -1.0, -1.0, 0.5]
    assert wide.classes.tolist() == [3, -1]

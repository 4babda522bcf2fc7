"""The figures of the benchmarks about labelling."""

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the [train] extra")

from triage_models.benchmarks.grouping import compare
from triage_models.benchmarks.label_errors import Detection, flip


def test_an_intent_has_a_group_of_its_own_if_half_of_each_lies_in_the_other() -> None:
    labels = ["A"] * 4 + ["B"] * 4 + ["C"] * 4
    found = compare(labels, np.array([0, 0, 0, -1, 1, 1, 1, 1, 0, 1, -1, -1]))
    assert (found.groups, found.own_group) == (2, 2)
    assert found.without_group == 0.25
    assert 0 < found.mutual_information < 1
    assert compare(labels, np.array([0] * 4 + [1] * 4 + [2] * 4)).mutual_information == pytest.approx(1)
    assert compare(labels, np.full(12, -1)).own_group == 0


def test_precision_and_recall_of_flipped_labels() -> None:
    found = Detection(rows=100, flipped=10, suspects=8, found=6, found_first=7)
    assert (found.precision, found.recall) == (0.75, 0.6)


def test_flipped_labels_are_others_and_the_draw_has_a_seed() -> None:
    classes = np.arange(100) % 5
    changed, rows = flip(classes, 5, 0.1, seed=3)
    assert len(rows) == 10
    assert (changed[rows] != classes[rows]).all()
    assert (np.delete(changed, rows) == np.delete(classes, rows)).all()
    assert (flip(classes, 5, 0.1, seed=3)[0] == changed).all()

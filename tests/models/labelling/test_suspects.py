"""Suspect labels: which rows are listed, in which order, and with which neighbours."""

import csv
from pathlib import Path

import numpy as np
import pytest
from triage_models.labelling.suspects import (
    COLUMNS,
    MARGIN,
    Suspect,
    find_suspects,
    neighbour_probabilities,
    with_neighbours,
    write_suspects,
)

CLASSES = ("A", "B", "C")


def test_rows_are_suspect_from_the_margin_on_the_worst_first() -> None:
    probabilities = np.array(
        [[0.9, 0.1, 0], [0.05, 0.9, 0.05], [0.1, 0.1, 0.8], [0.02, 0.98, 0], [0.3, 0.6, 0.1]], dtype=np.float32
    )
    found = find_suspects(["a", "b", "c", "d", "e"], CLASSES, probabilities, np.array([0, 0, 1, 0, 0]))
    assert [(one.text, one.label, one.suggested) for one in found] == [
        ("d", "A", "B"),
        ("b", "A", "B"),
        ("c", "B", "C"),
    ]
    assert [one.margin for one in found] == sorted((one.margin for one in found), reverse=True)
    assert all(one.margin >= MARGIN for one in found)


def test_rows_that_cannot_be_judged_are_never_suspect() -> None:
    assert find_suspects(["a"], CLASSES, np.array([[1.0, 0.0, 0.0]], dtype=np.float32), np.array([-1])) == []


def test_neighbours_vote_by_similarity() -> None:
    vectors = np.array([[1, 0], [0.8, 0.6], [0, 1]], dtype=np.float32)
    queries = np.array([[1, 0], [0, 1]], dtype=np.float32)
    found = neighbour_probabilities(vectors, np.array([0, 0, 2]), queries, 3)
    assert np.allclose(found.sum(axis=1), 1)
    assert found[0].argmax() == 0
    assert found[1].argmax() == 2
    assert found[0, 1] == 0


def test_the_nearest_rows_with_the_suggested_label_are_shown() -> None:
    vectors = np.array([[1, 0], [0.9, 0.1], [0.5, 0.5], [1, 0]], dtype=np.float32)
    suspect = Suspect(0, "x", "A", "B", 0.9)
    (found,) = with_neighbours([suspect], vectors, ["x", "near", "far", "other label"], ["A", "B", "B", "A"])
    assert found.neighbours == ("near", "far")


def test_the_csv_has_a_column_for_each_neighbour(tmp_path: Path) -> None:
    write_suspects(tmp_path / "s.csv", [Suspect(0, "x", "A", "B", 0.91234, ("near",))])
    with (tmp_path / "s.csv").open(encoding="utf-8-sig", newline="") as file:
        assert list(csv.reader(file)) == [list(COLUMNS), ["x", "A", "B", "0.912", "near", "", ""]]


def test_a_spreadsheet_program_shows_texts_and_computes_none(tmp_path: Path) -> None:
    write_suspects(tmp_path / "s.csv", [Suspect(0, "=1+1", "A", "B", 0.9, ("+49 123 – für dich",))])
    content = (tmp_path / "s.csv").read_bytes()
    assert content.startswith(b"\xef\xbb\xbf")  # Excel recognizes UTF-8 by it
    assert " =1+1,A,B,0.900, +49 123 – für dich,," in content.decode()


@pytest.mark.train
def test_flipped_labels_are_found_without_the_rows_own_label() -> None:
    pytest.importorskip("sklearn", reason="needs the [train] extra")
    pytest.importorskip("torch", reason="needs the [train] extra")
    from triage_models.benchmarks.label_errors import flip
    from triage_models.training.label_check import cross_fitted_probabilities

    random = np.random.default_rng(0)
    classes = np.repeat(np.arange(4), 50)
    vectors = (np.eye(4, 16)[classes] + 0.1 * random.normal(size=(200, 16))).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    given, flipped = flip(classes, 4, 0.05, seed=1)
    assert len(flipped) == 10
    assert (given != classes).sum() == 10
    probabilities = cross_fitted_probabilities(vectors, given, 4, seed=0)
    found = find_suspects([str(row) for row in range(200)], ("A", "B", "C", "D"), probabilities, given)
    assert sorted(one.row for one in found) == sorted(flipped.tolist())

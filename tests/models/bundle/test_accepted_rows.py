"""The accepted calibration rows in the manifest: small, and good enough for what an audit computes of them."""

import numpy as np
import pytest
from triage_models.audit.allowance import Allowance
from triage_models.audit.expected_errors import confidence_drift, count_confidences
from triage_models.bundle.accepted_rows import (
    MOST_CELLS,
    Cell,
    RowArrays,
    expand,
    read_cells,
    summarize,
    write_cells,
)

LABELS = tuple("ABCDEFGHI")


def drawn(rows: int, labels: int = len(LABELS), seed: int = 0) -> RowArrays:
    """Rows of a bundle whose confidences are right on the whole, and too high for the first label."""
    random = np.random.default_rng(seed)
    confidence = 1.0 - np.minimum(0.03 * random.gamma(0.8, 1.25, rows), 0.3)
    intent = random.integers(labels, size=rows)
    return RowArrays(confidence, intent, random.random(rows) < (1.0 - confidence) * np.where(intent == 0, 3.0, 1.0))


def test_rows_that_are_alike_are_one_cell() -> None:
    rows = RowArrays(
        np.array([0.95, 0.951, 0.7, 0.95, 1.0]), np.array([1, 1, 1, 0, 0]), np.array([False, True, False, False, False])
    )
    cells = summarize(rows)
    assert cells == (
        Cell(0, 2.9, 1, 0),
        Cell(0, 13.8, 1, 0),
        Cell(1, 0.8, 1, 0),
        Cell(1, 2.9, 1, 0),
        Cell(1, 3.0, 1, 1),
    )
    assert write_cells(cells, LABELS) == {"A": "2.9:1 13.8:1", "B": "0.8:1 2.9:1 3:1/1"}


def test_what_is_written_is_read_again() -> None:
    cells = summarize(drawn(3_000))
    assert read_cells(write_cells(cells, LABELS), LABELS) == cells
    assert summarize(expand(cells)) == cells
    assert read_cells({}, LABELS) == ()
    assert len(expand(()).confidence) == 0


def test_it_loses_no_row_and_no_error() -> None:
    rows = drawn(3_000)
    again = expand(summarize(rows))
    assert len(again.confidence) == 3_000
    for label in range(len(LABELS)):
        assert (again.intent == label).sum() == (rows.intent == label).sum()
        assert again.wrong[again.intent == label].sum() == rows.wrong[rows.intent == label].sum()


def test_an_audit_computes_the_same_of_it_as_of_the_rows() -> None:
    rows = drawn(4_000)
    again = expand(summarize(rows))
    exact, found = (Allowance.fit(*one, LABELS, max_error=0.05) for one in (rows, again))
    confidence, intent = np.tile([0.75, 0.9, 0.97, 0.995], 2), np.repeat([0, 5], 4)
    assert found.of(confidence, intent) == pytest.approx(exact.of(confidence, intent), rel=0.03)
    drift = confidence_drift(count_confidences(rows.confidence), count_confidences(again.confidence))
    assert drift == pytest.approx(0.0, abs=0.005)


@pytest.mark.parametrize(("rows", "labels"), [(4_000, 9), (60_000, 9), (60_000, 150)])
def test_it_is_small(rows: int, labels: int) -> None:
    cells = summarize(drawn(rows, labels))
    assert len(cells) <= MOST_CELLS
    names = [f"LABEL_{number}" for number in range(labels)]
    assert sum(len(label) + len(texts) for label, texts in write_cells(cells, names).items()) < 30_000
    assert sum(cell.rows for cell in cells) == rows


@pytest.mark.parametrize("damaged", ["2.9", "2.9:", "x:3", "2.9:3/4", "2.9:0", "2.9:-1", "inf:3", "nan:3", "2.9:3/x"])
def test_damaged_texts_are_refused(damaged: str) -> None:
    with pytest.raises(ValueError, match="log odds:rows/errors are expected"):
        read_cells({"A": damaged}, LABELS)


def test_an_unknown_label_is_refused() -> None:
    with pytest.raises(ValueError, match="Z, which is not a label"):
        read_cells({"Z": "2.9:3"}, LABELS)

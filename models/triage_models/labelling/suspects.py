"""Finds rows whose label is probably wrong: confident learning, by out-of-sample predictions.

The score is the normalized margin of Northcutt, Jiang and Chuang, "Confident Learning: Estimating Uncertainty in
Dataset Labels" (2021). It is written here and not taken from cleanlab: `triage evaluate` needs it without pandas, and
one cut of the margin finds more than cleanlab's thresholds by class (docs/labelling.md has figures).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from triage_models.data.tables import spreadsheet_cell, write_table
from triage_models.serving.decision import Floats

MARGIN = 0.65
"""How much more likely another label has to be, for a row to be suspect."""

NEIGHBOURS = 3
"""Rows that are shown with a suspect one."""

FILE = "suspect_labels.csv"
COLUMNS = ("text", "label", "suggested_label", "margin", *(f"similar_{number + 1}" for number in range(NEIGHBOURS)))


@dataclass(frozen=True, slots=True)
class Suspect:
    """A row whose label the predictions contradict.

    Attributes:
        row: its position in the data.
        text: the text.
        label: the label that it has.
        suggested: the label that is more likely.
        margin: how much more likely that is, 0 to 1.
        neighbours: texts of the most similar rows that have the suggested label, the nearest first.
    """

    row: int
    text: str
    label: str
    suggested: str
    margin: float
    neighbours: tuple[str, ...] = ()


def margins(probabilities: Floats, given: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the likeliest class of each row, and how much likelier it is than the given one.

    Args:
        probabilities: ``[N, C]`` of predictors that were not trained on the row.
        given: ``[N]`` the class that each row has.

    Returns:
        ``[N]`` classes and ``[N]`` margins, 0 where the likeliest class is the given one.
    """
    best = probabilities.argmax(axis=1).astype(np.int64)
    rows = np.arange(len(given))
    return best, (probabilities[rows, best] - probabilities[rows, given]).astype(np.float64)


def find_suspects(
    texts: Sequence[str], classes: Sequence[str], probabilities: Floats, given: NDArray[np.int64]
) -> list[Suspect]:
    """Return the suspect rows, the worst first, without neighbours.

    Args:
        texts: ``[N]``
        classes: C names.
        probabilities: ``[N, C]`` of predictors that were not trained on the row.
        given: ``[N]`` the class that each row has; -1 for a row that cannot be judged.
    """
    best, margin = margins(probabilities, given)
    margin[given < 0] = 0.0
    order = [int(row) for row in np.argsort(-margin, kind="stable") if margin[row] >= MARGIN]
    return [
        Suspect(row, texts[row], classes[given[row]], classes[best[row]], round(float(margin[row]), 4)) for row in order
    ]


def neighbour_probabilities(
    vectors: Floats, classes: NDArray[np.int64], queries: Floats, count: int, *, nearest: int = 20, scale: float = 0.1
) -> Floats:
    """Predict classes by the most similar rows, weighted by their similarity.

    Args:
        vectors: ``[N, D]`` unit vectors.
        classes: ``[N]``
        queries: ``[Q, D]`` unit vectors of other rows.
        count: C.
        nearest: how many rows vote.
        scale: difference of similarity that changes the weight by the factor e.

    Returns:
        ``[Q, C]`` probabilities.
    """
    result = np.zeros((len(queries), count), dtype=np.float32)
    nearest = min(nearest, len(vectors))
    for start in range(0, len(queries), 1024):
        similarity = queries[start : start + 1024] @ vectors.T
        top = np.argpartition(-similarity, nearest - 1, axis=1)[:, :nearest]
        own = np.take_along_axis(similarity, top, axis=1)
        weights = np.exp((own - own.max(axis=1, keepdims=True)) / scale)
        block = result[start : start + 1024]
        np.add.at(block, (np.arange(len(block))[:, None], classes[top]), weights)
    probabilities: Floats = result / result.sum(axis=1, keepdims=True)
    return probabilities


def with_neighbours(
    suspects: Sequence[Suspect], vectors: Floats, texts: Sequence[str], labels: Sequence[str]
) -> list[Suspect]:
    """Add to each suspect the most similar rows that have the suggested label.

    Args:
        suspects: their ``row`` is a position in the following.
        vectors: ``[N, D]`` unit vectors.
        texts: ``[N]``
        labels: ``[N]``
    """
    names = np.array(labels, dtype=object)
    found = []
    for suspect in suspects:
        rows = np.flatnonzero(names == suspect.suggested)
        order = rows[np.argsort(-(vectors[rows] @ vectors[suspect.row]), kind="stable")][:NEIGHBOURS]
        near = tuple(texts[row] for row in order)
        found.append(Suspect(suspect.row, suspect.text, suspect.label, suspect.suggested, suspect.margin, near))
    return found


def write_suspects(path: Path, suspects: Sequence[Suspect]) -> None:
    """Write the suspects as a CSV for a spreadsheet program, the worst first."""
    empty = [""] * NEIGHBOURS
    rows = (
        [one.text, one.label, one.suggested, f"{one.margin:.3f}", *[*one.neighbours, *empty][:NEIGHBOURS]]
        for one in suspects
    )
    write_table(path, COLUMNS, ([spreadsheet_cell(cell) for cell in row] for row in rows), encoding="utf-8-sig")

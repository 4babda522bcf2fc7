"""The accepted rows that a bundle was calibrated on, in short: an audit compares live events with them.

Of each row only three things matter: the confidence, the predicted intent, and whether that was wrong. Rows of one
intent whose confidences are alike are one cell. In ``triage.json`` a cell is ``log odds:rows/errors``, and the cells of
an intent are one text, such as ``"2.9:14/1 3.0:20"``: some kilobytes, however many rows there are.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

STEP = 0.1
"""Log odds are rounded to this: a confidence of 0.99 is 0.001 too high or too low at most."""

MOST_CELLS = 3000
"""With more cells than this, as many intents can have, log odds are rounded more coarsely: it is about 25 KB."""

LIMIT = 1e-6
CELL = re.compile(r"(-?\d+(?:\.\d+)?):(\d+)(?:/(\d+))?")


class Cell(NamedTuple):
    """Accepted rows that are alike.

    Attributes:
        intent: index of the predicted label.
        log_odds: of their confidence, rounded.
        rows: how many there are.
        errors: how many of them are wrong.
    """

    intent: int
    log_odds: float
    rows: int
    errors: int


AcceptedRows: TypeAlias = tuple[Cell, ...]


class RowArrays(NamedTuple):
    """N accepted rows, one by one.

    Attributes:
        confidence: ``[N]`` 0 to 1.
        intent: ``[N]`` index of the predicted label.
        wrong: ``[N]`` whether the prediction is wrong.
    """

    confidence: NDArray[np.float64]
    intent: NDArray[np.int64]
    wrong: NDArray[np.bool_]


def summarize(rows: RowArrays) -> AcceptedRows:
    """Put rows that are alike into one cell."""
    bounded = np.clip(rows.confidence.astype(np.float64), LIMIT, 1.0 - LIMIT)
    log_odds, step = np.log(bounded / (1.0 - bounded)), STEP
    cells = _cells(log_odds, rows, step)
    while len(cells) > MOST_CELLS:
        step *= 2
        cells = _cells(log_odds, rows, step)
    return cells


def expand(cells: AcceptedRows) -> RowArrays:
    """Return the rows of cells, one by one, with their rounded confidences."""
    count = np.array([cell.rows for cell in cells], dtype=np.int64)
    log_odds = np.array([cell.log_odds for cell in cells], dtype=np.float64)
    wrong = [[number < cell.errors for number in range(cell.rows)] for cell in cells]
    return RowArrays(
        np.repeat(1.0 / (1.0 + np.exp(-log_odds)), count),
        np.repeat(np.array([cell.intent for cell in cells], dtype=np.int64), count),
        np.array([one for cell in wrong for one in cell], dtype=np.bool_),
    )


def write_cells(cells: AcceptedRows, labels: Sequence[str]) -> dict[str, str]:
    """Return the entry of the manifest: by label, the texts of its cells."""
    written: dict[str, list[str]] = {}
    for cell in cells:
        errors = f"/{cell.errors}" if cell.errors else ""
        written.setdefault(labels[cell.intent], []).append(f"{cell.log_odds:g}:{cell.rows}{errors}")
    return {label: " ".join(texts) for label, texts in written.items()}


def read_cells(written: Mapping[str, str], labels: Sequence[str]) -> AcceptedRows:
    """Read what `write_cells` wrote.

    Raises:
        ValueError: it is damaged, or names a label that the bundle does not have.
    """
    unknown = sorted(set(written) - set(labels))
    if unknown:
        raise ValueError(f"the accepted rows name {unknown[0]}, which is not a label of the bundle")
    return tuple(_read(text, labels.index(label)) for label, texts in written.items() for text in texts.split())


def _cells(log_odds: NDArray[np.float64], rows: RowArrays, step: float) -> AcceptedRows:
    places = list(zip(rows.intent.tolist(), np.rint(log_odds / step).astype(int).tolist(), strict=True))
    count = Counter(places)
    errors = Counter(place for place, wrong in zip(places, rows.wrong.tolist(), strict=True) if wrong)
    return tuple(Cell(place[0], round(place[1] * step, 1), count[place], errors[place]) for place in sorted(count))


def _read(text: str, intent: int) -> Cell:
    found = CELL.fullmatch(text)
    rows, errors = (int(found[2]), int(found[3] or 0)) if found else (0, 0)
    if found is None or not 0 < rows >= errors:
        raise ValueError(f"accepted rows as log odds:rows/errors are expected, not {text}")
    return Cell(intent, float(found[1]), rows, errors)

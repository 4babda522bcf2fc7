"""Outcomes of labelled messages: truth and decision, the only input of the metrics."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from triage_models.data.labels import SEPARATOR

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

OUT_OF_SCOPE = -1
"""The truth of an out-of-scope row: none of the labels is correct for it."""


@dataclass(frozen=True)
class Outcomes:
    """Truth and decision of N messages.

    Attributes:
        classes: names: the bundle's labels, then the labels of the data that the bundle does not know.
        truth: ``[N]`` index into ``classes``, or `OUT_OF_SCOPE`. If several labels are correct, it is the predicted one
            if that is among them, otherwise the row's first; so a row is correct if ``truth == predicted``.
        predicted: ``[N]`` index into ``classes``.
        confidence: ``[N]`` probability, 0 to 1, that ``predicted`` is correct.
        accepted: ``[N]`` whether the decision was accepted.
    """

    classes: tuple[str, ...]
    truth: Ints
    predicted: Ints
    confidence: Floats
    accepted: Flags

    def __len__(self) -> int:
        return len(self.truth)

    @property
    def out_of_scope(self) -> Flags:
        """``[N]`` whether the row is out of scope."""
        return np.equal(self.truth, OUT_OF_SCOPE)

    @property
    def correct(self) -> Flags:
        """``[N]`` whether the predicted label is correct; false for every out-of-scope row."""
        return np.equal(self.truth, self.predicted)

    def take(self, rows: "NDArray[Any]") -> "Outcomes":
        """Return the rows at these positions, or where this mask is true."""
        return Outcomes(
            self.classes, self.truth[rows], self.predicted[rows], self.confidence[rows], self.accepted[rows]
        )


def build_outcomes(
    labels: Sequence[str],
    predicted: Sequence[str],
    confidence: Iterable[float],
    accepted: Iterable[bool],
    *,
    known: Sequence[str],
    oos_labels: Collection[str] = (),
) -> Outcomes:
    """Combine labelled rows with the decisions on them.

    Args:
        labels: ``[N]`` one label per row, or several joined by ``|``.
        predicted: ``[N]`` labels, each one of ``known``.
        confidence: ``[N]`` 0 to 1.
        accepted: ``[N]``
        known: the bundle's labels; a row with any other label counts as wrong.
        oos_labels: labels that mean "none of the bundle's labels".
    """
    alternatives = [split_labels(label, known) for label in labels]
    names = dict.fromkeys(known)
    names.update(dict.fromkeys(name for row in alternatives for name in row if name not in oos_labels))
    index = {name: position for position, name in enumerate(names)}
    truth = [
        OUT_OF_SCOPE if row[0] in oos_labels else index[guess if guess in row else row[0]]
        for row, guess in zip(alternatives, predicted, strict=True)
    ]
    return Outcomes(
        tuple(names),
        np.asarray(truth, dtype=np.int64),
        np.asarray([index[guess] for guess in predicted], dtype=np.int64),
        np.fromiter(confidence, dtype=np.float64, count=len(truth)),
        np.fromiter(accepted, dtype=np.bool_, count=len(truth)),
    )


def split_labels(label: str, known: Collection[str]) -> tuple[str, ...]:
    """Split ``"A|B"`` into ``("A", "B")``, unless a known label has that very name."""
    if label in known:
        return (label,)
    return tuple(part.strip() for part in label.split(SEPARATOR) if part.strip()) or (label,)

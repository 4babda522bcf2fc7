"""What happened to each labelled message: the only thing that the figures are computed from."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

FOREIGN = -1
"""The truth of a row that is out of scope: none of the labels is right for it."""

SEPARATOR = "|"
"""Between the labels of a row for which several are right; the first is its primary one."""


@dataclass(frozen=True)
class Outcomes:
    """Truth and decision of N messages.

    Attributes:
        classes: names; the bundle's labels, then labels of the data that the bundle does not know.
        truth: ``[N]`` index into ``classes``, or `FOREIGN`. Where several labels are right and one of them was
            predicted it is that one, else the row's first: so right is ``truth == predicted``.
        predicted: ``[N]`` index into ``classes``.
        confidence: ``[N]`` probability, 0 to 1, that ``predicted`` is right.
        accepted: ``[N]`` whether the message was acted on.
    """

    classes: tuple[str, ...]
    truth: Ints
    predicted: Ints
    confidence: Floats
    accepted: Flags

    def __len__(self) -> int:
        return len(self.truth)

    @property
    def foreign(self) -> Flags:
        """``[N]`` whether the row is out of scope."""
        return np.equal(self.truth, FOREIGN)

    @property
    def right(self) -> Flags:
        """``[N]`` whether the predicted label is right; false for every foreign row."""
        return np.equal(self.truth, self.predicted)

    def take(self, rows: "NDArray[Any]") -> "Outcomes":
        """The rows at these positions, or where this mask is true."""
        return Outcomes(
            self.classes, self.truth[rows], self.predicted[rows], self.confidence[rows], self.accepted[rows]
        )


def compare(
    labels: Sequence[str],
    predicted: Sequence[str],
    confidence: Iterable[float],
    accepted: Iterable[bool],
    *,
    known: Sequence[str],
    out_of_scope: Collection[str] = (),
) -> Outcomes:
    """Outcomes of labelled rows.

    Args:
        labels: ``[N]`` one label a row, or several by ``|``.
        predicted: ``[N]``, each one of ``known``.
        confidence: ``[N]``.
        accepted: ``[N]``.
        known: the bundle's labels. A label outside these counts as wrong whatever was predicted.
        out_of_scope: labels that mean "none of the bundle's".
    """
    alternatives = [split_labels(label, known) for label in labels]
    names = dict.fromkeys(known)
    names.update(dict.fromkeys(name for row in alternatives for name in row if name not in out_of_scope))
    index = {name: position for position, name in enumerate(names)}
    truth = [
        FOREIGN if row[0] in out_of_scope else index[guess if guess in row else row[0]]
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
    """``"A|B"`` as ``("A", "B")``, unless a known label is called that as a whole."""
    if label in known:
        return (label,)
    return tuple(part.strip() for part in label.split(SEPARATOR) if part.strip()) or (label,)

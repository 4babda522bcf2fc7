"""Calibration data: the outputs of the served model for rows that it was not trained on."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from triage_models.serving.decision import Floats

IMPOSSIBLE_LOGIT = -100.0
"""A logit whose probability is practically zero."""


@dataclass(frozen=True)
class CalibrationData:
    """The outputs of a model for N rows that it was not trained on.

    Attributes:
        logits: ``[N, C]``
        similarity: ``[N, C]`` cosine similarity to the nearest prototype of each class.
        classes: ``[N]`` the correct class; -1 where it is none of them (out of scope, without a class for it).
        source: where the rows come from, in words.
    """

    logits: Floats
    similarity: Floats
    classes: NDArray[np.int64]
    source: str

    def __len__(self) -> int:
        return len(self.classes)

    def save(self, file: Path) -> None:
        """Write to a file, completely or not at all."""
        scratch = file.with_suffix(".writing")
        with scratch.open("wb") as stream:
            np.savez(stream, logits=self.logits, similarity=self.similarity, classes=self.classes, source=self.source)
        scratch.replace(file)

    @classmethod
    def load(cls, file: Path) -> "CalibrationData":
        """Read what `save` wrote."""
        with np.load(file) as stored:
            return cls(stored["logits"], stored["similarity"], stored["classes"], str(stored["source"]))

    def take(self, rows: NDArray[np.bool_] | NDArray[np.int64]) -> "CalibrationData":
        """Return the rows at these positions, or where this mask is true."""
        return CalibrationData(self.logits[rows], self.similarity[rows], self.classes[rows], self.source)

    def widen(self, columns: NDArray[np.int64], width: int) -> "CalibrationData":
        """Return the same rows for more classes, of which the model did not know some.

        Args:
            columns: ``[C]`` the new index of each class.
            width: the new number of classes; those that are not in ``columns`` become impossible.
        """
        logits = np.full((len(self), width), IMPOSSIBLE_LOGIT, dtype=np.float32)
        similarity = np.full_like(logits, -1.0)
        logits[:, columns], similarity[:, columns] = self.logits, self.similarity
        return CalibrationData(logits, similarity, self.classes, self.source)

    def is_in_scope(self, labels: int) -> NDArray[np.bool_]:
        """``[N]`` whether the correct class is one of the first ``labels`` classes."""
        return (self.classes >= 0) & (self.classes < labels)

    def correct(self, labels: int) -> NDArray[np.bool_]:
        """``[N]`` whether the most likely of the first ``labels`` classes is correct; false for out-of-scope rows."""
        hit: NDArray[np.bool_] = self.logits[:, :labels].argmax(axis=1) == self.classes
        return hit & self.is_in_scope(labels)


def join(parts: Sequence[CalibrationData]) -> CalibrationData:
    """Concatenate the calibration data of several models."""
    return CalibrationData(
        np.concatenate([part.logits for part in parts]),
        np.concatenate([part.similarity for part in parts]),
        np.concatenate([part.classes for part in parts]),
        ", ".join(dict.fromkeys(part.source for part in parts)),
    )

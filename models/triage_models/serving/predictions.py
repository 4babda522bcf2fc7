"""The decisions on many rows as numpy arrays, rows without text among them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from triage_models.serving.decision import Assessment, Floats
from triage_models.serving.texts import NO_TEXT


@dataclass(frozen=True, slots=True, eq=False)
class Predictions:
    """The decisions on N rows as arrays, for a bundle of L labels.

    A row without text has the intent None, the reason ``"no_text"``, ``accepted`` False, and NaN for every number.

    Attributes:
        labels: the L labels, in the order of the columns of ``probabilities``.
        intent: ``[N]`` objects: the likeliest label, as a string.
        confidence: ``[N]`` float32: calibrated probability, 0 to 1, that the intent is right.
        accepted: ``[N]`` bool: whether confidence and familiarity both reach the bundle's thresholds.
        reason: ``[N]`` objects: why the row was not accepted, as a string; None where it was.
        probabilities: ``[N, L]`` float32: a row sums to at most 1; the rest is out of scope.
        familiarity: ``[N]`` float32: cosine similarity, -1 to 1, to the nearest prototype of the training data.
        truncated: ``[N]`` bool: whether the text was too long to be read to its end; it is not accepted then.
    """

    labels: tuple[str, ...]
    intent: NDArray[np.object_]
    confidence: Floats
    accepted: NDArray[np.bool_]
    reason: NDArray[np.object_]
    probabilities: Floats
    familiarity: Floats
    truncated: NDArray[np.bool_]

    def __len__(self) -> int:
        """N, the number of rows."""
        return len(self.intent)


ARRAYS = frozenset(field.name for field in fields(Predictions)) - {"labels"}
"""The fields with a value for each row."""


def without_text(labels: tuple[str, ...], rows: int) -> Predictions:
    """Make the predictions of so many rows that have no text."""
    return Predictions(
        labels=labels,
        intent=np.full(rows, None, dtype=object),
        confidence=np.full(rows, np.nan, dtype=np.float32),
        accepted=np.zeros(rows, dtype=np.bool_),
        reason=np.full(rows, NO_TEXT, dtype=object),
        probabilities=np.full((rows, len(labels)), np.nan, dtype=np.float32),
        familiarity=np.full(rows, np.nan, dtype=np.float32),
        truncated=np.zeros(rows, dtype=np.bool_),
    )


def predictions_of(
    labels: tuple[str, ...], rows: int, texts: Sequence[int], assessment: Assessment, truncated: Sequence[bool]
) -> Predictions:
    """Put an assessment of those rows that have a text among the rows that have none.

    Args:
        labels: the bundle's labels.
        rows: how many rows there are.
        texts: positions of the rows that were assessed.
        assessment: of these rows.
        truncated: of these rows.
    """
    found = without_text(labels, rows)
    names = np.array(labels, dtype=object)
    found.intent[texts] = names[assessment.ranking[:, 0]]
    found.confidence[texts] = assessment.confidence
    found.accepted[texts] = [reason is None for reason in assessment.reasons]
    found.reason[texts] = assessment.reasons
    found.probabilities[texts] = assessment.probabilities
    found.familiarity[texts] = assessment.familiarity
    found.truncated[texts] = truncated
    return found


def concatenated(labels: tuple[str, ...], parts: Sequence[Predictions]) -> Predictions:
    """Join predictions of consecutive rows."""
    if not parts:
        return without_text(labels, 0)
    return Predictions(labels, **{name: np.concatenate([getattr(part, name) for part in parts]) for name in ARRAYS})


def merged(labels: tuple[str, ...], rows: int, parts: Iterable[tuple[Sequence[int], Predictions]]) -> Predictions:
    """Merge predictions of bundles with the same labels, in any order, on some rows each.

    Args:
        labels: in the order of the result.
        rows: how many rows there are.
        parts: the positions of some rows, and the predictions on these. Rows at no such position are without text.
    """
    found = without_text(labels, rows)
    for own, part in parts:
        columns = [part.labels.index(label) for label in labels]
        found.probabilities[own] = part.probabilities[:, columns]
        for name in ARRAYS - {"probabilities"}:
            getattr(found, name)[own] = getattr(part, name)
    return found

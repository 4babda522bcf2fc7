"""The columns that ``triage classify --output`` adds to each row."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from math import isnan
from typing import TYPE_CHECKING

from triage_worker.cli.row_batches import Row
from triage_worker.config.errors import TriageError

if TYPE_CHECKING:
    from triage_models import Predictions

DECISION = ("intent", "confidence", "accepted", "reason")


@dataclass(frozen=True)
class AddedColumns:
    """Names and values of the new columns.

    Attributes:
        labels: the bundle's labels.
        scores: whether the probability of each label is added, too.
        prefix: is put before each name.
    """

    labels: tuple[str, ...]
    scores: bool = False
    prefix: str = ""

    def names(self, *, nested: bool) -> list[str]:
        """The names; ``nested`` has all scores in one column, as JSON can."""
        scores = [] if not self.scores else ["scores"] if nested else [f"score_{label}" for label in self.labels]
        return [self.prefix + name for name in (*DECISION, *scores)]

    def rows(self, predictions: "Predictions", *, nested: bool) -> list[Row]:
        """The new cells of each row, null where a row has no text."""
        names = self.names(nested=nested)
        return [
            dict(zip(names, [*decision, *self._scores(scores, nested=nested)], strict=True))
            for *decision, scores in zip(
                predictions.intent.tolist(),
                map(_number, predictions.confidence.tolist()),
                predictions.accepted.tolist(),
                predictions.reason.tolist(),
                predictions.probabilities.tolist(),
                strict=True,
            )
        ]

    def _scores(self, probabilities: list[float], *, nested: bool) -> list[object]:
        if not self.scores:
            return []
        numbers = [_number(probability) for probability in probabilities]
        if not nested:
            return list(numbers)
        return [None if None in numbers else dict(zip(self.labels, numbers, strict=True))]

    def refuse_taken(self, columns: Iterable[str], *, nested: bool) -> None:
        """Raise `TriageError` if the input has a column of the name of a new one."""
        taken = [name for name in self.names(nested=nested) if name in columns]
        if taken:
            raise TriageError(
                f"The input has {', '.join(map(repr, taken))} already: drop what is there, or give --prefix, which is "
                "put before the names of the new columns."
            )


def refuse_unknown(rows: list[Row], columns: Collection[str]) -> None:
    """Raise `TriageError` if a row has a field that the output has no column for: it would be lost."""
    known = set(columns)
    for row in rows:
        unknown = row.keys() - known
        if unknown:
            raise TriageError(
                f"A row has a field {min(unknown)!r}, which none of the first rows has, so the output has no column "
                f"for it (its columns: {', '.join(columns)}): write JSON lines, which need no columns."
            )


def _number(value: float) -> float | None:
    return None if isnan(value) else value

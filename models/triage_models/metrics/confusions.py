"""Confusions: which labels are predicted instead of which."""

from collections import Counter
from dataclasses import dataclass

import numpy as np

from triage_models.data.evaluation_rows import LabelledRows
from triage_models.metrics.outcomes import OUT_OF_SCOPE, Floats, Ints, Outcomes

OUT_OF_SCOPE_TITLE = "(out of scope)"


@dataclass(frozen=True)
class Example:
    """One message with a wrong prediction."""

    text: str
    confidence: float
    accepted: bool


@dataclass(frozen=True)
class Confusion:
    """Messages of one label that were predicted as another.

    Attributes:
        truth: their label.
        predicted: the predicted label.
        rows: how many.
        accepted: how many of them were accepted.
        examples: some of them.
    """

    truth: str
    predicted: str
    rows: int
    accepted: int
    examples: tuple[Example, ...]


def worst_confusions(rows: LabelledRows, outcomes: Outcomes, *, pairs: int, examples: int) -> list[Confusion]:
    """Return the most harmful pairs of labels: by accepted errors, then by all errors.

    Out-of-scope rows count only if they were accepted.

    Args:
        rows: N rows.
        outcomes: the outcomes of the same rows.
        pairs: how many pairs, at most.
        examples: texts per pair, at most; the most confident errors come first.
    """
    wrong = ~outcomes.correct & (~outcomes.out_of_scope | outcomes.accepted)
    groups: dict[tuple[int, int], list[int]] = {}
    for row in np.flatnonzero(wrong):
        groups.setdefault((int(outcomes.truth[row]), int(outcomes.predicted[row])), []).append(int(row))
    found = [_confusion(rows, outcomes, pair, own, examples) for pair, own in groups.items()]
    return sorted(found, key=lambda one: (-one.accepted, -one.rows, one.truth, one.predicted))[:pairs]


def confusion_matrix(outcomes: Outcomes) -> Ints:
    """Count the rows in scope by truth and prediction, ``[C, C]``."""
    inside = outcomes.take(~outcomes.out_of_scope)
    classes = len(outcomes.classes)
    flat = np.bincount(inside.truth * classes + inside.predicted, minlength=classes * classes)
    return flat.reshape(classes, classes)


def most_confused(matrix: Ints, limit: int) -> list[int]:
    """Return the classes to show of a matrix ``[C, C]``: all that occur, or the ``limit`` with the most errors."""
    occurring = np.flatnonzero(matrix.sum(axis=0) + matrix.sum(axis=1))
    if len(occurring) <= limit:
        return [int(position) for position in occurring]
    off_diagonal = matrix - np.diag(np.diag(matrix))
    errors: Floats = (off_diagonal.sum(axis=0) + off_diagonal.sum(axis=1)).astype(np.float64)
    chosen = sorted(np.argsort(-errors, kind="stable")[:limit])
    return [int(position) for position in chosen]


def false_acceptances(outcomes: Outcomes) -> dict[str, int]:
    """Count the accepted out-of-scope rows by predicted label, the most frequent first."""
    accepted = outcomes.predicted[outcomes.out_of_scope & outcomes.accepted]
    return dict(Counter(outcomes.classes[position] for position in accepted).most_common())


def unknown_labels(outcomes: Outcomes, known: int) -> dict[str, int]:
    """Count the rows of each label that the bundle does not know; all of them count as wrong.

    Args:
        outcomes: N rows.
        known: how many of the classes are the bundle's labels.
    """
    unknown = Counter(int(position) for position in outcomes.truth if position >= known)
    return {outcomes.classes[position]: rows for position, rows in sorted(unknown.items())}


def _confusion(
    rows: LabelledRows, outcomes: Outcomes, pair: tuple[int, int], own: list[int], examples: int
) -> Confusion:
    truth, predicted = pair
    most_confident = sorted(own, key=lambda row: -outcomes.confidence[row])[:examples]
    return Confusion(
        OUT_OF_SCOPE_TITLE if truth == OUT_OF_SCOPE else outcomes.classes[truth],
        outcomes.classes[predicted],
        len(own),
        int(outcomes.accepted[own].sum()),
        tuple(
            Example(rows.texts[row], float(outcomes.confidence[row]), bool(outcomes.accepted[row]))
            for row in most_confident
        ),
    )

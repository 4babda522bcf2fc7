"""Which label is taken for which."""

from collections import Counter
from dataclasses import dataclass

import numpy as np

from triage_models.metrics.outcomes import FOREIGN, Floats, Ints, Outcomes
from triage_models.metrics.rows import LabelledRows

OUT_OF_SCOPE = "(out of scope)"


@dataclass(frozen=True)
class Example:
    """One message that went wrong."""

    text: str
    confidence: float
    accepted: bool


@dataclass(frozen=True)
class Confusion:
    """Messages of one label that were predicted as another; ``accepted`` of them would have been acted on."""

    truth: str
    predicted: str
    rows: int
    accepted: int
    examples: tuple[Example, ...]


def worst(rows: LabelledRows, outcomes: Outcomes, *, pairs: int, examples: int) -> list[Confusion]:
    """The pairs that did most harm: by accepted mistakes, then by all; foreign rows count only when accepted.

    Args:
        rows: N rows.
        outcomes: of the same rows.
        pairs: how many pairs at most.
        examples: texts a pair at most, the surest mistakes first.
    """
    wrong = ~outcomes.right & (~outcomes.foreign | outcomes.accepted)
    groups: dict[tuple[int, int], list[int]] = {}
    for row in np.flatnonzero(wrong):
        groups.setdefault((int(outcomes.truth[row]), int(outcomes.predicted[row])), []).append(int(row))
    found = [_confusion(rows, outcomes, pair, own, examples) for pair, own in groups.items()]
    return sorted(found, key=lambda one: (-one.accepted, -one.rows, one.truth, one.predicted))[:pairs]


def matrix(outcomes: Outcomes) -> Ints:
    """Rows in scope by truth and prediction, ``[C, C]``."""
    inside = outcomes.take(~outcomes.foreign)
    classes = len(outcomes.classes)
    flat = np.bincount(inside.truth * classes + inside.predicted, minlength=classes * classes)
    return flat.reshape(classes, classes)


def most_confused(counts: Ints, most: int) -> list[int]:
    """The classes worth a row in a matrix: all that occur if there are few, else those in most mistakes."""
    occurring = np.flatnonzero(counts.sum(axis=0) + counts.sum(axis=1))
    if len(occurring) <= most:
        return [int(place) for place in occurring]
    off = counts - np.diag(np.diag(counts))
    mistakes: Floats = (off.sum(axis=0) + off.sum(axis=1)).astype(np.float64)
    chosen = sorted(np.argsort(-mistakes, kind="stable")[:most])
    return [int(place) for place in chosen]


def false_acceptances(outcomes: Outcomes) -> dict[str, int]:
    """What accepted foreign rows were taken for, with their number."""
    taken = Counter(outcomes.classes[place] for place in outcomes.predicted[outcomes.foreign & outcomes.accepted])
    return dict(taken.most_common())


def unknown_labels(outcomes: Outcomes, known: int) -> dict[str, int]:
    """Labels of the data that the bundle does not know, with their rows: all of these count as wrong."""
    strange = Counter(int(place) for place in outcomes.truth if place >= known)
    return {outcomes.classes[place]: rows for place, rows in sorted(strange.items())}


def _confusion(
    rows: LabelledRows, outcomes: Outcomes, pair: tuple[int, int], own: list[int], examples: int
) -> Confusion:
    truth, predicted = pair
    surest = sorted(own, key=lambda row: -outcomes.confidence[row])[:examples]
    return Confusion(
        OUT_OF_SCOPE if truth == FOREIGN else outcomes.classes[truth],
        outcomes.classes[predicted],
        len(own),
        int(outcomes.accepted[own].sum()),
        tuple(
            Example(rows.texts[row], float(outcomes.confidence[row]), bool(outcomes.accepted[row])) for row in surest
        ),
    )

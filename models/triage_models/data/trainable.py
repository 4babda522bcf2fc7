"""Refuses labels that a classifier cannot learn, and says which of them cannot be judged."""

from collections import Counter
from collections.abc import Mapping

from triage_models.data.labelled import LABEL
from triage_models.data.labels import LIKE_MISSING, describe_difference, find_lookalikes, show_labels
from triage_models.data.training_rows import TrainingRows
from triage_models.errors import DataError


def check_trainable(rows: TrainingRows, oos_label: str | None) -> list[str]:
    """Refuse data with fewer than two labels, with labels that look alike, or with a single row for every label.

    Args:
        rows: the rows, each text once.
        oos_label: the label of out-of-scope rows, if any.

    Returns:
        Sentences about labels that can be learned from, but not judged, or that may be no labels.

    Raises:
        DataError: Names the labels and what is needed.
    """
    alike = find_lookalikes(rows.labels)
    if alike:
        first, second = alike
        raise DataError(f"The labels '{first}' and '{second}' {describe_difference(first, second)}: keep one of them.")
    counts = Counter(label for label in rows.labels if label != oos_label)
    if len(counts) < 2:
        only = next(iter(counts), "none")
        raise DataError(f"The data has one label to learn ({only}): a classifier needs at least two.")
    single = single_row_labels(counts)
    if len(single) == len(counts):
        raise DataError(
            f"{len(single)} of {len(counts)} labels have a single row ('{single[0]}' is one), so nothing could be "
            "judged: give at least one of them 2 different texts, better 5 each, or merge labels."
        )
    notes = []
    if single:
        doubt = f" Is '{LABEL}' the right column?" if len(single) > len(counts) / 2 else ""
        notes.append(
            f"{len(single)} of {len(counts)} labels have a single row, so they are learned but cannot be judged: "
            f"{show_labels(single)}.{doubt}"
        )
    doubtful = [label for label in sorted(counts) if label.casefold() in LIKE_MISSING]
    if doubtful:
        notes.append(
            f"Learned like any other label: {show_labels(doubtful)}. If such rows have no label, name it with "
            "--out-of-scope-label, or remove them."
        )
    return notes


def single_row_labels(counts: Mapping[str, int]) -> list[str]:
    """Return the labels that have one row, in order."""
    return sorted(label for label, rows in counts.items() if rows == 1)

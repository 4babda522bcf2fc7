"""Rows to train on: reads them, merges them, and drops repeated texts."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from triage_models.data.labelled import LABEL, TEXT, labelled_rows, means_out_of_scope, normalize_text
from triage_models.data.labels import LabelMatcher, canonical_label, show_labels
from triage_models.data.tables import NoteCallback, Table, no_notes, open_table
from triage_models.errors import DataError

GROUP_COLUMNS = ("group", "shop")
"""Columns that name a row's group; `triage_models.data.splits` keeps groups together."""

WEIGHT = "weight"
DESCRIPTION = "description"
MAX_WEIGHT = 100.0


@dataclass(frozen=True)
class TrainingRows:
    """N texts with their labels.

    Attributes:
        texts: ``[N]``
        labels: ``[N]``
        groups: ``[N]`` the group of each row, such as the shop it comes from; empty if the data has no groups.
        weights: ``[N]`` how often an epoch draws a row, on average: 1 is once, 0.2 is once in five epochs. Empty means
            1 for every row.
    """

    texts: list[str]
    labels: list[str]
    groups: list[str] = field(default_factory=list)
    weights: list[float] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.texts)

    def take(self, positions: Iterable[int]) -> "TrainingRows":
        """Return the rows at these positions, in this order."""
        chosen = list(positions)
        return TrainingRows(
            [self.texts[row] for row in chosen],
            [self.labels[row] for row in chosen],
            [self.groups[row] for row in chosen] if self.groups else [],
            [self.weights[row] for row in chosen] if self.weights else [],
        )

    def weight_array(self) -> NDArray[np.float64]:
        """Return the weights ``[N]``, 1 where none were given."""
        return np.asarray(self.weights or [1.0] * len(self), dtype=np.float64)


def read_training_rows(path: Path, *, label: str | None = None, on_note: NoteCallback = no_notes) -> TrainingRows:
    """Read a CSV with the columns ``text,label`` and, if present, ``group`` (or ``shop``) and ``weight``.

    Args:
        path: the file, UTF-8 with a header line.
        label: the label of every row; the file then needs no ``label`` column.
        on_note: called with what was skipped.

    Raises:
        DataError: The file or a column is missing, or a row has no text, no label or a bad weight.
    """
    with open_table(path, [TEXT] if label is not None else [TEXT, LABEL], [*GROUP_COLUMNS, WEIGHT]) as table:
        columns = table.columns
        group = next((name for name in GROUP_COLUMNS if name in columns), None)
        rows = TrainingRows([], [])
        for text, name, record in labelled_rows(table, label, on_note):
            rows.texts.append(text)
            rows.labels.append(name)
            if group:
                rows.groups.append(canonical_label(record[group]))
            if WEIGHT in columns:
                rows.weights.append(_parse_weight(table, record[WEIGHT]))
    return rows


def _parse_weight(table: Table, value: str) -> float:
    """Read a weight. Where commas do not separate cells, one may stand for the decimal point: 0,5."""
    plain = " ".join(value.split())
    try:
        weight = float(plain.replace(",", ".") if table.delimiter != "," and "." not in plain else plain)
    except ValueError:
        weight = -1.0
    if not 0 < weight <= MAX_WEIGHT:
        raise DataError(
            f"{table.path}, line {table.line}: weight '{plain}' is not a number above 0 and up to {MAX_WEIGHT:g}."
        )
    return weight


def concatenate(first: TrainingRows, second: TrainingRows) -> TrainingRows:
    """Return the rows of both, in order; missing groups become empty, missing weights 1."""
    groups = bool(first.groups or second.groups)
    weights = bool(first.weights or second.weights)
    return TrainingRows(
        first.texts + second.texts,
        first.labels + second.labels,
        (first.groups or [""] * len(first)) + (second.groups or [""] * len(second)) if groups else [],
        (first.weights or [1.0] * len(first)) + (second.weights or [1.0] * len(second)) if weights else [],
    )


def find_oos_label(labels: Sequence[str], requested: str | None, extra_rows: bool) -> str | None:
    """Return the name of the out-of-scope class.

    Args:
        labels: ``[N]`` the labels of the data.
        requested: the name that the caller asked for, if any.
        extra_rows: whether out-of-scope rows come in a file of their own.

    Returns:
        ``requested``; otherwise a label of the data that is a usual name of it; otherwise "OOS" if there are extra
        rows; otherwise None.

    Raises:
        DataError: No row has the requested label, or the data has an out-of-scope label besides the extra rows.
    """
    requested = None if requested is None else LabelMatcher(set(labels)).find(requested) or canonical_label(requested)
    usual = [name for name in sorted(set(labels)) if means_out_of_scope(name)]
    found = usual[0] if usual else None
    if requested is not None:
        if requested not in labels and not extra_rows:
            some = ", ".join(sorted(set(labels))[:8])
            raise DataError(f"No row has the out-of-scope label '{requested}': the data's labels are {some}.")
        return requested
    if len(usual) > 1:
        raise DataError(f"The labels '{usual[0]}' and '{usual[1]}' both mean out of scope: keep one of them.")
    if found is not None and extra_rows:
        raise DataError(
            f"The data has a label '{found}' and out-of-scope rows come in a file of their own: "
            f"add --out-of-scope-label {found} if both mean the same, otherwise rename the label."
        )
    return found or ("OOS" if extra_rows else None)


def deduplicate(rows: TrainingRows) -> tuple[TrainingRows, list[str]]:
    """Drop repeated texts (in any case and spacing), keeping the first of each.

    Returns:
        The remaining rows, and sentences about what was dropped.

    Raises:
        DataError: More than 5 % of the rows (and more than 20) repeat a text under another label.
    """
    seen: dict[str, str] = {}
    unique: list[int] = []
    contradicting = 0
    for row, (text, label) in enumerate(zip(rows.texts, rows.labels, strict=True)):
        key = normalize_text(text)
        if key not in seen:
            seen[key] = label
            unique.append(row)
        elif seen[key] != label:
            contradicting += 1
    if contradicting > max(20, 0.05 * len(rows)):
        raise DataError(
            f"{contradicting} of {len(rows)} rows repeat a text under another label: give each text one label."
        )
    dropped = len(rows) - len(unique)
    notes = [f"{dropped:,} repeated texts were dropped."] if dropped else []
    if contradicting:
        notes.append(f"{contradicting:,} of them had another label than the first of its kind, which counts.")
    remaining = rows.take(unique)
    lost = sorted(set(rows.labels) - set(remaining.labels))
    if lost:
        notes.append(f"No row is left of {show_labels(lost)}: their texts stand before, under other labels.")
    return remaining, notes


def exclude_texts(rows: TrainingRows, others: TrainingRows) -> tuple[TrainingRows, int]:
    """Return the rows whose text is not in ``others``, and how many were excluded."""
    known = {normalize_text(text) for text in others.texts}
    remaining = [row for row, text in enumerate(rows.texts) if normalize_text(text) not in known]
    return rows.take(remaining), len(rows) - len(remaining)


def fingerprint(rows: TrainingRows) -> str:
    """Return the SHA-256 over texts, labels and weights in order: it identifies what a bundle was trained on."""
    digest = hashlib.sha256()
    for text, label, weight in zip(rows.texts, rows.labels, rows.weight_array(), strict=True):
        digest.update(f"{text}\0{label}\0{weight:g}\n".encode())
    return digest.hexdigest()


def read_descriptions(path: Path | None, labels: Sequence[str], on_note: NoteCallback = no_notes) -> dict[str, str]:
    """Read what each label means from a CSV with ``label,description``.

    Args:
        path: the file; None describes every label by its name.
        labels: the labels to describe; one that the file lacks is described by its name.
        on_note: called with the labels of the file that are none of these.

    Raises:
        DataError: The file or a column is missing.
    """
    matcher = LabelMatcher(labels)
    described: dict[str, str] = {}
    if path is not None:
        with open_table(path, [LABEL, DESCRIPTION]) as table:
            for record in table:
                name = matcher.find(record[LABEL]) or canonical_label(record[LABEL])
                described[name] = " ".join(record[DESCRIPTION].split())
        unknown = [name for name in described if name not in labels and name and not means_out_of_scope(name)]
        if unknown:
            on_note(f"{path} describes labels that the data lacks: {show_labels(unknown)}.")
    return {label: described.get(label) or label.replace("_", " ").lower() for label in labels}

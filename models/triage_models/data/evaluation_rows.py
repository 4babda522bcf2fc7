"""Labelled rows to measure a bundle on."""

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from triage_models.data.labelled import LABEL, TEXT, labelled_rows, match_labels, means_out_of_scope
from triage_models.data.labels import SEPARATOR, LabelMatcher, describe_difference, find_lookalikes
from triage_models.data.tables import NoteCallback, no_notes, open_table
from triage_models.errors import DataError

MAX_SLICES = 40
"""A column with more distinct values than this is an id or free text, so metrics are not sliced by it."""

NO_VALUE = "(none)"
"""Stands for an empty cell of a further column."""


@dataclass(frozen=True)
class LabelledRows:
    """N texts with their labels.

    Attributes:
        texts: ``[N]``
        labels: ``[N]`` one label, or several joined by ``|`` of which any is correct.
        columns: the further columns by which metrics are sliced, each ``[N]``, by name.
        lines: ``[N]`` the line of the file at which each row begins; empty if the rows are from no file.
    """

    texts: list[str]
    labels: list[str]
    columns: dict[str, list[str]]
    lines: list[int] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.texts)

    def take(self, mask: NDArray[np.bool_]) -> "LabelledRows":
        """Return the rows where the mask ``[N]`` is true."""
        return LabelledRows(
            [text for text, keep in zip(self.texts, mask, strict=True) if keep],
            [label for label, keep in zip(self.labels, mask, strict=True) if keep],
            {name: [v for v, keep in zip(values, mask, strict=True) if keep] for name, values in self.columns.items()},
            [line for line, keep in zip(self.lines, mask, strict=True) if keep] if self.lines else [],
        )

    def with_labels_of(
        self, labels: Collection[str], oos_label: str | None, on_note: NoteCallback = no_notes
    ) -> "LabelledRows":
        """Return the rows with their labels as a bundle writes them.

        Args:
            labels: the bundle's labels.
            oos_label: its name for out of scope, if any.
            on_note: called for each label that only looks like one of the bundle's, and is read as that.

        Raises:
            DataError: Two labels that the bundle does not know look alike.
        """
        known = [*labels, *([] if oos_label is None else [oos_label])]
        matched = match_labels(self.labels, known, on_note)
        single = {part.strip() for label in set(matched) - set(known) for part in label.split(SEPARATOR)}
        alike = find_lookalikes(label for label in single - set(known) if not means_out_of_scope(label))
        if alike:
            raise DataError(
                f"The labels '{alike[0]}' and '{alike[1]}' {describe_difference(*alike)}: keep one of them."
            )
        return replace(self, labels=matched)


def read_labelled_rows(path: Path, on_note: NoteCallback = no_notes, always: Collection[str] = ()) -> LabelledRows:
    """Read a CSV with the columns ``text,label``; further columns with few distinct values become slices.

    Args:
        path: the file.
        on_note: called with what was skipped.
        always: further columns that are returned however many distinct values they have, as far as the file has them.

    Raises:
        DataError: The file, a column or all rows are missing, or a row has no text or no label.
    """
    with open_table(path, [TEXT, LABEL], list(always)) as table:
        others = [name for name in table.columns if name not in (TEXT, LABEL)]
        rows = LabelledRows([], [], {name: [] for name in others})
        for text, label, record in labelled_rows(table, on_note=on_note):
            rows.texts.append(text)
            rows.labels.append(label)
            rows.lines.append(table.line)
            for name in others:
                rows.columns[name].append(record[name].strip() or NO_VALUE)
    sliced = {
        name: values for name, values in rows.columns.items() if name in always or 1 < len(set(values)) <= MAX_SLICES
    }
    return replace(rows, columns=sliced)


def resolve_oos_labels(requested: str | None, bundle_label: str | None, labels: Collection[str]) -> frozenset[str]:
    """Return the labels of the data that mean "none of the bundle's labels".

    Args:
        requested: the label that the caller asked for, if any.
        bundle_label: the bundle's own name for out of scope, if any.
        labels: the labels of the data.

    Returns:
        The requested label alone; otherwise ``bundle_label`` and the usual names, as far as the data has them.

    Raises:
        DataError: No row has the requested label.
    """
    requested = None if requested is None else LabelMatcher(labels).find(requested) or requested
    if requested is None:
        return frozenset(label for label in labels if label == bundle_label or means_out_of_scope(label))
    if requested not in labels:
        some = ", ".join(sorted(set(labels))[:8])
        raise DataError(f"No row has the out-of-scope label '{requested}': the data's labels are {some}.")
    return frozenset({requested})

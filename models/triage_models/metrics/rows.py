"""The labelled rows of a CSV, to be measured on."""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from triage_models.data.labelled import LABEL, OUT_OF_SCOPE_NAMES, TEXT, labelled
from triage_models.data.tables import open_table
from triage_models.errors import DataError
from triage_models.metrics.outcomes import Flags

MOST_VALUES = 40
"""A column of more different values than this is no slice: it is an id, or free text."""


@dataclass(frozen=True)
class LabelledRows:
    """N texts, their labels, and the other columns by which figures can be sliced, each ``[N]``."""

    texts: list[str]
    labels: list[str]
    columns: dict[str, list[str]]

    def __len__(self) -> int:
        return len(self.texts)

    def take(self, rows: Flags) -> "LabelledRows":
        """The rows where the mask is true."""
        return LabelledRows(
            [text for text, keep in zip(self.texts, rows, strict=True) if keep],
            [label for label, keep in zip(self.labels, rows, strict=True) if keep],
            {name: [v for v, keep in zip(values, rows, strict=True) if keep] for name, values in self.columns.items()},
        )


def read_rows(path: Path) -> LabelledRows:
    """Read a CSV with the columns ``text,label``; other columns of few values become slices.

    Raises:
        DataError: no such file, column or row, or a row without text or label, with its line.
    """
    with open_table(path, [TEXT, LABEL]) as table:
        others = [name for name in table.columns if name not in (TEXT, LABEL)]
        rows = LabelledRows([], [], {name: [] for name in others})
        for text, label, record in labelled(table):
            rows.texts.append(text)
            rows.labels.append(label)
            for name in others:
                rows.columns[name].append(record[name].strip() or "(none)")
    sliced = {name: values for name, values in rows.columns.items() if 1 < len(set(values)) <= MOST_VALUES}
    return LabelledRows(rows.texts, rows.labels, sliced)


def scope_labels(asked: str | None, of_bundle: str | None, labels: Collection[str]) -> frozenset[str]:
    """Which labels of the data mean "none of the bundle's".

    The one asked for; else the bundle's own name for it and those that are usually called so.

    Raises:
        DataError: the label asked for is in no row.
    """
    if asked is None:
        return frozenset(label for label in labels if label == of_bundle or label.lower() in OUT_OF_SCOPE_NAMES)
    if asked not in labels:
        some = ", ".join(sorted(set(labels))[:8])
        raise DataError(f"No row has the out-of-scope label '{asked}': the data's labels are {some}.")
    return frozenset({asked})

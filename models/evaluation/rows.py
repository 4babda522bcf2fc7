"""The labelled rows of a CSV, to be measured on."""

import csv
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from models.errors import DataError
from models.evaluation.outcomes import Flags

TEXT, LABEL = "text", "label"
OUT_OF_SCOPE_NAMES = ("oos", "out_of_scope", "out-of-scope")
"""What an out-of-scope label is called, in any case, where nobody names it."""

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
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            return _read(path, csv.DictReader(stream))
    except FileNotFoundError as error:
        raise DataError(f"There is no file {path}: check the path.") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not UTF-8 (byte {error.start}): save it as UTF-8.") from error
    except (OSError, csv.Error) as error:
        raise DataError(f"{path} cannot be read as CSV: {error}.") from error


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


def _read(path: Path, reader: "csv.DictReader[str]") -> LabelledRows:
    names = reader.fieldnames or []
    for name in (TEXT, LABEL):
        if name not in names:
            found = ", ".join(names) or "none"
            raise DataError(f"{path} has no column '{name}' (its columns: {found}): rename one, or add it.")
    others = [name for name in names if name not in (TEXT, LABEL)]
    rows = LabelledRows([], [], {name: [] for name in others})
    for record in reader:
        text, label = (record[TEXT] or "").strip(), (record[LABEL] or "").strip()
        if not text or not label:
            missing = LABEL if text else TEXT
            raise DataError(f"{path}, line {reader.line_num}: the row has no {missing}: fill it in or remove the row.")
        rows.texts.append(text)
        rows.labels.append(label)
        for name in others:
            rows.columns[name].append((record[name] or "").strip() or "(none)")
    if not rows.texts:
        raise DataError(f"{path} has no rows below its header.")
    sliced = {name: values for name, values in rows.columns.items() if 1 < len(set(values)) <= MOST_VALUES}
    return LabelledRows(rows.texts, rows.labels, sliced)

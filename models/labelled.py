"""Labelled text: CSVs of it, and when two texts are the same. One for training and for measuring."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from models.errors import DataError

TEXT = "text"
LABEL = "label"
OUT_OF_SCOPE_NAMES = ("oos", "out_of_scope", "out-of-scope")
"""What an out-of-scope label is called, in any case, where nobody names it."""


@contextmanager
def open_table(path: Path, needed: Sequence[str]) -> Iterator["csv.DictReader[str]"]:
    """A CSV, UTF-8 with a header line, that has the columns ``needed``.

    Raises:
        DataError: no such file or column, or, also while it is read, what is not UTF-8 or not CSV.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            table = csv.DictReader(stream)
            columns = table.fieldnames or []
            for name in needed:
                if name not in columns:
                    found = ", ".join(columns) or "none"
                    raise DataError(f"{path} has no column '{name}' (its columns: {found}): rename one, or add it.")
            yield table
    except FileNotFoundError as error:
        raise DataError(f"There is no file {path}: check the path.") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not UTF-8 (byte {error.start}): save it as UTF-8.") from error
    except (OSError, csv.Error) as error:
        raise DataError(f"{path} cannot be read as CSV: {error}.") from error


def write_table(path: Path, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Path:
    """Write a CSV, and its folder where there is none; gives back the path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(columns)
        writer.writerows(rows)
    return path


def labelled(
    path: Path, table: "csv.DictReader[str]", label: str | None = None
) -> Iterator[tuple[str, str, dict[str, str]]]:
    """Text, label and the whole record of each row; ``label`` is that of every row where it is given.

    Raises:
        DataError: a row without text or label, with its line; or no row at all.
    """
    any_row = False
    for record in table:
        text = (record[TEXT] or "").strip()
        name = (record[LABEL] or "").strip() if label is None else label
        if not text or not name:
            missing = LABEL if text else TEXT
            raise DataError(f"{path}, line {table.line_num}: the row has no {missing}: fill it in or remove the row.")
        any_row = True
        yield text, name, record
    if not any_row:
        raise DataError(f"{path} has no rows below its header.")


def folded(text: str) -> str:
    """What two texts have in common that are the same but for case and spacing."""
    return " ".join(text.casefold().split())

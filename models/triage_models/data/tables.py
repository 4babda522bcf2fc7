"""Reads and writes tables of text: the one reader of every command that takes a file with columns.

CSV with commas, semicolons or tabs, as spreadsheets write it, and JSON lines. What was skipped is counted.
"""

import csv
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from triage_models.data.columns import column_names, show_columns, similar_column
from triage_models.data.csv_rows import Header, LineSource, csv_rows, read_header
from triage_models.data.json_lines import cell, json_objects
from triage_models.data.text_lines import MAX_LINE_BYTES, text_lines
from triage_models.errors import DataError

JSON_LINES_SUFFIXES = (".jsonl", ".ndjson", ".json")
OTHER_DELIMITERS = "|^~:"
"""Delimiters that are not read, but that an error names."""

RENAME = "rename one, or add it"
FORMULA = ("=", "+", "-", "@", "\t")
"""Beginnings of a cell that spreadsheet programs compute."""

Row = tuple[int, dict[str, str]]
"""The line at which a row begins, and its cells by column."""

NoteCallback = Callable[[str], None]
"""Called with a sentence about rows that were skipped or changed."""


_SKIPPED = {
    "line": ("line above the header", "lines above the header"),
    "header": ("repetition of the header", "repetitions of the header"),
    "row": ("empty row", "empty rows"),
}


def no_notes(_sentence: str) -> None:
    """Ignore notes."""


class Table:
    """The rows of a file as dictionaries from column to cell.

    Attributes:
        path: the file.
        columns: the names of the columns, in order, no two alike; those that Triage knows are in lower case.
        header: the names as they are in the file.
        delimiter: stands between the cells of a CSV; empty for JSON lines.
        line: the line at which the row read last begins, counted from 1.
        skipped: how many were skipped so far: of a "line" above the header, a repeated "header", and an empty "row".
    """

    def __init__(
        self,
        path: Path,
        columns: Sequence[str],
        rows: Iterable[Row],
        header: Sequence[str] | None = None,
        delimiter: str = "",
        above: int = 0,
    ) -> None:
        self.path = path
        self.columns = list(columns)
        self.header = list(columns if header is None else header)
        self.delimiter = delimiter
        self.line = 1
        self.skipped = {"line": above, "header": 0, "row": 0}
        self._rows = rows

    def __iter__(self) -> Iterator[dict[str, str]]:
        titles = [title.casefold() for title in self.header]
        for line, row in self._rows:
            self.line = line
            if self.delimiter and len(titles) > 1 and [cell.strip().casefold() for cell in row.values()] == titles:
                self.skipped["header"] += 1
            else:
                yield row

    def notes(self) -> list[str]:
        """Return a sentence about what was skipped, if anything was; complete once all rows are read."""
        counts = [f"{number:,} {_SKIPPED[what][number > 1]}" for what, number in self.skipped.items() if number]
        return [f"{self.path}: {', '.join(counts)} skipped."] if counts else []


@contextmanager
def open_table(
    path: Path, required: Sequence[str], optional: Sequence[str] = (), *, hint: str = RENAME
) -> Iterator[Table]:
    """Open a table: JSON lines by the file's suffix, otherwise CSV with a header line.

    Args:
        path: the file.
        required: columns that the table must have, once each; any case matches.
        optional: columns that it may have, once each.
        hint: what the error advises when a column is missing.

    Raises:
        DataError: The file or a column is missing, or the content is not text, not CSV or not JSON. Errors in the
            content are raised while rows are read.
    """
    csv.field_size_limit(MAX_LINE_BYTES)
    try:
        with path.open("rb") as stream:
            read = _open_json_lines if path.suffix.lower() in JSON_LINES_SUFFIXES else _open_csv
            yield read(path, text_lines(stream, str(path)), _Wanted(required, optional, hint))
    except FileNotFoundError as error:
        raise DataError(f"There is no file {path}: check the path.") from error
    except OSError as error:
        raise DataError(f"{path} cannot be read: {(error.strerror or str(error)).lower()}.") from error


def spreadsheet_cell(value: object) -> object:
    """Return a cell that no spreadsheet program computes: a blank makes a formula text, and readers strip it."""
    return f" {value}" if isinstance(value, str) and value.startswith(FORMULA) else value


def write_table(
    path: Path, columns: Sequence[str], rows: Iterable[Sequence[object]], *, encoding: str = "utf-8"
) -> Path:
    """Write a CSV, creating its folder if needed, and return its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding=encoding, newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(columns)
        writer.writerows(rows)
    return path


@dataclass(frozen=True)
class _Wanted:
    """The columns that a caller reads, and what it advises where one is missing."""

    required: Sequence[str]
    optional: Sequence[str]
    hint: str

    @property
    def columns(self) -> list[str]:
        return [*self.required, *self.optional]

    def describe(self) -> str:
        one = len(self.required) == 1
        return f"the {'column' if one else 'columns'} {' and '.join(self.required)}"


def _open_csv(path: Path, lines: Iterator[str], wanted: _Wanted) -> Table:
    source = LineSource(lines)
    header = read_header(str(path), source, wanted.required, wanted.columns)
    if not header.cells:
        raise DataError(f"{path} is empty: it needs a header line with {wanted.describe()}, and rows below it.")
    _check_columns(path, header.names, wanted, header.cells)
    titles = [
        name if not title and header.cells.count("") > 1 else title
        for name, title in zip(header.names, header.cells, strict=True)
    ]
    rows = _csv_cells(csv_rows(str(path), source, header), header)
    return Table(path, header.names, rows, titles, header.delimiter, header.above)


def _csv_cells(rows: Iterator[tuple[int, list[str]]], header: Header) -> Iterator[Row]:
    missing = [""] * len(header.names)
    for line, row in rows:
        yield line, dict(zip(header.names, chain(row, missing), strict=False))


def _open_json_lines(path: Path, lines: Iterator[str], wanted: _Wanted) -> Table:
    rows = [(number, _json_row(path, number, row, wanted)) for number, row in json_objects(lines, str(path))]
    if not rows:
        raise DataError(f"{path} is empty: it needs a JSON object per line, with {wanted.describe()}.")
    columns = dict.fromkeys((name for _, row in rows for name in row), "")
    _check_columns(path, list(columns), wanted, None)
    return Table(path, list(columns), ((number, columns | row) for number, row in rows))


def _json_row(path: Path, number: int, row: dict[str, Any], wanted: _Wanted) -> dict[str, str]:
    """Return the fields of an object as cells."""
    names = column_names(row, wanted.columns)
    for name, value in zip(names, row.values(), strict=True):
        if names.count(name) > 1:
            raise DataError(f"{path}, line {number}: there are two fields '{name}': keep one of them.")
        if name in wanted.columns and isinstance(value, dict | list):
            kind = "an object" if isinstance(value, dict) else "an array"
            raise DataError(f"{path}, line {number}: the {name} is {kind}, not a string: write the {name} itself.")
    return dict(zip(names, map(cell, row.values()), strict=True))


def _check_columns(path: Path, columns: Sequence[str], wanted: _Wanted, first: Sequence[str] | None) -> None:
    """Refuse a table without a required column, or with two of a wanted one; ``first`` is the first line of a CSV."""
    for name in wanted.columns:
        times = columns.count(name)
        if times > 1:
            raise DataError(
                f"{path} has two columns '{name}' (its columns: {show_columns(columns)}): rename or remove one of them."
            )
        if times == 0 and name in wanted.required:
            advice = _advice(name, columns, wanted, first)
            raise DataError(f"{path} has no column '{name}' (its columns: {show_columns(columns)}): {advice}.")


def _advice(missing: str, columns: Sequence[str], wanted: _Wanted, first: Sequence[str] | None) -> str:
    """Return what to do where a column is missing, by what the columns or the first line of a CSV look like."""
    if first and first[0].startswith("{"):
        return "it looks like JSON lines, so name it .jsonl"
    for mark in OTHER_DELIMITERS:
        parts = column_names(first[0].split(mark), wanted.required) if first and len(first) == 1 else []
        if set(wanted.required) <= set(parts):
            return f"its cells seem to be separated by '{mark}', so save it with commas, semicolons or tabs"
    near = similar_column(missing, [name for name in columns if name not in wanted.columns])
    if near is not None:
        near = show_columns([near])
        return f"rename '{near}', or add it" if wanted.hint == RENAME else f"{wanted.hint}, such as '{near}'"
    if first and not set(wanted.required) & set(columns):
        return f"{wanted.hint}, or add a header line if the first line is a row already"
    return wanted.hint

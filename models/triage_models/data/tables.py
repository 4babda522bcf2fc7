"""Tables of text as people have them: CSV with commas, semicolons or tabs, as Excel writes it, or JSON lines."""

import csv
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from triage_models.errors import DataError

if TYPE_CHECKING:
    import _csv

JSON_LINES = (".jsonl", ".ndjson", ".json")
DELIMITERS = (",", ";", "\t")
KNOWN = ("text", "label", "description", "group", "shop", "weight", "decided_by", "message_id", "conversation_id")
"""Columns that have a meaning here: any case will do for them."""

LARGEST_FIELD = 16 * 1024 * 1024
WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
UTF_16 = (b"\xff\xfe", b"\xfe\xff")
Row = tuple[int, dict[str, str]]
"""The line where a row ends, and its cells."""

HOW = "save it as UTF-8 (in Excel: the file type “CSV UTF-8”)"


class Table:
    """The rows of a file, each as its cells by the names of their columns; ``line`` is where the last one ended."""

    def __init__(self, path: Path, columns: Sequence[str], rows: Iterable[Row]) -> None:
        self.path = path
        self.columns = list(columns)
        self.line = 1
        self._rows = rows

    def __iter__(self) -> Iterator[dict[str, str]]:
        for line, row in self._rows:
            self.line = line
            yield row


@contextmanager
def open_table(path: Path, needed: Sequence[str], hint: str = "rename one, or add it") -> Iterator[Table]:
    """A file that has the columns ``needed``: JSON lines by its ending, else CSV with a header line.

    Args:
        path: of the file.
        needed: columns; any case will do.
        hint: what to do where one is not there.

    Raises:
        DataError: no such file or column, or, also while it is read, what is no text, no CSV or no JSON.
    """
    csv.field_size_limit(LARGEST_FIELD)
    try:
        with path.open(encoding=_encoding(path), newline="") as stream:
            read = _json_lines if path.suffix.lower() in JSON_LINES else _comma_separated
            table = read(path, stream, needed)
            for name in needed:
                if table.columns.count(name) != 1:
                    found = ", ".join(table.columns[:20]) or "none"
                    has = "has two columns" if name in table.columns else "has no column"
                    raise DataError(f"{path} {has} '{name}' (its columns: {found}): {hint}.")
            yield table
    except FileNotFoundError as error:
        raise DataError(f"There is no file {path}: check the path.") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not UTF-8 (byte {error.start}): {HOW}.") from error
    except OSError as error:
        raise DataError(f"{path} cannot be read: {(error.strerror or str(error)).lower()}.") from error


def write_table(path: Path, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Path:
    """Write a CSV, and its folder where there is none; gives back the path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(columns)
        writer.writerows(rows)
    return path


def _encoding(path: Path) -> str:
    with path.open("rb") as stream:
        start = stream.read(4)
    if start.startswith(WORKBOOKS):
        raise DataError(f"{path} is a workbook or an archive, and no text: {HOW}.")
    return "utf-16" if start.startswith(UTF_16) else "utf-8-sig"


def _comma_separated(path: Path, stream: TextIO, needed: Sequence[str]) -> Table:
    first = stream.readline()
    before = 1
    told = re.fullmatch(r"sep=(.)\s*", first)  # a line of Excel's own
    if told:
        first, before = stream.readline(), 2
    headers = {mark: _names(first, mark, needed) for mark in ([told[1]] if told else DELIMITERS)}
    delimiter = next((mark for mark, names in headers.items() if set(needed) <= set(names)), next(iter(headers)))
    names = headers[delimiter]
    return Table(path, names, _cells(path, csv.reader(stream, delimiter=delimiter, strict=True), names, before))


def _names(header: str, delimiter: str, needed: Sequence[str]) -> list[str]:
    meant = {name.casefold(): name for name in (*KNOWN, *needed)}
    given = [name.strip() for name in next(csv.reader([header], delimiter=delimiter), [])]
    return [name if name in needed else meant.get(name.casefold(), name) for name in given]


def _cells(path: Path, rows: "_csv.Reader", names: Sequence[str], before: int) -> Iterator[Row]:
    try:
        for row in rows:
            line = before + rows.line_num
            if any(cell.strip() for cell in row[len(names) :]):
                raise DataError(
                    f"{path}, line {line}: the row has {len(row)} cells, the header {len(names)}: put texts that hold "
                    f"a '{rows.dialect.delimiter}' in quotation marks."
                )
            if row:
                yield line, dict(zip(names, [*row, *[""] * len(names)], strict=False))
    except csv.Error as error:
        raise DataError(
            f"{path} is not CSV at line {before + rows.line_num} ({error}): within a quoted text, a quotation mark is "
            f"written twice."
        ) from error


def _json_lines(path: Path, stream: TextIO, _needed: Sequence[str]) -> Table:
    rows = list(_objects(path, stream))
    columns = dict.fromkeys((name for _, row in rows for name in row), "")
    return Table(path, list(columns), ((number, columns | row) for number, row in rows))


def _objects(path: Path, stream: TextIO) -> Iterator[Row]:
    for number, line in enumerate(stream, start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            raise DataError(f"{path}, line {number}: this is no JSON ({error}): each line has to be one.") from error
        if not isinstance(row, dict):
            raise DataError(f"{path}, line {number}: this is no JSON object: each line has to be one.")
        yield number, {name: _cell(value) for name, value in row.items()}


def _cell(value: object) -> str:
    """A value as a CSV would have it; what is null, a list or an object is none."""
    return value if isinstance(value, str) else str(value) if isinstance(value, int | float) else ""

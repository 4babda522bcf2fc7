"""Reads and writes tables of text: CSV with commas, semicolons or tabs, as Excel writes it, and JSON lines."""

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

JSON_LINES_SUFFIXES = (".jsonl", ".ndjson", ".json")
DELIMITERS = (",", ";", "\t")
KNOWN_COLUMNS = (
    "text",
    "label",
    "description",
    "group",
    "shop",
    "weight",
    "decided_by",
    "message_id",
    "conversation_id",
)
"""Columns that Triage reads; their names are matched in any case."""

MAX_FIELD_BYTES = 16 * 1024 * 1024
WORKBOOK_SIGNATURES = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
UTF_16_MARKS = (b"\xff\xfe", b"\xfe\xff")
Row = tuple[int, dict[str, str]]
"""The line at which a row ends, and its cells by column."""

SAVE_AS_UTF_8 = "save it as UTF-8 (in Excel: the file type “CSV UTF-8”)"


class Table:
    """The rows of a file as dictionaries from column to cell.

    Attributes:
        path: the file.
        columns: the names of the columns, in order; those that Triage knows are in lower case.
        header: the names as they are in the file.
        line: the line at which the row read last ends, counted from 1.
    """

    def __init__(
        self, path: Path, columns: Sequence[str], rows: Iterable[Row], header: Sequence[str] | None = None
    ) -> None:
        self.path = path
        self.columns = list(columns)
        self.header = list(columns if header is None else header)
        self.line = 1
        self._rows = rows

    def __iter__(self) -> Iterator[dict[str, str]]:
        for line, row in self._rows:
            self.line = line
            yield row


@contextmanager
def open_table(path: Path, required: Sequence[str], hint: str = "rename one, or add it") -> Iterator[Table]:
    """Open a table: JSON lines by the file's suffix, otherwise CSV with a header line.

    Args:
        path: the file.
        required: columns that the table must have; any case matches.
        hint: what the error advises when a column is missing.

    Raises:
        DataError: The file or a column is missing, or the content is not text, not CSV or not JSON. Errors in the
            content are raised while rows are read.
    """
    csv.field_size_limit(MAX_FIELD_BYTES)
    try:
        with path.open(encoding=_encoding(path), newline="") as stream:
            read = _read_json_lines if path.suffix.lower() in JSON_LINES_SUFFIXES else _read_csv
            table = read(path, stream, required)
            for name in required:
                if table.columns.count(name) != 1:
                    found = ", ".join(table.columns[:20]) or "none"
                    has = "has two columns" if name in table.columns else "has no column"
                    raise DataError(f"{path} {has} '{name}' (its columns: {found}): {hint}.")
            yield table
    except FileNotFoundError as error:
        raise DataError(f"There is no file {path}: check the path.") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not UTF-8 (byte {error.start}): {SAVE_AS_UTF_8}.") from error
    except OSError as error:
        raise DataError(f"{path} cannot be read: {(error.strerror or str(error)).lower()}.") from error


def write_table(path: Path, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Path:
    """Write a CSV, creating its folder if needed, and return its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(columns)
        writer.writerows(rows)
    return path


def _encoding(path: Path) -> str:
    with path.open("rb") as stream:
        start = stream.read(4)
    if start.startswith(WORKBOOK_SIGNATURES):
        raise DataError(f"{path} is a workbook or an archive, not a text file: {SAVE_AS_UTF_8}.")
    return "utf-16" if start.startswith(UTF_16_MARKS) else "utf-8-sig"


def _read_csv(path: Path, stream: TextIO, required: Sequence[str]) -> Table:
    header = stream.readline()
    lines_before = 1
    declared = re.fullmatch(r"sep=(.)\s*", header)  # Excel writes the delimiter on a line of its own
    if declared:
        header, lines_before = stream.readline(), 2
    candidates = [declared[1]] if declared else DELIMITERS
    headers = {delimiter: _header_cells(header, delimiter) for delimiter in candidates}
    columns = {delimiter: _column_names(cells, required) for delimiter, cells in headers.items()}
    delimiter = next((mark for mark, names in columns.items() if set(required) <= set(names)), next(iter(columns)))
    names = columns[delimiter]
    reader = csv.reader(stream, delimiter=delimiter, strict=True)
    return Table(path, names, _csv_rows(path, reader, names, lines_before), headers[delimiter])


def _header_cells(header: str, delimiter: str) -> list[str]:
    return [name.strip() for name in next(csv.reader([header], delimiter=delimiter), [])]


def _column_names(header: Sequence[str], required: Sequence[str]) -> list[str]:
    known = {name.casefold(): name for name in (*KNOWN_COLUMNS, *required)}
    return [name if name in required else known.get(name.casefold(), name) for name in header]


def _csv_rows(path: Path, rows: "_csv.Reader", names: Sequence[str], lines_before: int) -> Iterator[Row]:
    try:
        for row in rows:
            line = lines_before + rows.line_num
            if any(cell.strip() for cell in row[len(names) :]):
                raise DataError(
                    f"{path}, line {line}: the row has {len(row)} cells, the header {len(names)}: put texts that "
                    f"contain a '{rows.dialect.delimiter}' in quotation marks."
                )
            if row:
                yield line, dict(zip(names, [*row, *[""] * len(names)], strict=False))
    except csv.Error as error:
        raise DataError(
            f"{path} is not CSV at line {lines_before + rows.line_num} ({error}): write a quotation mark within a "
            f"quoted text twice."
        ) from error


def _read_json_lines(path: Path, stream: TextIO, _required: Sequence[str]) -> Table:
    rows = list(_json_rows(path, stream))
    columns = dict.fromkeys((name for _, row in rows for name in row), "")
    return Table(path, list(columns), ((number, columns | row) for number, row in rows))


def _json_rows(path: Path, stream: TextIO) -> Iterator[Row]:
    for number, line in enumerate(stream, start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            raise DataError(f"{path}, line {number}: not JSON ({error}): write one JSON object per line.") from error
        if not isinstance(row, dict):
            raise DataError(f"{path}, line {number}: not a JSON object: write one JSON object per line.")
        yield number, {name: _cell(value) for name, value in row.items()}


def _cell(value: object) -> str:
    """Return a value as a CSV cell would hold it; null, lists and objects become empty cells."""
    return value if isinstance(value, str) else str(value) if isinstance(value, int | float) else ""

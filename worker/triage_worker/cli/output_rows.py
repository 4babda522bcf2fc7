"""Writes classified rows to a file: CSV, JSON lines or Parquet, by the file's suffix."""

import csv
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Protocol, TextIO

from triage_worker.cli.added_columns import AddedColumns, refuse_unknown
from triage_worker.cli.input_rows import CSV_SUFFIXES, JSON_LINES_SUFFIXES, PARQUET_SUFFIXES, STDIN
from triage_worker.cli.row_batches import Batch, Input, require_pyarrow, rows_of, to_json
from triage_worker.config.errors import TriageError

if TYPE_CHECKING:
    from triage_models import Predictions


class Writer(Protocol):
    """What writes one format."""

    def write(self, batch: Batch, predictions: "Predictions") -> None:
        """Add rows with their predictions."""

    def finish(self) -> None:
        """Write what is still missing after the last row."""

    def close(self) -> None:
        """Close the file, finished or not."""


def check_output(path: Path, source: str | None) -> None:
    """Refuse an output that could not be written, before anything is classified.

    Raises:
        TriageError: the suffix is unknown, the folder is missing, or the path is that of the input or of a folder.
    """
    known = [*CSV_SUFFIXES, *JSON_LINES_SUFFIXES, *PARQUET_SUFFIXES]
    suffix = path.suffix.lower()
    if suffix not in known:
        raise TriageError(f"--output {path} ends in none of {', '.join(known)}: its suffix says what to write.")
    if suffix in PARQUET_SUFFIXES:
        require_pyarrow()
    if path.is_dir():
        raise TriageError(f"--output {path} is a folder: name a file in it.")
    if not path.parent.is_dir():
        raise TriageError(f"--output {path} is in a folder that does not exist: create {path.parent} first.")
    if source not in {None, STDIN} and path.exists() and path.samefile(str(source)):
        raise TriageError(f"--output {path} is the input itself: name another file.")


def open_writer(path: Path, suffix: str, source: Input, added: AddedColumns) -> Writer:
    """Open a file for writing.

    Args:
        path: the file.
        suffix: says which format.
        source: where the rows come from; its columns are written first.
        added: the new columns.
    """
    if suffix in PARQUET_SUFFIXES:
        from triage_worker.cli.parquet import ParquetWriter  # noqa: PLC0415 (pyarrow is optional)

        return ParquetWriter(path, source, added)
    if suffix in JSON_LINES_SUFFIXES:
        return JsonLinesWriter(path, added)
    return CsvWriter(path, source.columns, added, delimiter="\t" if suffix == ".tsv" else ",")


class JsonLinesWriter:
    """Writes a JSON object per row, with the scores, where they are wanted, as an object in it."""

    def __init__(self, path: Path, added: AddedColumns) -> None:
        self._file: BinaryIO = path.open("wb")
        self._added = added

    def write(self, batch: Batch, predictions: "Predictions") -> None:
        """Add rows with their predictions."""
        for row, cells in zip(rows_of(batch), self._added.rows(predictions, nested=True), strict=True):
            self._added.refuse_taken(row, nested=True)
            self._file.write(to_json(row | cells) + b"\n")

    def finish(self) -> None:
        """Do nothing: each line is complete."""

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class CsvWriter:
    """Writes a header line and a line per row. Lists and objects are written as JSON, null as an empty cell.

    Args:
        path: the file to write.
        columns: of the input; None takes those of the first batch.
        added: the new columns.
        delimiter: stands between cells.
    """

    def __init__(self, path: Path, columns: list[str] | None, added: AddedColumns, *, delimiter: str) -> None:
        added.refuse_taken(columns or [], nested=False)
        self._file: TextIO = path.open("w", encoding="utf-8", newline="")
        self._writer = csv.writer(self._file, delimiter=delimiter, lineterminator="\n")
        self._added = added
        self._columns: list[str] | None = None
        if columns is not None:
            self._write_header(columns)

    def write(self, batch: Batch, predictions: "Predictions") -> None:
        """Add rows with their predictions."""
        rows = rows_of(batch)
        columns = self._columns
        if columns is None:
            columns = self._write_header(list(dict.fromkeys(name for row in rows for name in row)))
        refuse_unknown(rows, columns)
        for row, cells in zip(rows, self._added.rows(predictions, nested=False), strict=True):
            self._writer.writerow([_cell(row.get(name)) for name in columns] + [_cell(cell) for cell in cells.values()])

    def finish(self) -> None:
        """Write the header, where there were no rows."""
        if self._columns is None:
            self._write_header([])

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _write_header(self, columns: list[str]) -> list[str]:
        self._added.refuse_taken(columns, nested=False)
        self._columns = columns
        self._writer.writerow([*columns, *self._added.names(nested=False)])
        return columns


def _cell(value: object) -> object:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict | list | tuple):
        return to_json(value).decode()
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value

"""Reads the rows to classify: from a CSV, JSON lines, Parquet or text file, or from standard input."""

import sys
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import typer
from triage_models.data.file_check import check_file
from triage_models.data.json_lines import json_objects
from triage_models.data.tables import open_table
from triage_models.data.text_check import TextCheck
from triage_models.data.text_lines import text_lines
from triage_models.serving.stream import chunked

from triage_worker.cli.row_batches import BATCH_ROWS, Batch, Input, Row, require_pyarrow, values_of
from triage_worker.config.errors import TriageError

STDIN = "-"
CSV_SUFFIXES = (".csv", ".tsv")
JSON_LINES_SUFFIXES = (".jsonl", ".ndjson")
PARQUET_SUFFIXES = (".parquet",)
TEXT_SUFFIXES = (".txt",)
HINT = "choose one with --text-column"


def open_input(source: str, column: str, *, strict: bool) -> Input:
    """Open the rows of a .csv, .jsonl or .parquet, or the lines of a .txt or of ``-``, standard input.

    Blank lines of plain text are skipped. Rows without text are not, so that answers can be matched with rows.

    Args:
        source: the path, or ``-``.
        column: where the text is; each line of plain text becomes a row with this one column.
        strict: refuse rows of JSON lines in which the text is missing or is not a string. Otherwise all columns are
            wanted, so two of the same name are refused.

    Raises:
        TriageError, DataError: the file or the column is missing, or the content is not what the suffix says. Errors
            in the content are raised while the batches are read.
    """
    if source == STDIN:
        remedy = "convert it to UTF-8 first, for example with iconv"
        lines = _rows_of_lines(text_lines(sys.stdin.buffer, "Standard input", remedy), column)
        return Input(chunked(lines, BATCH_ROWS), column, [column])
    path = Path(source)
    suffix = path.suffix.lower()
    if suffix in CSV_SUFFIXES:
        check_file(path)
        return _open_csv(path, column, strict=strict)
    if suffix in JSON_LINES_SUFFIXES:
        return _open_json_lines(path, column, strict=strict)
    if suffix in PARQUET_SUFFIXES:
        require_pyarrow()
        from triage_worker.cli.parquet import open_parquet  # noqa: PLC0415 (pyarrow is optional)

        return open_parquet(path, column)
    if suffix in TEXT_SUFFIXES:
        return Input(chunked(_text_rows(path, column), BATCH_ROWS), column, [column])
    check_file(path, read_once=True)
    if not path.is_file():
        raise TriageError(f"{path} is a pipe or a device: use `-` for lines of text, and save a table to a file first.")
    known = ", ".join([*CSV_SUFFIXES, *JSON_LINES_SUFFIXES, *PARQUET_SUFFIXES, *TEXT_SUFFIXES])
    raise TriageError(f"{path} ends in none of {known}: name it after its format, or pipe it to `-`.")


def texts_of(source: Input) -> Iterator[str | None]:
    """Yield the text of each row; None where it is null, which only Parquet can have."""
    with closing(source.batches):
        for batch in source.batches:
            for value in values_of(batch, source.text_column):
                yield value if isinstance(value, str) else None


def _open_csv(path: Path, column: str, *, strict: bool) -> Input:
    with open_table(path, [column], hint=HINT) as table:
        header = table.header
    repeated = [] if strict else [name for name in header if header.count(name) > 1]
    if repeated:
        raise TriageError(
            f"{path} has several columns '{repeated[0]}', which --output could not tell apart: rename them."
        )
    # The rows are read later, so the file is opened again for them.
    text_column = header[table.columns.index(column)]
    return Input(chunked(_csv_rows(path, column), BATCH_ROWS), text_column, header)


def _csv_rows(path: Path, column: str) -> Iterator[Row]:
    with open_table(path, [column], hint=HINT) as table:
        check = TextCheck(table)
        for row in table:
            check.add(row[column])
            yield dict(zip(table.header, row.values(), strict=True))
        for note in [*table.notes(), *check.notes(column)]:
            typer.echo(note, err=True)


def _open_json_lines(path: Path, column: str, *, strict: bool) -> Input:
    batches = chunked(_json_rows(path, column, strict=strict), BATCH_ROWS)
    return Input(batches if strict else _with_column(batches, path, column), column)


def _json_rows(path: Path, column: str, *, strict: bool) -> Iterator[Row]:
    with _open_lines(path) as lines:
        for number, row in json_objects(lines, str(path)):
            if strict and column not in row:
                raise TriageError(
                    f"{path} has no field {column!r} at line {number} (its fields: {', '.join(row)}): {HINT}."
                )
            if strict and not isinstance(row[column], str):
                raise TriageError(f"{path} has a field {column!r} that is not a string, at line {number}.")
            yield row


def _with_column(batches: Generator[Batch, None, None], path: Path, column: str) -> Generator[Batch, None, None]:
    """Pass batches on; raise if no row of the first one has the column, so that a wrong name is found at once."""
    for number, batch in enumerate(batches):
        if number == 0 and not any(column in row for row in batch):
            fields = ", ".join(dict.fromkeys(field for row in batch for field in row))
            raise TriageError(
                f"{path} has no field {column!r} in its first {len(batch)} lines (their fields: {fields}): {HINT}."
            )
        yield batch


def _text_rows(path: Path, column: str) -> Iterator[Row]:
    with _open_lines(path) as lines:
        yield from _rows_of_lines(lines, column)


def _rows_of_lines(lines: Iterator[str], column: str) -> Iterator[Row]:
    return ({column: line.rstrip("\r\n")} for line in lines if line.strip())


@contextmanager
def _open_lines(path: Path) -> Iterator[Iterator[str]]:
    try:
        with path.open("rb") as file:
            yield text_lines(file, str(path))
    except FileNotFoundError:
        raise TriageError(f"There is no file {path}: check the path.") from None
    except OSError as error:
        raise TriageError(f"{path} cannot be read: {(error.strerror or str(error)).lower()}.") from None

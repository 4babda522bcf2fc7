"""Reads and writes Parquet files in batches. Needs pyarrow, which the [parquet] extra installs."""

import math
from collections.abc import Generator
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from triage_models.data.json_lines import WrittenNumber
from triage_models.serving.frames import with_predictions
from triage_models.serving.predictions import Predictions, without_text

from triage_worker.cli.added_columns import AddedColumns, refuse_unknown
from triage_worker.cli.row_batches import BATCH_ROWS, Batch, Input, Row
from triage_worker.config.errors import TriageError

READ_BYTES = 1024 * 1024
"""Bytes that are read at a time. Without such a buffer, pyarrow reads a whole row group, or even the whole file."""

GROUP_ROWS = 65_536
"""Rows in a row group that is written: fewer make the file slow to read, more need more memory."""

LEAST_INEXACT = 2.0**53
"""From here on, a float cannot hold every whole number."""

GROUP_BYTES = 64 * 1024 * 1024
"""Bytes after which a row group is written, however few rows it has."""


def open_parquet(path: Path, column: str) -> Input:
    """Open a Parquet file; its batches are Arrow record batches with all columns.

    Raises:
        TriageError: the file is missing or is not Parquet, or the column is missing or is not text.
    """
    try:
        file = pq.ParquetFile(path, buffer_size=READ_BYTES, pre_buffer=False)
    except FileNotFoundError:
        raise TriageError(f"There is no file {path}: check the path.") from None
    except (OSError, pa.ArrowException) as error:
        raise TriageError(f"{path} cannot be read as Parquet: {_first_line(error)}.") from None
    schema = file.schema_arrow
    _check_column(path, schema, column)
    return Input(_batches(path, file), column, list(schema.names), file.metadata.num_rows, schema)


class ParquetWriter:
    """Writes batches with their predictions to a Parquet file, in row groups of a size that is quick to read.

    Args:
        path: the file to write.
        source: where the batches come from: its columns and types are written. Rows of JSON lines have no fixed
            types; they get those that fit the first batch.
        added: the new columns.
    """

    def __init__(self, path: Path, source: Input, added: AddedColumns) -> None:
        self._path = path
        self._added = added
        self._schema: pa.Schema | None = source.arrow_schema
        if self._schema is None and source.columns is not None:
            self._schema = pa.schema([(name, pa.string()) for name in source.columns])
        self._writer: pq.ParquetWriter | None = None
        self._waiting: list[pa.RecordBatch] = []
        self._rounded: set[str] = set()  # columns whose numbers are written as text, since Arrow would round some

    def write(self, batch: Batch, predictions: Predictions) -> None:
        """Add rows with their predictions; they are written when there are enough for a row group.

        Raises:
            TriageError: a row does not fit the columns of the first ones, or has a column of the name of a new one.
        """
        try:
            self._waiting.append(self._extended(batch, predictions))
            rows = sum(waiting.num_rows for waiting in self._waiting)
            if rows >= GROUP_ROWS or sum(waiting.nbytes for waiting in self._waiting) >= GROUP_BYTES:
                self._write_group()
        except pa.ArrowException as error:
            raise TriageError(
                f"These rows do not fit into Parquet ({_first_line(error)}): each column has one type, which the first "
                "rows decide. Write JSON lines instead."
            ) from None

    def finish(self) -> None:
        """Write the rows that wait; without any, write the columns."""
        if self._writer is None and not self._waiting:
            self.write([], without_text(self._added.labels, 0))
        if self._waiting:
            self._write_group()

    def close(self) -> None:
        """Close the file, which writes its footer."""
        if self._writer is not None:
            self._writer.close()

    def _extended(self, batch: Batch, predictions: Predictions) -> pa.RecordBatch:
        if isinstance(batch, list):
            batch = [{name: _arrow_value(value) for name, value in row.items()} for row in batch]
            if self._schema is None:
                self._rounded = {name for row in batch for name, value in row.items() if isinstance(value, _Digits)}
            batch = [
                {name: _as_text(value) if name in self._rounded else value for name, value in row.items()}
                for row in batch
            ]
            schema = self._schema = _inferred_schema(batch) if self._schema is None else self._schema
            refuse_unknown(batch, schema.names)
            batch = pa.RecordBatch.from_pylist(batch, schema=schema)
        self._added.refuse_taken(batch.schema.names, nested=False)
        return with_predictions(batch, predictions, scores=self._added.scores, prefix=self._added.prefix)

    def _write_group(self) -> None:
        table = pa.Table.from_batches(self._waiting)
        self._waiting = []
        if any(pa.types.is_dictionary(field.type) for field in table.schema):
            table = table.unify_dictionaries()
        if self._writer is None:
            self._writer = pq.ParquetWriter(self._path, table.schema)
        self._writer.write_table(table, row_group_size=max(1, table.num_rows))


def _batches(path: Path, file: pq.ParquetFile) -> Generator[Batch, None, None]:
    with file:
        try:
            yield from file.iter_batches(batch_size=BATCH_ROWS)
        except (OSError, pa.ArrowException) as error:
            raise TriageError(f"{path} is damaged: {_first_line(error)}.") from None


def _check_column(path: Path, schema: pa.Schema, column: str) -> None:
    repeated = sorted({name for name in schema.names if schema.names.count(name) > 1})
    if repeated:
        raise TriageError(f"{path} has several columns '{repeated[0]}': rename all but one.")
    found = ", ".join(schema.names) or "none"
    if column not in schema.names:
        raise TriageError(f"{path} has no column '{column}' (its columns: {found}): choose one with --text-column.")
    kind = schema.field(column).type
    if not _is_text(kind):
        raise TriageError(
            f"{path} has a column '{column}' of {kind}, which is not text (its columns: {found}): choose another "
            "with --text-column, or convert it."
        )


def _is_text(kind: pa.DataType) -> bool:
    """Whether the values of a type are strings, or all null."""
    types = pa.types
    if types.is_dictionary(kind):
        return _is_text(kind.value_type)
    strings = types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind)
    return bool(strings or types.is_null(kind))


class _Digits(str):
    """A number that Arrow would round, as it is written."""

    __slots__ = ()


def _arrow_value(value: object) -> object:
    """Return a number that neither 64 bits nor a float can hold as its digits, since Arrow would round it."""
    if isinstance(value, WrittenNumber):
        return _Digits(value) if _loses_digits(value) else value
    if isinstance(value, list):
        return [_arrow_value(one) for one in value]
    if isinstance(value, dict):
        return {name: _arrow_value(one) for name, one in value.items()}
    return value


def _loses_digits(number: WrittenNumber) -> bool:
    """Whether whole digits are lost; those of a fraction that are too many for a float are below its accuracy."""
    if abs(number) < LEAST_INEXACT:
        return False
    return math.isinf(number) or Decimal(float.__repr__(number)) != Decimal(str(number))


def _as_text(value: object) -> object:
    """Return a number as text."""
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def _inferred_schema(rows: list[Row]) -> pa.Schema:
    """The types that fit these rows; a field that is null in all of them is taken for a string."""
    fields = []
    for name in dict.fromkeys(name for row in rows for name in row):
        kind = pa.infer_type([row.get(name) for row in rows])
        fields.append((name, pa.string() if pa.types.is_null(kind) else kind))
    return pa.schema(fields)


def _first_line(error: BaseException) -> str:
    return str(error).strip().partition("\n")[0].rstrip(".")

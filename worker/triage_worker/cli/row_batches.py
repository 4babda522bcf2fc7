"""Batches of rows on their way through ``triage classify``: dictionaries, or Arrow where the input is Parquet."""

from collections.abc import Generator
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, TypeAlias

import orjson
from triage_models.data.json_lines import WrittenNumber

from triage_worker.config.errors import TriageError

if TYPE_CHECKING:
    import pyarrow as pa

Row: TypeAlias = dict[str, Any]
Batch: TypeAlias = "list[Row] | pa.RecordBatch"

BATCH_ROWS = 512
"""Rows that one thread classifies at a time: enough to sort them by length, few enough to keep memory flat."""


@dataclass(frozen=True)
class Input:
    """An open input.

    Attributes:
        batches: the rows, up to `BATCH_ROWS` in each batch. Errors in the content are raised on the way.
        text_column: the column with the texts.
        columns: the names of the columns; None where each row has its own, as in JSON lines.
        row_count: how many rows there are; None where only reading all of them would show it.
        arrow_schema: the schema, where the batches are Arrow's.
    """

    batches: Generator[Batch, None, None]
    text_column: str
    columns: list[str] | None = None
    row_count: int | None = None
    arrow_schema: "pa.Schema | None" = None


def rows_of(batch: Batch) -> list[Row]:
    """The rows of a batch as dictionaries."""
    if isinstance(batch, list):
        return batch
    rows: list[Row] = batch.to_pylist()
    return rows


def values_of(batch: Batch, column: str) -> list[object]:
    """One column of a batch; None in rows that do not have it."""
    if isinstance(batch, list):
        return [row.get(column) for row in batch]
    values: list[object] = batch.column(column).to_pylist()
    return values


def to_json(value: object) -> bytes:
    """Encode a value as JSON; numbers keep their digits, and what JSON has no type for becomes a string."""
    return orjson.dumps(value, default=_encode, option=orjson.OPT_NON_STR_KEYS)


def require_pyarrow() -> None:
    """Raise `TriageError` where pyarrow, which reads and writes Parquet, is not installed."""
    if find_spec("pyarrow") is None:
        raise TriageError(
            "Parquet files need pyarrow, which is not installed: run `pip install pyarrow`, or install Triage with its "
            "[parquet] extra."
        )


def _encode(value: object) -> object:
    if isinstance(value, WrittenNumber):
        return orjson.Fragment(str(value).encode())
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)

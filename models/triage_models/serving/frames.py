"""Reads texts from a data frame and adds predictions to it: pandas, Polars and Arrow, none of which is a dependency.

A library is imported only after the caller has passed one of its objects, so it is always there.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar, cast

from numpy.typing import NDArray

from triage_models.errors import DataError
from triage_models.serving.predictions import Predictions

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl
    import pyarrow as pa

Frame = TypeVar("Frame")
"""A ``pandas.DataFrame``, ``polars.DataFrame``, ``pyarrow.Table`` or ``pyarrow.RecordBatch``."""

Columns = Mapping[str, NDArray[Any]]
"""New columns by name: float32 with NaN for null, bool, or objects that are strings and None."""


class _Library(NamedTuple):
    """How one kind of frame is read and extended.

    Attributes:
        columns: the names of a frame's columns.
        values: one column, as Python objects.
        extend: returns a frame with more columns; leaves the one it was given as it is.
    """

    columns: Callable[[Any], list[object]]
    values: Callable[[Any, str], list[object]]
    extend: Callable[[Any, Columns], Any]


def texts_of(frame: object, column: str) -> list[object]:
    """The values of a column as Python objects.

    Raises:
        DataError: the frame has no such column, or several.
        TypeError: this is no frame of a library that is known here.
    """
    library = _library_of(frame)
    names = library.columns(frame)
    if names.count(column) != 1:
        found = ", ".join(map(str, names)) or "none"
        has = "several columns" if column in names else "no column"
        raise DataError(f"The data frame has {has} '{column}' (its columns: {found}): name the one with the texts.")
    return library.values(frame, column)


def with_predictions(frame: Frame, predictions: Predictions, *, scores: bool, prefix: str) -> Frame:
    """Return the frame with the columns of `prediction_columns`.

    Raises:
        DataError: the frame has a column of such a name already.
        TypeError: this is no frame of a library that is known here.
    """
    library = _library_of(frame)
    columns = prediction_columns(predictions, scores=scores, prefix=prefix)
    taken = [repr(name) for name in columns if name in library.columns(frame)]
    if taken:
        raise DataError(
            f"The data frame has {', '.join(taken)} already: rename or drop what is there, or pass a prefix."
        )
    return cast(Frame, library.extend(frame, columns))


def prediction_columns(predictions: Predictions, *, scores: bool, prefix: str) -> dict[str, NDArray[Any]]:
    """The columns ``intent``, ``confidence``, ``accepted`` and ``reason``, and, with ``scores``, ``score_<label>``."""
    columns: dict[str, NDArray[Any]] = {
        f"{prefix}intent": predictions.intent,
        f"{prefix}confidence": predictions.confidence,
        f"{prefix}accepted": predictions.accepted,
        f"{prefix}reason": predictions.reason,
    }
    if scores:
        for position, label in enumerate(predictions.labels):
            columns[f"{prefix}score_{label}"] = predictions.probabilities[:, position]
    return columns


def _arrow_array(values: NDArray[Any]) -> "pa.Array[Any]":
    """A column as an Arrow array: string, float or bool, NaN as null."""
    import pyarrow as pa  # noqa: PLC0415 (optional)

    kinds = {"O": pa.string(), "f": pa.float32(), "b": pa.bool_()}
    return pa.array(values, type=kinds[values.dtype.kind], from_pandas=True)


def _library_of(frame: object) -> _Library:
    for kind in type(frame).__mro__:
        library = _LIBRARIES.get((kind.__module__.partition(".")[0], kind.__name__))
        if library is not None:
            return library
    kind = type(frame)
    raise TypeError(
        f"A {kind.__module__}.{kind.__name__} cannot be classified: pass a pandas or Polars DataFrame, or a pyarrow "
        "Table or RecordBatch. Collect a lazy frame first; call this for each partition of a distributed one."
    )


def _pandas_columns(frame: "pd.DataFrame") -> list[object]:
    return list(frame.columns)


def _pandas_values(frame: "pd.DataFrame", column: str) -> list[object]:
    return list(frame[column])


def _pandas_extend(frame: "pd.DataFrame", columns: Columns) -> "pd.DataFrame":
    import pandas as pd  # noqa: PLC0415 (optional)

    added = {
        name: pd.array(values, dtype="string") if values.dtype.kind == "O" else values
        for name, values in columns.items()
    }
    return frame.assign(**added)


def _polars_columns(frame: "pl.DataFrame") -> list[object]:
    return list(frame.columns)


def _polars_values(frame: "pl.DataFrame", column: str) -> list[object]:
    return frame[column].to_list()


def _polars_extend(frame: "pl.DataFrame", columns: Columns) -> "pl.DataFrame":
    import polars as pl  # noqa: PLC0415 (optional)

    kinds = {"O": pl.String, "f": pl.Float32, "b": pl.Boolean}
    added = []
    for name, values in columns.items():
        # As a list, since Polars makes its type Object of an array of objects.
        series = pl.Series(name, values.tolist() if values.dtype.kind == "O" else values, kinds[values.dtype.kind])
        added.append(series.fill_nan(None) if series.dtype == pl.Float32 else series)
    return frame.with_columns(added)


def _arrow_columns(frame: "pa.Table | pa.RecordBatch") -> list[object]:
    return list(frame.schema.names)


def _arrow_values(frame: "pa.Table | pa.RecordBatch", column: str) -> list[object]:
    values: list[object] = frame.column(column).to_pylist()
    return values


def _arrow_extend(frame: "pa.Table | pa.RecordBatch", columns: Columns) -> "pa.Table | pa.RecordBatch":
    import pyarrow as pa  # noqa: PLC0415 (optional)

    arrays = {name: _arrow_array(values) for name, values in columns.items()}
    schema = frame.schema
    for name, array in arrays.items():
        schema = schema.append(pa.field(name, array.type))
    return type(frame).from_arrays([*frame.columns, *arrays.values()], schema=schema)


_PANDAS = _Library(_pandas_columns, _pandas_values, _pandas_extend)
_POLARS = _Library(_polars_columns, _polars_values, _polars_extend)
_ARROW = _Library(_arrow_columns, _arrow_values, _arrow_extend)
_LIBRARIES = {
    ("pandas", "DataFrame"): _PANDAS,
    ("polars", "DataFrame"): _POLARS,
    ("pyarrow", "Table"): _ARROW,
    ("pyarrow", "RecordBatch"): _ARROW,
}

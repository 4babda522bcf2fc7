"""Reads JSON lines: one object on each line, with numbers as they are written."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

from triage_models.errors import DataError

MAX_INTEGER_DIGITS = 19
"""Longer integers, and some of this length, do not fit into 64 bits."""

ONE_EACH = "write one JSON object per line"


class WrittenNumber(float):
    """A number that a float or 64 bits may not hold exactly; ``str()`` gives its digits as they were written."""

    def __new__(cls, text: str) -> "WrittenNumber":
        """Read a number from its digits."""
        number = super().__new__(cls, text)
        number.text = text
        return number

    text: str

    def __str__(self) -> str:
        return self.text

    __repr__ = __str__

    def __reduce__(self) -> tuple[type["WrittenNumber"], tuple[str]]:
        return WrittenNumber, (self.text,)


def json_objects(lines: Iterable[str], name: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the number of each line that is not blank, and its object. ``NaN`` and ``Infinity`` become None.

    Args:
        lines: the lines.
        name: what errors call their source.

    Raises:
        DataError: A line is not an object, or has a field twice; names the line. Raised while lines are read.
    """
    for number, line in enumerate(lines, start=1):
        if line.strip():
            yield number, _parse(line.strip(), number, name)


def cell(value: object) -> str:
    """Return a value as a cell of a CSV would hold it; null, lists and objects become empty cells."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else ""


def _parse(line: str, number: int, name: str) -> dict[str, Any]:
    try:
        value = _DECODER.decode(line)
    except _RepeatedFieldError as error:
        raise DataError(f"{name}, line {number}: the field '{error}' is there twice: keep one of them.") from error
    except (ValueError, RecursionError) as error:
        reason = error.msg if isinstance(error, json.JSONDecodeError) else "nested too deeply"
        raise DataError(f"{name}, line {number}: not JSON ({reason}): {_advice(line, number)}.") from error
    if isinstance(value, list):
        raise DataError(
            f"{name}, line {number}: not a JSON object but an array: {ONE_EACH} (`jq -c '.[]'` makes such a file)."
        )
    if not isinstance(value, dict):
        raise DataError(f"{name}, line {number}: not a JSON object: {ONE_EACH}.")
    return _with_valid_text(value) if "\\u" in line.lower() else value


def _advice(line: str, number: int) -> str:
    """Return what to do about a line that is not JSON, by the usual causes."""
    if line.endswith(",") and _is_json(line[:-1]):
        return f"{ONE_EACH}, without a comma after it"
    if line in {"{", "["} or (number > 1 and line in {"}", "]", "},"}):
        return f"{ONE_EACH}, on a single line (`jq -c .` does, and `jq -c '.[]'` for an array)"
    if line.startswith("["):
        return f"{ONE_EACH}, not an array (`jq -c '.[]'` makes such a file)"
    if number == 1 and not line.startswith("{"):
        return f"{ONE_EACH}, or name the file .csv if it is one"
    return ONE_EACH


def _is_json(text: str) -> bool:
    try:
        _DECODER.decode(text)
    except (ValueError, RecursionError):
        return False
    return True


class _RepeatedFieldError(Exception):
    """An object has two fields of this name."""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        names = [name for name, _ in pairs]
        raise _RepeatedFieldError(next(name for name in names if names.count(name) > 1))
    return fields


def _integer(text: str) -> float:
    if len(text) < MAX_INTEGER_DIGITS or (len(text) == MAX_INTEGER_DIGITS and abs(int(text)) < 2**63):
        return int(text)
    return WrittenNumber(text)


def _not_a_number(_text: str) -> None:
    return None


_DECODER = json.JSONDecoder(
    object_pairs_hook=_object,
    parse_float=WrittenNumber,
    parse_int=_integer,
    parse_constant=_not_a_number,
    strict=False,  # a tab or another control character within a string does no harm
)


def _with_valid_text(value: Any) -> Any:
    """Replace halves of surrogate pairs, as programs leave that cut a text within an emoji, by U+FFFD."""
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, list):
        return [_with_valid_text(one) for one in value]
    if isinstance(value, dict):
        return {_with_valid_text(name): _with_valid_text(one) for name, one in value.items()}
    return value

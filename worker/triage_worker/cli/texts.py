"""Texts to classify, one after another, from a CSV, JSONL or text file or from standard input."""

import io
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

import orjson
from triage_models.data.tables import open_table

from triage_worker.config.errors import TriageError

STDIN = "-"
CSV = (".csv", ".tsv")


def read_texts(source: str, column: str) -> Iterator[str]:
    """The texts of a file, by its ending: a column of a .csv, a field of a .jsonl, the lines of a .txt or of ``-``.

    Blank lines of plain text are skipped; rows are not, so that the answers stay beside them.

    Raises:
        TriageError, DataError: no such file or column, or not the format that its ending says.
    """
    if source == STDIN:
        yield from _lines(io.TextIOWrapper(sys.stdin.buffer, "utf-8-sig", errors="replace"))
        return
    path = Path(source)
    ending = path.suffix.lower()
    if ending in CSV:
        with open_table(path, [column], "choose one with --text-column") as table:
            yield from (row[column] for row in table)
        return
    reader = READERS.get(ending)
    if reader is None:
        known = ", ".join([*CSV, *READERS])
        raise TriageError(f"{path} ends in none of {known}: name it by what it holds, or pipe it to `-`.")
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            yield from reader(file, path, column)
    except OSError as error:
        raise TriageError(f"{path} cannot be read: {(error.strerror or str(error)).lower()}.") from None
    except UnicodeDecodeError as error:
        raise TriageError(f"{path} is not UTF-8 ({error.reason}): save it as UTF-8 first.") from None


def _jsonl(file: TextIO, path: Path, column: str) -> Iterator[str]:
    for number, line in enumerate(file, 1):
        if not line.strip():
            continue
        try:
            text = orjson.loads(line)[column]
        except ValueError:
            raise TriageError(f"{path} is not JSON at line {number}: each line has to be one object.") from None
        except (KeyError, TypeError, IndexError):
            raise TriageError(f"{path} has no field {column!r} at line {number}: choose it by --text-column.") from None
        if not isinstance(text, str):
            raise TriageError(f"{path} has a field {column!r} that is not a string, at line {number}.")
        yield text


def _text(file: TextIO, _path: Path, _column: str) -> Iterator[str]:
    return _lines(file)


def _lines(file: TextIO) -> Iterator[str]:
    return (line.rstrip("\r\n") for line in file if line.strip())


READERS = {".jsonl": _jsonl, ".ndjson": _jsonl, ".txt": _text}

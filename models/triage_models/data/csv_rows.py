"""Reads CSV as spreadsheets and programs write it: the header, the delimiter, the rows and their lines."""

import csv
import re
from collections import deque
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from triage_models.data.columns import column_names
from triage_models.data.text_lines import MARK, MAX_LINE_BYTES
from triage_models.errors import DataError

if TYPE_CHECKING:
    import _csv

DELIMITERS = (",", ";", "\t")
MAX_ROWS_ABOVE = 20
"""Rows above the header, such as a title or comments, that are looked through for it."""

_DECLARED = re.compile(r'"?sep=(.)"?[;,\t]*\s*', re.IGNORECASE)
"""Excel's line that declares the delimiter, above the header."""

_TWICE = "write a quotation mark within a quoted text twice, and nothing between the last one and the next cell"


class LineSource:
    """Lines that can be read a second time.

    Attributes:
        recent: the lines that were read since the last `forget`.
    """

    def __init__(self, lines: Iterable[str]) -> None:
        self.recent: list[str] = []
        self._lines = iter(lines)
        self._ahead: deque[str] = deque()

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._ahead.popleft() if self._ahead else next(self._lines)
        self.recent.append(line)
        return line

    def rewind(self) -> None:
        """Read the recent lines again."""
        self._ahead.extendleft(reversed(self.recent))
        self.recent = []

    def forget(self) -> None:
        """Drop the recent lines."""
        self.recent = []


@dataclass(frozen=True)
class Header:
    """The header of a CSV.

    Attributes:
        cells: the names as they are in the file, without blanks around them.
        names: the names as Triage knows them.
        delimiter: stands between cells.
        spaced: a blank follows each delimiter.
        lines: how many lines of the file end with the header.
        above: how many lines above it were skipped.
        complete: whether it has all required columns.
    """

    cells: list[str]
    names: list[str]
    delimiter: str
    spaced: bool = False
    lines: int = 0
    above: int = 0
    complete: bool = False


def read_header(name: str, lines: LineSource, required: Collection[str], wanted: Collection[str]) -> Header:
    """Read up to the header, with the delimiter that gives all required columns, or else the most columns.

    Args:
        name: what errors call the file.
        lines: the lines; afterwards those of the rows.
        required: columns that the header should have.
        wanted: these, and columns that it may have.

    Raises:
        DataError: The header cannot be read with any delimiter.
    """
    first = next(lines, "")
    declared = _DECLARED.fullmatch(first)
    if declared:
        lines.forget()
    else:
        lines.rewind()
    before = 1 if declared else 0
    marks = dict.fromkeys([*([declared[1]] if declared else []), *DELIMITERS])
    found: list[Header] = []
    errors: list[DataError] = []
    for delimiter in marks:
        try:
            found.append(_read_header(name, lines, required, wanted, delimiter, before))
        except DataError as error:
            errors.append(error)
        if found and found[-1].complete:
            break
        lines.rewind()
    if not found:
        raise errors[0]
    best = next((header for header in found if header.complete), max(found, key=lambda header: len(header.cells)))
    if best.complete:
        lines.forget()
    return best


def _read_header(
    name: str, lines: LineSource, required: Collection[str], wanted: Collection[str], delimiter: str, before: int
) -> Header:
    """Read up to the header with one delimiter; without a complete one, return the first row as an incomplete one."""
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    first: Header | None = None
    above, comments = 0, True
    try:
        for row in islice(reader, MAX_ROWS_ABOVE):
            cells = [cell.strip() for cell in row]
            filled = sum(map(bool, cells))
            if not filled:
                continue
            names = column_names(cells, wanted)
            spaced = len(row) > 1 and all(cell.startswith(" ") for cell in row[1:])
            complete = set(required) <= set(names) and (above == 0 or comments or filled > 1)
            header = Header(cells, names, delimiter, spaced, before + reader.line_num, above, complete)
            if complete:
                return header
            first = first or header
            comments = comments and cells[0].startswith("#")
            if filled > 1 and not cells[0].startswith("#"):
                break
            above += 1
    except csv.Error as error:
        if first is None:
            raise _refusal(name, lines.recent, 1 + before, delimiter, error) from error
    return first or Header([], [], delimiter)


def csv_rows(name: str, lines: LineSource, header: Header) -> Iterator[tuple[int, list[str]]]:
    """Yield the cells of each row that is not a blank line, and the line at which the row begins.

    Args:
        name: what errors call the file.
        lines: the lines below the header.
        header: the header.

    Raises:
        DataError: A line is not CSV; names it. Raised while rows are read.
    """
    reader = csv.reader(lines, delimiter=header.delimiter, strict=True, skipinitialspace=header.spaced)
    line = header.lines + 1
    while True:
        lines.forget()
        try:
            row = next(reader, None)
        except csv.Error as error:
            raise _refusal(name, lines.recent, line, header.delimiter, error) from error
        if row is None:
            return
        if row:
            if any(cell.strip() for cell in row[len(header.names) :]):
                raise _too_many_cells(name, line, row, header)
            yield line, row
        line = header.lines + reader.line_num + 1


def _too_many_cells(name: str, line: int, row: list[str], header: Header) -> DataError:
    if any(MARK in cell for cell in row):
        return DataError(
            f"{name}, line {line}: a byte order mark stands within the line, as it does where two files were joined "
            "without a line end between them: put what follows it on a line of its own."
        )
    return DataError(
        f"{name}, line {line}: the row has {len(row)} cells, the header {len(header.names)}: put texts that "
        f"contain a '{header.delimiter}' in quotation marks (\")."
    )


def _refusal(name: str, recent: list[str], start: int, delimiter: str, error: "_csv.Error") -> DataError:
    """Return the error of a row that is not CSV, with the line of the quotation mark that is to blame.

    Args:
        name: what errors call the file.
        recent: the lines of the row, as far as they were read.
        start: the line at which the row begins.
        delimiter: stands between cells.
        error: what the parser says.
    """
    opened, last = start + _opening_line(recent, delimiter), start + max(0, len(recent) - 1)
    if "unexpected end" in str(error):
        return DataError(
            f"{name} is not CSV: the quotation mark that opens in line {opened} is never closed, so everything below "
            f"it would be one text: close it, or put the whole text in quotation marks and write those within it twice."
        )
    if "field larger" in str(error):
        return DataError(
            f"{name}, line {opened}: a cell that begins here has more than {MAX_LINE_BYTES // 2**20} MiB: is its "
            "quotation mark closed?"
        )
    begun = f", within the quoted text that begins in line {opened}" if opened < last else ""
    return DataError(f"{name} is not CSV at line {last}{begun} ({error}): {_TWICE}.")


def _opening_line(lines: list[str], delimiter: str) -> int:
    """Return the position of the line in which the quotation mark opens that the parser stumbled over."""
    opened, quoted, at_start = 0, False, True
    for number, line in enumerate(lines):
        position = 0
        while position < len(line):
            if quoted:
                position = line.find('"', position)
                if position < 0:
                    break
                if line.startswith('""', position):
                    position += 2
                    continue
                quoted = False
                if line[position + 1 : position + 2] not in {"", delimiter, "\r", "\n"}:
                    return opened
            elif at_start and line[position] == '"':
                quoted, opened = True, number
            at_start = not quoted and line[position] in {delimiter, "\r", "\n"}
            position += 1
    return opened

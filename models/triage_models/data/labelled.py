"""Labelled text: the columns it comes in, which rows are refused, and when two texts count as the same.

Shared by training, measuring and learning, so that a file means the same to all of them.
"""

import csv
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterator, Sequence

from triage_models.data.labels import MISSING, SEPARATOR, LabelMatcher, canonical_label
from triage_models.data.tables import NoteCallback, Table, no_notes
from triage_models.errors import DataError

TEXT = "text"
LABEL = "label"
OUT_OF_SCOPE_NAMES = ("oos", "out_of_scope", "out-of-scope")
"""Labels that mean "out of scope" when the caller names none, in lower case; data may use any case."""

MIN_WORDLESS = 10
"""From so many rows on, texts without a single letter are refused: it is another column, such as an id or a date."""


def labelled_rows(
    table: Table, label: str | None = None, on_note: NoteCallback = no_notes
) -> Iterator[tuple[str, str, dict[str, str]]]:
    """Yield text, label and the whole record of each row that is not empty.

    Args:
        table: rows with the columns `TEXT` and, unless ``label`` is given, `LABEL`.
        label: the label of every row.
        on_note: called at the end with what was skipped.

    Raises:
        DataError: Rows have no text or no label (the message names the first line and how many there are), there is no
            row, or the texts are not texts. Raised after the last row.
    """
    check = _RowCheck(table)
    for record in table:
        if not any(cell.strip() for cell in record.values()):
            table.skipped["row"] += 1
            continue
        text = record[TEXT].strip()
        name = canonical_label(record[LABEL]) if label is None else label
        check.add(text, name, record.get(LABEL, "") if label is None else "")
        yield text, name, record
    check.finish()
    for note in table.notes():
        on_note(note)


def match_labels(labels: Sequence[str], known: Collection[str], on_note: NoteCallback = no_notes) -> list[str]:
    """Return labels as a given set has them; a label that is not in the set stays as it is.

    Args:
        labels: ``[N]`` one label, or several joined by `SEPARATOR`.
        known: the set, such as a bundle's labels and its name for out of scope.
        on_note: called for each label that only looks like one of the set, and is read as that.
    """
    matcher = LabelMatcher(known)
    matched: dict[str, str] = {}
    for label, rows in Counter(labels).items():
        matched[label] = found = _match(label, matcher)
        if canonical_label(found) != canonical_label(label):
            count = "1 row" if rows == 1 else f"{rows:,} rows"
            on_note(f"The label '{label}' ({count}) looks like '{found}' and is read as that.")
    return [matched[label] for label in labels]


def _match(label: str, matcher: LabelMatcher) -> str:
    found = label if label.lower() in OUT_OF_SCOPE_NAMES else matcher.find(label)
    if found is None and SEPARATOR in label:
        return SEPARATOR.join(_match(part.strip(), matcher) for part in label.split(SEPARATOR))
    return found or label


def normalize_text(text: str) -> str:
    """Fold case, spacing and Unicode composition, so that texts which differ only in those compare equal."""
    return " ".join(unicodedata.normalize("NFC", text).casefold().split())


class _RowCheck:
    """Collects what is wrong with the rows of a table, so that one error can tell all of it.

    Args:
        table: the table; its line is that of the row that is added.
    """

    def __init__(self, table: Table) -> None:
        self._table = table
        self._rows = 0
        self._letters = False
        self._first_text = ""
        self._fault: tuple[int, str] | None = None
        self._faults = 0
        self._written: set[str] = set()
        self._several_lines: list[tuple[int, str]] = []

    def add(self, text: str, label: str, written: str) -> None:
        """Check a row: its text, its label, and that label as it is written in the file."""
        self._rows += 1
        self._first_text = self._first_text or text
        self._letters = self._letters or any(map(str.isalpha, text))
        fault = _fault(text, label)
        if fault is not None:
            self._fault = self._fault or (self._table.line, fault)
            self._faults += 1
        if written:
            self._written.add(written)
            if "\n" in text or "\r" in text:
                self._several_lines.append((self._table.line, text))

    def finish(self) -> None:
        """Raise what was found, the gravest first."""
        path = self._table.path
        for line, text in self._several_lines:
            if self._swallows_rows(text):
                raise DataError(
                    f"{path}, line {line}: the text of this row goes on over the lines below it, which look like rows "
                    "of their own: close its quotation mark, or remove it."
                )
        if self._fault is not None:
            line, fault = self._fault
            more = f" and {self._faults - 1:,} more" if self._faults > 1 else ""
            raise DataError(f"{path}, line {line}{more}: {fault}.")
        if not self._rows:
            raise DataError(f"{path} has no rows below its header.")
        if self._rows >= MIN_WORDLESS and not self._letters:
            raise DataError(
                f"{path} has no text with a letter in it (the first is '{self._first_text[:40]}'): is '{TEXT}' the "
                "right column?"
            )

    def _swallows_rows(self, text: str) -> bool:
        """Whether lines of a text look like rows of the table: its quotation mark was closed too late."""
        first, *others = text.splitlines()
        columns = self._table.columns
        position = columns.index(LABEL)
        after_text = position - columns.index(TEXT)
        begun = self._cells(first)
        if after_text > 0 and len(begun) > after_text and begun[position - len(columns)] in self._written:
            return True
        rows = [self._cells(line) for line in others]
        return sum(len(row) == len(columns) and row[position] in self._written for row in rows) >= 2

    def _cells(self, line: str) -> list[str]:
        try:
            return next(csv.reader([line], delimiter=self._table.delimiter or ","), [])
        except csv.Error:
            return []


def _fault(text: str, label: str) -> str | None:
    """Return what is wrong with a row and what to do, or None."""
    for name, value in ((TEXT, text), (LABEL, label)):
        if not value or value.isspace() or all(unicodedata.category(one) == "Cf" for one in value):
            return f"the row has no {name}: fill it in or remove the row"
        if value.casefold() in MISSING:
            return f"the {name} is '{value}', as programs write a missing value: fill it in or remove the row"
    if label.startswith("="):
        return f"the label '{label[:40]}' is a formula of a spreadsheet: save the file with values"
    return None

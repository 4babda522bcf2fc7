"""Labelled text: the columns it comes in, which rows are refused, and when two texts count as the same.

Shared by training, measuring and learning, so that a file means the same to all of them.
"""

import unicodedata
from collections import Counter
from collections.abc import Collection, Iterator, Sequence

from triage_models.data.labels import MISSING, SEPARATOR, LabelMatcher, canonical_label, lookalike_key
from triage_models.data.tables import NoteCallback, Table, no_notes
from triage_models.data.text_check import TextCheck, row_cells
from triage_models.errors import DataError

TEXT = "text"
LABEL = "label"
OUT_OF_SCOPE_NAMES = ("oos", "out_of_scope", "out-of-scope")
"""Labels that mean "out of scope" when the caller names none; data may use any case, and blanks."""

_OUT_OF_SCOPE_KEYS = frozenset(map(lookalike_key, OUT_OF_SCOPE_NAMES))
MAX_LABEL = 200
"""Characters of a label; a longer one is a text in the wrong column."""


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
    for note in [*table.notes(), *check.finish()]:
        on_note(note)


def means_out_of_scope(label: str) -> bool:
    """Whether a label is one of the usual names of out of scope."""
    return lookalike_key(label) in _OUT_OF_SCOPE_KEYS


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
    found = label if means_out_of_scope(label) else matcher.find(label)
    if found is None and SEPARATOR in label:
        return SEPARATOR.join(_match(part.strip(), matcher) for part in label.split(SEPARATOR))
    return found or label


def normalize_text(text: str) -> str:
    """Fold case, spacing and Unicode composition, so that texts which differ only in those compare equal."""
    return " ".join(unicodedata.normalize("NFC", text).casefold().split())


class _RowCheck:
    """Collects what is wrong with the rows of a table, so that one error can list all of it.

    Args:
        table: the table; its line is that of the row that is added.
    """

    def __init__(self, table: Table) -> None:
        self._table = table
        self._rows = 0
        self._texts = TextCheck(table)
        self._fault: tuple[int, str] | None = None
        self._faults = 0
        self._written: set[str] = set()
        self._several_lines: list[tuple[int, str]] = []

    def add(self, text: str, label: str, written: str) -> None:
        """Check a row: its text, its label, and that label as it is written in the file."""
        self._rows += 1
        self._texts.add(text)
        fault = _fault(text, label)
        if fault is not None:
            self._fault = self._fault or (self._table.line, fault)
            self._faults += 1
        if written:
            self._written.add(written)
            if self._table.delimiter and ("\n" in text or "\r" in text):
                self._several_lines.append((self._table.line, text))

    def finish(self) -> list[str]:
        """Raise what was found, the gravest first; return sentences about what is only odd."""
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
        if self._texts.wordless:
            raise DataError(
                f"{path} has no text with a letter in it (the first is '{self._texts.first}'): is '{TEXT}' the right "
                "column?"
            )
        return self._texts.notes(TEXT)

    def _swallows_rows(self, text: str) -> bool:
        """Whether lines of a text look like rows of the table: its quotation mark was closed too late."""
        first, *others = text.splitlines()
        columns = self._table.columns
        position = columns.index(LABEL)
        after_text = position - columns.index(TEXT)
        begun = row_cells(first, self._table.delimiter)
        if after_text > 0 and len(begun) > after_text and begun[position - len(columns)] in self._written:
            return True
        rows = [row_cells(line, self._table.delimiter) for line in others]
        return sum(len(row) == len(columns) and row[position] in self._written for row in rows) >= 2


def _fault(text: str, label: str) -> str | None:
    """Return what is wrong with a row and what to do, or None."""
    for name, value in ((TEXT, text), (LABEL, label)):
        if not canonical_label(value):
            return f"the row has no {name}: fill it in or remove the row"
        if value.casefold() in MISSING:
            return f"the {name} is '{value}', as programs write a missing value: fill it in or remove the row"
    if len(label) > MAX_LABEL:
        return f"the label has {len(label):,} characters ('{label[:40]}…'): is '{LABEL}' the right column?"
    if label.startswith("="):
        return f"the label '{label[:40]}' is a formula of a spreadsheet: save the file with values"
    return None

"""Notices texts of a table that are probably no texts, or several."""

import csv

from triage_models.data.tables import Table

MIN_WORDLESS = 10
"""From so many rows on, it is worth a word if no text has a letter: it may be another column, such as an id."""

MIN_ROW_LINES = 3
"""Lines of one text that look like rows of the table, from which on they may be rows."""


class TextCheck:
    """Collects what is odd about the texts of a table.

    Args:
        table: the table; its line is that of the text that is added.
    """

    def __init__(self, table: Table) -> None:
        self._table = table
        self._rows = 0
        self._first = ""
        self._letters = False
        self._row_lines: list[int] = []

    def add(self, text: str) -> None:
        """Look at one text."""
        self._rows += 1
        self._first = self._first or " ".join(text.split())[:40]
        self._letters = self._letters or any(map(str.isalpha, text))
        columns = len(self._table.columns)
        if self._table.delimiter and columns > 1 and ("\n" in text or "\r" in text):
            alike = sum(len(row_cells(line, self._table.delimiter)) == columns for line in text.splitlines()[1:])
            if alike >= MIN_ROW_LINES:
                self._row_lines.append(self._table.line)

    @property
    def wordless(self) -> bool:
        """Whether there are many texts, and none has a letter."""
        return self._rows >= MIN_WORDLESS and not self._letters

    @property
    def first(self) -> str:
        """The beginning of the first text."""
        return self._first

    def notes(self, column: str) -> list[str]:
        """Return sentences about what is odd.

        Args:
            column: the column of the texts.
        """
        path, notes = self._table.path, []
        if self._row_lines:
            count = len(self._row_lines)
            texts = "a text has" if count == 1 else f"{count:,} texts, the first of them, have"
            notes.append(
                f"{path}, line {self._row_lines[0]}: {texts} several lines that look like rows of their own: if they "
                "are, a quotation mark is missing there."
            )
        if self.wordless:
            notes.append(
                f"{path} has no text with a letter in it (the first is '{self.first}'): is '{column}' the right column?"
            )
        return notes


def row_cells(line: str, delimiter: str) -> list[str]:
    """Return the cells that a line has as a row of its own; none if it is not CSV."""
    try:
        return next(csv.reader([line], delimiter=delimiter), [])
    except csv.Error:
        return []

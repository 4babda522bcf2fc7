"""Labelled text: the rows of a table of it, and when two texts are the same. One for training and for measuring."""

from collections.abc import Iterator

from triage_models.data.tables import Table
from triage_models.errors import DataError

TEXT = "text"
LABEL = "label"
OUT_OF_SCOPE_NAMES = ("oos", "out_of_scope", "out-of-scope")
"""What an out-of-scope label is called, in any case, where nobody names it."""


def labelled(table: Table, label: str | None = None) -> Iterator[tuple[str, str, dict[str, str]]]:
    """Text, label and the whole record of each row that is not empty; ``label`` is that of every row where it is given.

    Raises:
        DataError: a row without text or label, with its line; or no row at all.
    """
    any_row = False
    for record in table:
        if not any(cell.strip() for cell in record.values()):
            continue
        text = record[TEXT].strip()
        name = record[LABEL].strip() if label is None else label
        if not text or not name:
            missing = LABEL if text else TEXT
            raise DataError(f"{table.path}, line {table.line}: the row has no {missing}: fill it in or remove the row.")
        any_row = True
        yield text, name, record
    if not any_row:
        raise DataError(f"{table.path} has no rows below its header.")


def folded(text: str) -> str:
    """What two texts have in common that are the same but for case and spacing."""
    return " ".join(text.casefold().split())

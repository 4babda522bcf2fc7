"""Labelled text: the columns it comes in, and when two texts count as the same. Shared by training and measuring."""

from collections.abc import Iterator

from triage_models.data.tables import Table
from triage_models.errors import DataError

TEXT = "text"
LABEL = "label"
OUT_OF_SCOPE_NAMES = ("oos", "out_of_scope", "out-of-scope")
"""Labels that mean "out of scope" when the caller names none, in lower case; data may use any case."""


def labelled_rows(table: Table, label: str | None = None) -> Iterator[tuple[str, str, dict[str, str]]]:
    """Yield text, label and the whole record of each row that is not empty.

    Args:
        table: rows with the columns `TEXT` and, unless ``label`` is given, `LABEL`.
        label: the label of every row.

    Raises:
        DataError: A row has no text or no label (the message names its line), or there is no row.
    """
    found = False
    for record in table:
        if not any(cell.strip() for cell in record.values()):
            continue
        text = record[TEXT].strip()
        name = record[LABEL].strip() if label is None else label
        if not text or not name:
            missing = LABEL if text else TEXT
            raise DataError(f"{table.path}, line {table.line}: the row has no {missing}: fill it in or remove the row.")
        found = True
        yield text, name, record
    if not found:
        raise DataError(f"{table.path} has no rows below its header.")


def normalize_text(text: str) -> str:
    """Fold case and spacing, so that texts which differ only in those compare equal."""
    return " ".join(text.casefold().split())

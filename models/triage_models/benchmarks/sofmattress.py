"""SOFMattress, the chat bot of a real shop, mapped to the nine intents of the shipped bundle.

Its own labels are mapped by a table. What it calls out of scope only means that its bot had no answer, so those
messages were read and labelled anew, several labels a message where several are right.
"""

import csv
from pathlib import Path

from triage_models.data.labelled import LABEL, TEXT
from triage_models.data.tables import write_table
from triage_models.errors import DataError
from triage_models.metrics.rows import read_rows

PARTS = ("v2_train.csv", "v2_test.csv")
BY_LABEL, BY_TEXT = "nine_intents.csv", "no_nodes_nine_intents.csv"
SHOP_SCOPE = "NO_NODES_DETECTED"
NOTHING, FOREIGN = "NONE", "OOS"


def write_mapped(folder: Path, output: Path) -> Path:
    """Write both parts of the shop's data as one CSV over the nine intents and OOS.

    Rows of the shop's out-of-scope label that were not labelled anew are left out: they were unclear to their readers.

    Raises:
        DataError: a file is missing, or a label of the shop has no mapping.
    """
    by_label = _table(folder / BY_LABEL, "label")
    by_text = _table(folder / BY_TEXT, "text")
    rows: list[tuple[str, str]] = []
    for part in PARTS:
        data = read_rows(folder / part)
        for text, label in zip(data.texts, data.labels, strict=True):
            accepted = by_text.get(text) if label == SHOP_SCOPE else _mapped(by_label, label, folder)
            if accepted is not None:
                rows.append((text, FOREIGN if accepted == NOTHING else accepted))
    return write_table(output, [TEXT, LABEL], rows)


def _mapped(table: dict[str, str], label: str, folder: Path) -> str:
    if label not in table:
        raise DataError(f"{folder / BY_LABEL} does not say which intent '{label}' is: add a line for it.")
    return table[label]


def _table(path: Path, key: str) -> dict[str, str]:
    """``key`` to ``accepted``, labels joined by ``|``."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            rows = [(row[key].strip(), row["accepted"].strip()) for row in csv.DictReader(stream)]
    except FileNotFoundError as error:
        raise DataError(f"There is no file {path}: check the path.") from error
    except (KeyError, AttributeError) as error:
        raise DataError(f"{path} needs the columns '{key}' and 'accepted'.") from error
    return dict(rows)

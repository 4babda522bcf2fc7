"""Maps SOFMattress, the chat of a real mattress shop, to the nine intents of the shipped bundle.

The shop's own labels are mapped by a table. Its out-of-scope label only means that the shop's bot had no answer, so
those messages were read and relabelled, with several labels where several are correct.
"""

import csv
from pathlib import Path

from triage_models.data.corpus import OOS_LABEL
from triage_models.data.evaluation_rows import read_labelled_rows
from triage_models.data.labelled import LABEL, TEXT
from triage_models.data.tables import write_table
from triage_models.errors import DataError

PARTS = ("v2_train.csv", "v2_test.csv")
LABEL_MAPPING, TEXT_MAPPING = "nine_intents.csv", "no_nodes_nine_intents.csv"
SHOP_OOS_LABEL = "NO_NODES_DETECTED"
NO_INTENT = "NONE"
"""What the mapping of texts calls out of scope."""


def write_mapped(folder: Path, output: Path) -> Path:
    """Write both parts of the shop's data as one CSV over the nine intents and OOS.

    Rows with the shop's out-of-scope label that were not relabelled are left out: their readers found them unclear.

    Args:
        folder: the data set.
        output: the CSV to write.

    Returns:
        ``output``.

    Raises:
        DataError: A file is missing, or a label of the shop has no mapping.
    """
    by_label = _read_mapping(folder / LABEL_MAPPING, "label")
    by_text = _read_mapping(folder / TEXT_MAPPING, "text")
    rows: list[tuple[str, str]] = []
    for part in PARTS:
        data = read_labelled_rows(folder / part)
        for text, label in zip(data.texts, data.labels, strict=True):
            accepted = by_text.get(text) if label == SHOP_OOS_LABEL else _map_label(by_label, label, folder)
            if accepted is not None:
                rows.append((text, OOS_LABEL if accepted == NO_INTENT else accepted))
    return write_table(output, [TEXT, LABEL], rows)


def _map_label(mapping: dict[str, str], label: str, folder: Path) -> str:
    if label not in mapping:
        raise DataError(f"{folder / LABEL_MAPPING} does not say which intent '{label}' is: add a line for it.")
    return mapping[label]


def _read_mapping(path: Path, key: str) -> dict[str, str]:
    """Read a mapping from the column ``key`` to ``accepted``: labels joined by ``|``."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            rows = [(row[key].strip(), row["accepted"].strip()) for row in csv.DictReader(stream)]
    except FileNotFoundError as error:
        raise DataError(f"There is no file {path}: check the path.") from error
    except (KeyError, AttributeError) as error:
        raise DataError(f"{path} needs the columns '{key}' and 'accepted'.") from error
    return dict(rows)

"""The project's corpus of customer messages: where it is, and how to read it."""

import csv
from pathlib import Path
from typing import NamedTuple

from triage_models.errors import DataError
from triage_models.paths import shipped

CORPUS_DIR = shipped("corpus")
MESSAGES_CSV = CORPUS_DIR / "messages.csv"
LABELS_CSV = CORPUS_DIR / "labels.csv"
OOS_LABEL = "OOS"
COLUMNS = ("text", "label", "shop", "register", "channel")
DEFAULT_CHANNEL = "chat"
"""The channel of all messages of a corpus without that column."""


class Message(NamedTuple):
    """A row of the corpus.

    Attributes:
        text: the message.
        label: its intent, or `OOS_LABEL`.
        shop: the kind of shop it was written to.
        register: how it was written, such as "slang"; empty in the pilot, which did not record it.
        channel: by which way it came: "chat", "post", "review", "app_store", "email" or "voice".
    """

    text: str
    label: str
    shop: str
    register: str
    channel: str = DEFAULT_CHANNEL


def read_messages(path: Path = MESSAGES_CSV) -> list[Message]:
    """Read a corpus; the column ``channel`` may be missing.

    Raises:
        DataError: The file is missing or has other columns.
    """
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            header, *rows = csv.reader(stream)
            if tuple(header) not in (COLUMNS, COLUMNS[:-1]):
                raise DataError(f"{path} has the columns {', '.join(header)}: a corpus has {', '.join(COLUMNS)}.")
            uneven = next((row for row in rows if len(row) != len(header)), None)
            if uneven is not None:
                raise DataError(f"{path} is no corpus: a row has {len(uneven)} cells, not {len(header)}: {uneven}.")
            return [Message(*row) for row in rows]
    except (OSError, ValueError, TypeError) as error:
        raise DataError(f"{path} cannot be read as a corpus: {error}.") from error

"""The project's corpus of customer messages: where it is, and how to read it."""

import csv
from pathlib import Path
from typing import NamedTuple

from triage_models.errors import DataError
from triage_models.paths import shipped

CORPUS_DIR = shipped("corpus")
MESSAGES_CSV = CORPUS_DIR / "messages.csv"
LABELS_CSV = CORPUS_DIR / "labels.csv"
LANGUAGES_DIR = CORPUS_DIR / "languages"
"""A corpus for each further language, named by its code."""

OTHER_LANGUAGES_CSV = CORPUS_DIR / "other_languages.csv"
"""Messages in languages that no bundle here reads, all of them out of scope, with the columns of `LANGUAGES_DIR`."""

OOS_LABEL = "OOS"
COLUMNS = ("text", "label", "shop", "register", "channel")
LANGUAGE_COLUMNS = (*COLUMNS, "language")
"""The columns of the corpora in `LANGUAGES_DIR`."""

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
        language: its ISO 639-1 code; the corpus itself has no such column, and some Hinglish among its English.
    """

    text: str
    label: str
    shop: str
    register: str
    channel: str = DEFAULT_CHANNEL
    language: str = "en"


def read_messages(path: Path = MESSAGES_CSV) -> list[Message]:
    """Read a corpus; the columns ``channel`` and ``language`` may be missing.

    Raises:
        DataError: The file is missing or has other columns.
    """
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            header, *rows = csv.reader(stream)
            if tuple(header) not in (LANGUAGE_COLUMNS, COLUMNS, COLUMNS[:-1]):
                raise DataError(f"{path} has the columns {', '.join(header)}: a corpus has {', '.join(COLUMNS)}.")
            uneven = next((row for row in rows if len(row) != len(header)), None)
            if uneven is not None:
                raise DataError(f"{path} is no corpus: a row has {len(uneven)} cells, not {len(header)}: {uneven}.")
            return [Message(*row) for row in rows]
    except (OSError, ValueError, TypeError) as error:
        raise DataError(f"{path} cannot be read as a corpus: {error}.") from error

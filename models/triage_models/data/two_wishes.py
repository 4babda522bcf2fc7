"""Messages with two wishes, and messages with one that could be taken for two: where they are, and how to read them."""

import csv
import random
from pathlib import Path
from typing import NamedTuple

from triage_models.data.corpus import CORPUS_DIR, OOS_LABEL, read_messages
from triage_models.errors import DataError

TWO_WISHES_CSV = CORPUS_DIR / "two_wishes.csv"
COLUMNS = ("text", "first", "second", "language")

ORDINARY_ROWS = 1500
"""Messages of the corpus that stand for ordinary traffic: nearly all of them have one wish."""

ORDINARY_WEIGHT = 0.3
"""What one of them counts for: the network was trained on them, so they look simpler than traffic does."""


JOINED_ROWS = 600
"""Pairs of corpus messages that are joined to messages with two wishes: written by nobody, but in many more ways."""

LONGEST_JOINED = 16
"""Words of a message that is joined to another."""

_JOINTS = (". ", ", ", " and ", "\n", " also ", "? ", "; ")


class WishRow(NamedTuple):
    """A message with its wishes.

    Attributes:
        text: the message.
        first: its first intent.
        second: its second intent; None if it has only one.
        language: ISO 639-1 code.
        weight: what the row counts for in fitting.
    """

    text: str
    first: str
    second: str | None
    language: str
    weight: float = 1.0

    @property
    def wishes(self) -> frozenset[str]:
        """The intents that are asked for."""
        return frozenset({self.first} if self.second is None else {self.first, self.second})


def read_wishes(path: Path) -> list[WishRow]:
    """Read a CSV with the columns ``text,first,second,language``; ``second`` is empty where there is one wish.

    Raises:
        DataError: the file is missing or has other columns.
    """
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            header, *rows = csv.reader(stream)
    except (OSError, ValueError) as error:
        raise DataError(f"{path} cannot be read as messages with two wishes: {error}.") from error
    if tuple(header) != COLUMNS or any(len(row) != len(COLUMNS) for row in rows):
        raise DataError(f"{path} has other columns than {', '.join(COLUMNS)}.")
    return [WishRow(text, first, second or None, language) for text, first, second, language in rows]


def fitting_rows(seed: int = 0) -> list[WishRow]:
    """Return the rows that bundles are fitted on.

    These are the messages written for it, ordinary messages of the corpus, and pairs of these joined to one message.
    """
    drawn = random.Random(seed)
    messages = [message for message in read_messages() if message.label != OOS_LABEL]
    ordinary = drawn.sample(messages, ORDINARY_ROWS)
    short = [message for message in messages if 3 <= len(message.text.split()) <= LONGEST_JOINED]
    pairs = [drawn.sample(short, 2) for _ in range(JOINED_ROWS)]
    return [
        *read_wishes(TWO_WISHES_CSV),
        *(WishRow(message.text, message.label, None, "en", ORDINARY_WEIGHT) for message in ordinary),
        *(
            WishRow(
                one.text.rstrip(" .,!?") + drawn.choice(_JOINTS) + two.text, one.label, two.label, "en", ORDINARY_WEIGHT
            )
            for one, two in pairs
            if one.label != two.label
        ),
    ]

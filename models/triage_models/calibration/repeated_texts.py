"""Texts that a shop's rows have several times, and those of which the rows say different things."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from triage_models.data.labelled import normalize_text
from triage_models.data.labels import show_labels
from triage_models.data.tables import NoteCallback
from triage_models.errors import DataError

MOST_DISPUTED, MOST_DISPUTED_SHARE = 20, 0.05
"""Of more texts, and a larger share of them, the labels are no slips."""

SHOWN = 60
"""Characters of a text that a sentence shows."""


def group_texts(texts: Sequence[str]) -> list[list[int]]:
    """Return the positions of each different text (in any case and spacing), in the order in which they are found."""
    groups: dict[str, list[int]] = {}
    for row, text in enumerate(texts):
        groups.setdefault(normalize_text(text), []).append(row)
    return list(groups.values())


class Disputed(NamedTuple):
    """A text whose labels no answer fits all.

    Attributes:
        messages: how many messages have the text.
        text: the text.
        labels: its labels.
    """

    messages: int
    text: str
    labels: tuple[str, ...]


def report_disputed(file: Path, disputed: Sequence[Disputed], texts: int, on_note: NoteCallback) -> None:
    """Say how many texts are disputed, and show the most frequent one.

    Args:
        file: where they come from.
        disputed: the disputed texts, if any.
        texts: how many different texts there are.
        on_note: called with a sentence.

    Raises:
        DataError: They are too many.
    """
    if not disputed:
        return
    _, text, labels = max(disputed)
    line = " ".join(text.split())
    example = f"({show_labels(labels)}): '{line[:SHOWN]}{'…' if len(line) > SHOWN else ''}'"
    if len(disputed) > max(MOST_DISPUTED, MOST_DISPUTED_SHARE * texts):
        raise DataError(
            f"{file}: {len(disputed):,} of {texts:,} texts have different labels, one of them {example}: give each "
            "text one label."
        )
    if len(disputed) == 1:
        on_note(f"{file}: 1 text has different labels {example}; all its messages count as wrong.")
    else:
        on_note(
            f"{file}: {len(disputed):,} texts have different labels, one of them {example}; all their messages count "
            "as wrong."
        )

"""Names of columns: which ones a header has, and what to say where one is missing."""

import re
from collections.abc import Collection, Iterable, Sequence
from difflib import get_close_matches

from triage_models.data.labels import canonical_label

KNOWN_COLUMNS = (
    "text",
    "label",
    "description",
    "group",
    "shop",
    "weight",
    "decided_by",
    "message_id",
    "conversation_id",
)
"""Columns that Triage reads; their names are matched in any case."""

OTHER_NAMES = {
    "text": ("message", "msg", "utterance", "sentence", "body", "content", "query", "question", "comment", "customer"),
    "label": ("intent", "category", "class", "target", "tag", "topic", "intention", "queue"),
    "description": ("meaning", "definition", "explanation"),
}
"""What people call these columns instead."""

MAX_LISTED, MAX_SHOWN = 20, 40
"""Columns that an error lists, and characters that it shows of each."""


def column_names(cells: Iterable[str], wanted: Collection[str]) -> list[str]:
    """Return the names of a header's columns; no two are alike, except those of the wanted ones that are there twice.

    Names that Triage reads, and wanted ones, match in any case and spacing. A column without a name becomes "column 3",
    and a further column of the same name "name (2)".
    """
    known = {name.casefold(): name for name in (*KNOWN_COLUMNS, *wanted)}
    names: list[str] = []
    for position, cell in enumerate(cells, start=1):
        plain = " ".join(canonical_label(cell).split())
        name = cell if cell in wanted else known.get(plain.casefold(), plain or f"column {position}")
        unique, times = name, 2
        while unique in names and name not in wanted:
            unique, times = f"{name} ({times})", times + 1
        names.append(unique)
    return names


def show_columns(names: Sequence[str]) -> str:
    """Return the names as an error lists them: not too many, and none too long."""
    shown = [" ".join(name.split()) for name in names[:MAX_LISTED]]
    more = f" and {len(names) - MAX_LISTED} more" if len(names) > MAX_LISTED else ""
    return ", ".join(name if len(name) <= MAX_SHOWN else f"{name[:MAX_SHOWN]}…" for name in shown) + more or "none"


def similar_column(wanted: str, names: Sequence[str]) -> str | None:
    """Return the column that is probably meant by a missing one: another word for it, or a typing error."""
    folded = {name.casefold(): name for name in reversed(names) if len(name) <= MAX_SHOWN}
    for word in (wanted.casefold(), *OTHER_NAMES.get(wanted, ())):
        for plain, name in folded.items():
            if word in re.split(r"[\W_]+", plain) or f"{word}s" == plain:
                return name
    close = get_close_matches(wanted.casefold(), folded, n=1, cutoff=0.7)
    return folded[close[0]] if close else None

"""Whether an entry of a list is the entry that had this place before an update."""

from typing import Any

from triage_schemas.input.change_events.change_event import ChangeEvent
from triage_schemas.json_values.paths import Path, counts_from_end, is_index


def is_same_place(event: ChangeEvent, path: Path) -> bool:
    """Whether no list on the way to a value got a new entry at the place that the path names.

    A customer can write the same words twice: the last entry of a list that has grown is a new message, even if its
    text equals that of the entry which was the last one before.
    """
    for depth, step in enumerate(path):
        if not is_index(step):
            continue
        now, earlier = event.now(path[:depth]), event.earlier(path[:depth])
        if not isinstance(now, list) or not isinstance(earlier, list) or len(now) == len(earlier):
            continue
        if counts_from_end(step) or not _begin_alike(now, earlier):
            return False
    return True


def _begin_alike(now: list[Any], earlier: list[Any]) -> bool:
    shorter = min(len(now), len(earlier))
    try:
        return now[:shorter] == earlier[:shorter]
    except RecursionError:  # the entries are nested too deeply to be compared
        return False

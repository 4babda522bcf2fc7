"""Collects the fields of documents: the path to each, how many documents have it, and its values."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from triage_schemas.input.change_events.finding import find_change
from triage_schemas.json_values.exact_json import parse_embedded
from triage_schemas.json_values.numbers import WrittenNumber, exact_number
from triage_schemas.json_values.paths import NotFound, Path, find, json_type

from triage_worker.doctor.values import is_time

DEEPEST = 12
MOST_FIELDS = 2_000
"""Of one document. Objects by id, such as a price for each product, have endless fields."""

FIRST, LAST = "0", "-1"
WRITER_NAMES = frozenset({"role", "author", "from", "sender", "user", "direction", "created_at", "timestamp", "ts"})
"""Fields that entries of a conversation have."""


@dataclass(slots=True)
class Field:
    """A field as documents have it.

    Attributes:
        path: to it.
        values: of the documents that have it, in their order; nulls are left out.
        documents: the position of the document of each value.
        nulls: how many documents have a null there.
    """

    path: Path
    values: list[Any] = field(default_factory=list)
    documents: list[int] = field(default_factory=list)
    nulls: int = 0

    @property
    def name(self) -> str:
        """The path as settings have it."""
        return ".".join(self.path)

    @property
    def strings(self) -> list[str]:
        """Those of its values that are strings with more than blanks."""
        return [value for value in self.values if isinstance(value, str) and value.strip()]

    @property
    def types(self) -> list[str]:
        """The JSON names of its values' types, the most frequent first."""
        counts = Counter(json_type(value) for value in self.values)
        counts.update({"null": self.nulls} if self.nulls else {})
        return [name for name, _ in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))]

    @property
    def distinct(self) -> int:
        """How many of its values differ."""
        return len({repr(value) for value in self.values})


class View(NamedTuple):
    """What of a document can hold a message.

    Attributes:
        value: the document, or the row of a change event.
        prefix: the path to it.
        change_log: the format of the change event; empty if it is none.
    """

    value: Any
    prefix: Path
    change_log: str = ""


def view_of(document: dict[str, Any]) -> View | None:
    """Return where the fields of a message can be in a document; None if it says that there is no new message."""
    change = find_change(document)
    if change is not None:
        row = find(document, change.row)
        if change.operation not in {"insert", "update"} or isinstance(row, NotFound) or row is None:
            return None
        return View(row, change.row, change.envelope.name)
    if document.keys() == {"schema", "payload"} and isinstance(document["payload"], dict):
        return View(document["payload"], ("payload",))
    return View(document, ())


def collect(views: Sequence[View]) -> list[Field]:
    """Collect the fields that have a value, in the order in which they come; of a list, those of one entry."""
    fields: dict[Path, Field] = {}
    for position, view in enumerate(views):
        for number, (path, value) in enumerate(_leaves(view.value, view.prefix, 0)):
            if number >= MOST_FIELDS:
                break
            found = fields.setdefault(path, Field(path))
            if value is None:
                found.nulls += 1
            elif not found.documents or found.documents[-1] != position:
                found.values.append(value)
                found.documents.append(position)
    lists = _entries_to_read(views, fields)
    shown = [one for one in fields.values() if one.values]
    return [one for one in shown if not any(path == one.path[: len(path)] for path in lists)]


def _leaves(value: Any, path: Path, depth: int) -> Iterator[tuple[Path, Any]]:
    """Yield what is at the end of each path: scalars, and empty objects and lists as None."""
    if isinstance(value, str) and (embedded := parse_embedded(value)) is not None:
        value = embedded
    if depth < DEEPEST and isinstance(value, dict) and value:
        for name, inner in value.items():
            if name and not name.startswith(".") and not name.endswith(".") and ".." not in name:
                yield from _leaves(inner, (*path, *name.split(".")), depth + 1)
    elif depth < DEEPEST and isinstance(value, list) and value:
        yield from _leaves(value[0], (*path, FIRST), depth + 1)
        yield from _leaves(value[-1], (*path, LAST), depth + 1)
    elif isinstance(value, WrittenNumber):
        yield path, exact_number(value.text)
    elif path:
        yield path, None if isinstance(value, dict | list) else value


def _entries_to_read(views: Sequence[View], fields: Iterable[Path]) -> set[Path]:
    """Return the paths to entries of lists that are not to be shown: of each list one entry is enough."""
    lists = dict.fromkeys(path[:depth] for path in fields for depth, step in enumerate(path) if step == LAST)
    return {(*path, FIRST if _newest_is_last(path, views) else LAST) for path in lists}


def _newest_is_last(path: Path, views: Sequence[View]) -> bool:
    """Whether the last entry of a list is the one to read: it is the newest of a conversation."""
    entries = [found for view in views if isinstance(found := _list_at(view, path), list) and len(found) > 1]
    is_row = any(path == view.prefix for view in views if view.change_log)
    if not entries or is_row:
        return False
    order = sum(_order(found[0], found[-1]) for found in entries)
    if order:
        return order > 0
    return any(isinstance(found[-1], dict) and WRITER_NAMES & found[-1].keys() for found in entries)


def _list_at(view: View, path: Path) -> Any:
    if path[: len(view.prefix)] != view.prefix:
        return None
    found = find(view.value, path[len(view.prefix) :])
    return parse_embedded(found) if isinstance(found, str) else found


def _order(first: Any, last: Any) -> int:
    """Compare the times of two entries: 1 if the last is later, -1 if the first is, 0 if they do not say."""
    if not isinstance(first, dict) or not isinstance(last, dict):
        return 0
    for name, time in first.items():
        later: Any = last.get(name)
        if is_time(time) and is_time(later) and type(time) is type(later) and time != later:
            return 1 if later > time else -1
    return 0

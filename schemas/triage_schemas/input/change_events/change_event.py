"""A change event in its envelope, and the values that it knows of a column."""

from dataclasses import dataclass, replace
from typing import Any

from triage_schemas.input.change_events.changed_columns import ListedChange, listed_change
from triage_schemas.input.change_events.envelope_view import EnvelopeView
from triage_schemas.input.change_events.envelopes import Envelope
from triage_schemas.input.change_events.operations import Operation
from triage_schemas.json_values.paths import NotFound, Path, counts_from_end, find, is_index


@dataclass(frozen=True, slots=True)
class ChangeEvent:
    """A change event.

    Attributes:
        envelope: its format.
        view: the object that its fields are in.
        operation: what it did.
        placeholders: strings that stand for a value that the connector left out.
        row: the index of the row to read, in a format whose records have several; None to read it from the path.
    """

    envelope: Envelope
    view: EnvelopeView
    operation: Operation
    placeholders: frozenset[str]
    row: str | None = None

    def rows(self, path: Path) -> int:
        """How many rows the event has, if the row is a list from which a path takes one by its index; else 0."""
        after = None if self.envelope.after is None else self.view.get(self.envelope.after)
        if not isinstance(after, list):
            return 0
        inner = self._within_row(path)
        return len(after) if inner and is_index(inner[0]) else 0

    def at_row(self, row: int) -> "ChangeEvent":
        """The event about one of its rows."""
        return replace(self, row=str(row))

    def now(self, path: Path) -> Any | NotFound:
        """The value at a path of the document as the event gives it, which may be a placeholder."""
        inner = None if self.row is None else self._within_row(path)
        return find(self.view.document, path if inner is None else (*self._side(self.envelope.after), *inner))

    def earlier(self, path: Path) -> Any | NotFound:
        """The value that the same column had before."""
        inner = self._within_row(path)
        if inner is None or self.envelope.after is None:
            return NotFound("the event has no earlier values")
        return find(self.view.document, (*self._side(self.envelope.before), *inner))

    def listed(self, path: Path) -> ListedChange | None:
        """What the event lists about a column; None if it lists no changed columns."""
        inner = self._within_row(path)
        return None if inner is None else listed_change(self.view, self._counted_from_start(path, inner))

    def value(self, path: Path) -> Any | NotFound:
        """The value at a path of the document; if an update left it out, the one that it lists, or the one before."""
        now = self.now(path)
        if self.operation != "update" or not self.is_left_out(now):
            return now
        listed = self.listed(path)
        if listed is not None and not self.is_left_out(listed.value):
            return listed.value
        if isinstance(now, NotFound) and not self.lacks_column(path, before=False):
            return now
        earlier = self.earlier(path)
        return now if self.is_left_out(earlier) else earlier

    def is_left_out(self, value: Any | NotFound) -> bool:
        """Whether a value is missing or a placeholder."""
        return isinstance(value, NotFound) or (isinstance(value, str) and value in self.placeholders)

    def lacks_column(self, path: Path, *, before: bool) -> bool:
        """Whether one side of the event is an object that does not have the column that a path leads to."""
        inner = self._within_row(path)
        side = self._side(self.envelope.before if before else self.envelope.after)
        if not inner or not isinstance(find(self.view.document, side), dict):
            return False
        return isinstance(find(self.view.document, (*side, inner[0])), NotFound)

    def _within_row(self, path: Path) -> Path | None:
        """The part of a path that is within the row; None for a path that leads elsewhere."""
        start = self.view.prefix if self.envelope.after is None else (*self.view.prefix, self.envelope.after)
        if path[: len(start)] != start:
            return None
        inner = path[len(start) :]
        return inner if self.row is None else inner[1:]

    def _counted_from_start(self, path: Path, inner: Path) -> Path:
        """The path within the row, with -1 replaced by the index of the last entry, where the list is known."""
        steps, outer = list(inner), len(path) - len(inner)
        for depth, step in enumerate(inner):
            if counts_from_end(step) and isinstance(entries := self.now(path[: outer + depth]), list):
                steps[depth] = str(len(entries) + int(step))
        return tuple(steps)

    def _side(self, field: str | None) -> Path:
        side = self.view.prefix if field is None else (*self.view.prefix, field)
        return side if self.row is None else (*side, self.row)

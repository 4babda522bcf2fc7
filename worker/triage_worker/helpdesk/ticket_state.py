"""What an adapter reads of a ticket and changes on it, in the same words for every helpdesk product.

Values are texts, by names: ``intent``, ``confidence``, ``priority`` (low, normal, high, urgent), ``group`` (its id) and
``field.NAME`` for a custom field that the rules call NAME.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

FIELD = "field."
"""Begins the name of a value that is a custom field of the rules."""


@dataclass(frozen=True, slots=True)
class TicketState:
    """A ticket as it is at the helpdesk.

    Attributes:
        values: by name; None where the ticket has none.
        tags: all of its tags.
        version: what the helpdesk compares before it writes, if it has an optimistic lock.
        frozen: whether the helpdesk refuses every change, as of a ticket that is closed for good or merged.
        raw: what else the adapter needs to write it.
    """

    values: Mapping[str, str | None]
    tags: frozenset[str] = frozenset()
    version: str | None = None
    frozen: bool = False
    raw: Any = None


@dataclass(frozen=True, slots=True)
class Changes:
    """What is to be changed on a ticket.

    Attributes:
        values: the new values, by name.
        added: tags to add.
        removed: tags to remove.
    """

    values: Mapping[str, str] = field(default_factory=dict)
    added: frozenset[str] = frozenset()
    removed: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        """Whether there is anything to change."""
        return bool(self.values or self.added or self.removed)

    @property
    def touches_tags(self) -> bool:
        """Whether tags change."""
        return bool(self.added or self.removed)

    def tags_of(self, state: TicketState) -> list[str]:
        """All tags that a ticket has afterwards, for helpdesks that only take the whole list."""
        return sorted((state.tags - self.removed) | self.added)

    def single(self) -> list["Changes"]:
        """Each change by itself: one for each value, and one for the tags."""
        alone = [Changes({name: value}) for name, value in self.values.items()]
        return [*alone, Changes({}, self.added, self.removed)] if self.touches_tags else alone


def text_of(value: object) -> str | None:
    """A value of a helpdesk's JSON as a text; None for null and an empty text."""
    if value is None or value == "":
        return None
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)


def same_value(one: str | None, other: str | None) -> bool:
    """Whether two values are the same, however the helpdesk writes numbers and letters."""
    if one is None or other is None:
        return one is other
    if one.casefold() == other.casefold():
        return True
    try:
        return float(one) == float(other)
    except ValueError:
        return False

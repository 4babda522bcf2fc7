"""Reads fields of a parsed JSON body; an error names the field, and shows nothing of the value."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from triage_schemas.json_values.paths import NotFound, find, json_type
from triage_schemas.messages.names import NAME_CHARACTERS, one_line

TRUE = frozenset({"true", "yes", "1"})
FALSE = frozenset({"false", "no", "0", ""})

LATEST_S = 253_402_300_799
"""The last second of the year 9999."""

MILLISECONDS_FROM = 100_000_000_000
"""A time above this is in milliseconds: as seconds, it would be in the year 5138."""


class InvalidBodyError(ValueError):
    """A body has not the shape that its sender documents; ``str()`` says why.

    Attributes:
        path: to the field; empty if the body as a whole is wrong.
    """

    def __init__(self, message: str, path: str = "") -> None:
        super().__init__(message)
        self.path = path


@dataclass(frozen=True, slots=True)
class Fields:
    """An object in a body.

    Attributes:
        value: its names and values.
        path: to it; empty for the body.
    """

    value: dict[str, Any]
    path: str = ""

    @classmethod
    def of_body(cls, body: Any) -> "Fields":
        """Return the fields of a body.

        Raises:
            InvalidBodyError: it is no object.
        """
        if not isinstance(body, dict):
            raise InvalidBodyError(f"the body should be an object, not {_a(body)}")
        return cls(body)

    def object(self, name: str) -> "Fields":
        """Return the object in a field that must be there."""
        found = self._required(name)
        if not isinstance(found, dict):
            raise self._wrong(name, found, "an object")
        return Fields(found, self._path(name))

    def object_or_empty(self, name: str) -> "Fields":
        """Return the object in a field, an empty one if it is missing or null."""
        return Fields({}, self._path(name)) if self._find(name) is None else self.object(name)

    def objects(self, name: str) -> "Iterator[Fields]":
        """Yield the objects of a list; none if it is missing or null."""
        found = self._find(name)
        if found is None:
            return
        if not isinstance(found, list):
            raise self._wrong(name, found, "a list")
        for index, entry in enumerate(found):
            path = f"{self._path(name)}.{index}"
            if not isinstance(entry, dict):
                raise InvalidBodyError(f"it should be an object, not {_a(entry)}", path)
            yield Fields(entry, path)

    def text(self, name: str) -> str:
        """Return the text in a field that must be there."""
        found = self._required(name)
        if not isinstance(found, str):
            raise self._wrong(name, found, "a text")
        return found

    def text_or_empty(self, name: str) -> str:
        """Return the text in a field, an empty one if it is missing or null."""
        return "" if self._find(name) is None else self.text(name)

    def line(self, name: str) -> str:
        """Return a subject or name on one line; empty if it is missing or null."""
        return one_line(self.text_or_empty(name))

    def id(self, name: str) -> str:
        """Return an id that must be there: a text, or the digits of a whole number."""
        found = self.id_or_none(name)
        if found is None:
            raise InvalidBodyError("it is missing", self._path(name))
        return found

    def id_or_none(self, name: str) -> str | None:
        """Return an id; None if it is missing, null or empty."""
        found = self._find(name)
        if found is None or found == "":
            return None
        if isinstance(found, bool) or not isinstance(found, str | int):
            raise self._wrong(name, found, "a text or a whole number")
        written = str(found)
        if len(written) > NAME_CHARACTERS or not written.isprintable() or written.isspace():
            raise InvalidBodyError(
                f"an id should have at most {NAME_CHARACTERS} characters, all of which can be seen", self._path(name)
            )
        return written.strip()

    def flag(self, name: str, *, default: bool) -> bool:
        """Return a truth value, which a template may have written as a text."""
        found = self._find(name)
        if found is None:
            return default
        if isinstance(found, bool):
            return found
        written = str(found).strip().lower() if isinstance(found, str | int) else ""
        if isinstance(found, str | int) and written in TRUE | FALSE:
            return written in TRUE
        raise self._wrong(name, found, "true or false")

    def time(self, name: str) -> str | None:
        """Return a time in RFC 3339; None if it is missing or null.

        It may be written as a text, or as seconds or milliseconds since 1970.
        """
        found = self._find(name)
        if found is None or found == "":
            return None
        if isinstance(found, str):
            return one_line(found)
        if isinstance(found, bool) or not isinstance(found, int | float):
            raise self._wrong(name, found, "a time")
        seconds = found / 1_000 if found > MILLISECONDS_FROM else found
        if not 0 <= seconds <= LATEST_S:
            raise InvalidBodyError("it is no time that could be meant", self._path(name))
        return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")

    def _path(self, name: str) -> str:
        return f"{self.path}.{name}" if self.path else name

    def _find(self, name: str) -> Any:
        return self.value.get(name)

    def _required(self, name: str) -> Any:
        found = self._find(name)
        if found is None:
            raise InvalidBodyError("it is missing", self._path(name))
        return found

    def _wrong(self, name: str, found: Any, expected: str) -> InvalidBodyError:
        return InvalidBodyError(f"it should be {expected}, not {_a(found)}", self._path(name))


def flattened(fields: Fields, paths: Mapping[str, Sequence[str]]) -> Fields:
    """Return an object with the values that paths lead to, by other names.

    Args:
        fields: where the paths begin.
        paths: by the name that the value gets. Errors will name the paths.
    """
    values = {}
    for name, path in paths.items():
        found = find(fields.value, path)
        if not isinstance(found, NotFound):
            values[name] = found
    return _Renamed(values, fields.path, {name: ".".join(path) for name, path in paths.items()})


@dataclass(frozen=True, slots=True)
class _Renamed(Fields):
    """Fields whose names are others in the body.

    Attributes:
        names: the path in the body, by name.
    """

    names: "dict[str, str] | None" = None

    def _path(self, name: str) -> str:
        return Fields._path(self, (self.names or {}).get(name, name))


def _a(value: Any) -> str:
    kind = json_type(value)
    return kind if kind == "null" else f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}"

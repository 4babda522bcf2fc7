"""Fields of a message that are not in its value, but in the record's headers or in its key."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from triage_schemas.json_values.exact_json import parse_embedded
from triage_schemas.json_values.paths import NotFound, Path, find

HEADER = "header:"
"""How a path to a header begins; its name follows."""

KEY = "key:"
"""How a path to the key begins; if names follow, they lead into the JSON of the key."""


def is_outside(path: Path) -> bool:
    """Whether a path leads to a header or the key."""
    return bool(path) and path[0] in {HEADER, KEY}


def describe(path: Path) -> str:
    """A path as it is set."""
    return path[0] + ".".join(path[1:]) if is_outside(path) else ".".join(path)


@dataclass(frozen=True, slots=True)
class RecordParts:
    """A record without its value.

    Attributes:
        headers: a name may occur twice; the last one counts.
        key: None if there is none.
    """

    headers: Sequence[tuple[str, bytes | None]]
    key: bytes | None

    def find(self, path: Path) -> Any | NotFound:
        """The value at a path: a string, or what the JSON of the key has there."""
        if path[0] == HEADER:
            name = path[1]
            value = next((value for header, value in reversed(self.headers) if header == name), None)
            return self._text(value, f"the record has no header {name}", f"the header {name}")
        text = self._text(self.key, "the record has no key", "the key")
        if len(path) == 1 or isinstance(text, NotFound):
            return text
        document = parse_embedded(text)
        return NotFound("the key is not a JSON object or list") if document is None else find(document, path[1:])

    def _text(self, value: bytes | None, missing: str, what: str) -> str | NotFound:
        if value is None:
            return NotFound(missing)
        try:
            return value.decode()
        except UnicodeDecodeError:
            return NotFound(f"{what} is not UTF-8")

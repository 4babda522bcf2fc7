"""Reads the fields of an envelope, wherever in the document it is."""

from typing import Any

from triage_schemas.json_values.paths import NotFound, Path, find, json_type


class EnvelopeView:
    """The object that a change event's fields are in.

    Args:
        document: the parsed value of the record.
        prefix: the path to the object, such as ``("payload",)``; empty if it is the document.
    """

    def __init__(self, document: Any, prefix: Path) -> None:
        self.document = document
        self.prefix = prefix
        found = find(document, prefix)
        self._fields: dict[str, Any] = found if isinstance(found, dict) else {}

    @property
    def parent(self) -> "EnvelopeView":
        """The object that contains this one; of the document, itself."""
        return EnvelopeView(self.document, self.prefix[:-1])

    def get(self, name: str, *names: str) -> Any:
        """The value at a path within the object; None if there is none."""
        if not names and name in self._fields:
            return self._fields[name]
        value = find(self.document, (*self.prefix, name, *names))
        return None if isinstance(value, NotFound) else value

    def has(self, name: str) -> bool:
        """Whether the object has a field, even if it is null; in a flattened document, a field below it."""
        if name in self._fields:
            return True
        is_dotted = not isinstance(find(self.document, (*self.prefix, name)), NotFound)
        return is_dotted or any(key.startswith(f"{name}.") for key in self._fields)

    def is_string(self, name: str, *names: str) -> bool:
        """Whether the value at a path is a string."""
        return isinstance(self.get(name, *names), str)

    def is_number(self, name: str) -> bool:
        """Whether a field is a number."""
        return json_type(self.get(name)) == "number"

"""Finds a value in a parsed document by the field names that lead to it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from triage_schemas.json_values.exact_json import parse_embedded

Path = tuple[str, ...]
"""Field names, and indices of lists, from the document to a value."""

_JSON_TYPES = {dict: "object", list: "array", str: "string", bool: "boolean", type(None): "null", bytes: "binary value"}


@dataclass(frozen=True, slots=True)
class NotFound:
    """The result for a path without a value. ``reason`` says where it ends; it contains names of the path only."""

    reason: str


def find(document: Any, path: Sequence[str]) -> Any | NotFound:
    """The value at a path.

    A step is the name of a field, or an index of a list: 0 is the first entry, -1 the last. Names that contain dots
    themselves, as in flattened documents, are found too. A step can lead into a string that contains JSON.
    """
    value = document
    for depth, name in enumerate(path):
        if isinstance(value, str):
            embedded = parse_embedded(value)
            value = value if embedded is None else embedded
        if isinstance(value, dict):
            if name in value:
                value = value[name]
                continue
            dotted = ".".join(path[depth:])
            if dotted in value:
                return value[dotted]
        elif isinstance(value, list):
            try:
                value = value[int(name)]
                continue
            except (ValueError, IndexError):
                pass
        return NotFound(_reason(path[:depth], name, value))
    return value


def is_index(step: str) -> bool:
    """Whether a step can be an index of a list."""
    return step.removeprefix("-").isdecimal()


def counts_from_end(step: str) -> bool:
    """Whether a step is an index that counts from the end of a list, such as -1."""
    return step.startswith("-") and is_index(step)


def json_type(value: Any) -> str:
    """The JSON name of a value's type."""
    return _JSON_TYPES.get(type(value), "number")


def _reason(before: Sequence[str], name: str, value: Any) -> str:
    place = f"'{'.'.join(before)}'" if before else "the object"
    if isinstance(value, dict):
        return f"{place} has no '{name}'"
    if isinstance(value, list):
        return f"{place} is a JSON array of {len(value)}, and has no entry '{name}'"
    return f"{place} is a JSON {json_type(value)}, and has no '{name}'"

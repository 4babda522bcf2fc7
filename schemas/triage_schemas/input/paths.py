"""Finds a value in a parsed document by the field names that lead to it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class NotFound:
    """The result for a path without a value. ``reason`` says where it ends; it contains names of the path only."""

    reason: str


def find(document: Any, path: Sequence[str]) -> Any | NotFound:
    """The value at a path.

    A step is the name of a field, or an index of a list: 0 is the first entry, -1 the last. Names that contain dots
    themselves, as in flattened documents, are found too.
    """
    value = document
    for depth, name in enumerate(path):
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


def json_type(value: Any) -> str:
    """The JSON name of a value's type."""
    names = {dict: "object", list: "array", str: "string", bool: "boolean", type(None): "null"}
    return names.get(type(value), "number")


def _reason(before: Sequence[str], name: str, value: Any) -> str:
    place = f"'{'.'.join(before)}'" if before else "the object"
    if isinstance(value, dict):
        return f"{place} has no '{name}'"
    if isinstance(value, list):
        return f"{place} is a JSON array of {len(value)}, and has no entry '{name}'"
    return f"{place} is a JSON {json_type(value)}, and has no '{name}'"

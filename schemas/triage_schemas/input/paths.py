"""The way to a value in a JSON document, by the names that lead to it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Nowhere:
    """A way that ends too early; ``reason`` says where, by the names of the way and nothing of the document."""

    reason: str


def find(document: Any, path: Sequence[str]) -> Any | Nowhere:
    """What a path leads to.

    A name is one of an object, or a place in a list: 0 is the first, -1 the last. Names that are dotted themselves, as
    flattened documents have them, are found too.
    """
    found = document
    for depth, name in enumerate(path):
        if isinstance(found, dict):
            if name in found:
                found = found[name]
                continue
            dotted = ".".join(path[depth:])
            if dotted in found:
                return found[dotted]
        elif isinstance(found, list):
            try:
                found = found[int(name)]
                continue
            except (ValueError, IndexError):
                pass
        return Nowhere(_reason(path[:depth], name, found))
    return found


def json_type(value: Any) -> str:
    """What JSON calls a value."""
    names = {dict: "object", list: "array", str: "string", bool: "boolean", type(None): "null"}
    return names.get(type(value), "number")


def _reason(before: Sequence[str], name: str, found: Any) -> str:
    place = f"'{'.'.join(before)}'" if before else "the object"
    if isinstance(found, dict):
        return f"{place} has no '{name}'"
    if isinstance(found, list):
        return f"{place} is a JSON array of {len(found)}, and has no entry '{name}'"
    return f"{place} is a JSON {json_type(found)}, and has no '{name}'"

"""Finds JSON objects in a text that a model wrote: between sentences, in code fences, and not quite JSON."""

import json
import re
from collections.abc import Iterable
from typing import Any, NamedTuple

import json5
import orjson

MOST_CHARACTERS = 4_000
"""The most characters of a text that are searched: its end, where an answer stands."""

MOST_ATTEMPTS = 20
"""The most opening braces at which reading is tried."""

QUOTES = str.maketrans(dict.fromkeys("“”„‟«»", '"') | dict.fromkeys("‘’‚‛", "'"))
LITERAL = re.compile(r"(?<=[:,\[])(\s*)(True|False|None)(?=\s*[,}\]])")
PYTHON = {"True": "true", "False": "false", "None": "null"}


class DuplicateName(NamedTuple):
    """Takes the place of an object that gives two values to one name."""


class ObjectsFound(NamedTuple):
    """What was found in a text.

    Attributes:
        objects: the objects, in their order.
        unclosed: whether there is an opening brace at which no object could be read.
    """

    objects: list[dict[str, Any]]
    unclosed: bool


def find_objects(text: str) -> ObjectsFound:
    """Find the objects that are not part of another one.

    Besides JSON, single and typographic quotes, names without quotes, comments, commas at the end, and Python's
    literals are read. An object that gives two values to one name is left out, and counts as unclosed.
    """
    text = _unquoted(text).strip()[-MOST_CHARACTERS:]
    objects, unclosed, attempts = [], False, 0
    start = text.find("{")
    while start >= 0 and attempts < MOST_ATTEMPTS:
        attempts += 1
        value, end = _read(text, start)
        if isinstance(value, dict):
            objects.append(value)
        else:
            unclosed = True
        start = text.find("{", end)
    return ObjectsFound(objects, unclosed)


def _unquoted(text: str) -> str:
    """The text within a text that is one JSON string as a whole."""
    try:
        inner = orjson.loads(text)
    except ValueError:
        return text
    return inner if isinstance(inner, str) else text


def _read(text: str, start: int) -> tuple[Any, int]:
    """Read the object at a brace; returns it, or None, and where to search on."""
    for reader in (_strict, _tolerant):
        try:
            value, end = reader(text, start)
        except (ValueError, RecursionError):
            continue
        if end is not None:
            return value, end
    return None, start + 1


def _strict(text: str, start: int) -> tuple[Any, int]:
    return json.JSONDecoder(object_pairs_hook=_object).raw_decode(text, start)


def _tolerant(text: str, start: int) -> tuple[Any, int | None]:
    plain = LITERAL.sub(lambda found: found[1] + PYTHON[found[2]], text[start:].translate(QUOTES))
    value, error, end = json5.parse(plain, object_pairs_hook=_object, consume_trailing=False)
    if error is not None:
        return None, None
    # None's replacement has as many characters, but False's and True's, too: the position is that of the text.
    return value, start + end


def _object(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any] | DuplicateName:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found and found[name] != value:
            return DuplicateName()
        found[name] = value
    return found

"""Decides which values are texts, and makes any text one that the tokenizer takes."""

import math
from collections.abc import Iterable, Iterator
from typing import TypeGuard

NO_TEXT = "no_text"
"""The reason of a row that has nothing to classify."""


def has_text(value: object) -> TypeGuard[str]:
    """Whether a value is a string with at least one visible character."""
    return isinstance(value, str) and bool(value) and not value.isspace()


def is_null(value: object) -> bool:
    """Whether a value is what data frames use for "no value": None, NaN or ``pandas.NA``."""
    return value is None or (isinstance(value, float) and math.isnan(value)) or type(value).__name__ == "NAType"


def encodable(text: str) -> str:
    """Replace lone surrogates, which no tokenizer takes, by question marks; other texts stay as they are."""
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace").decode()
    return text


def checked_texts(texts: Iterable[object]) -> Iterator[str | None]:
    """Yield each text, and None for each null.

    Raises:
        TypeError: a value is neither a string nor null, or ``texts`` is a single string.
    """
    return _checked(_several(texts))


def listed(texts: Iterable[object]) -> list[object]:
    """Return the values as a list.

    Raises:
        TypeError: ``texts`` is a single string.
    """
    return list(_several(texts))


def _several(texts: Iterable[object]) -> Iterable[object]:
    if isinstance(texts, str | bytes):
        raise TypeError("The texts are a single string: pass a list of strings.")
    return texts


def _checked(texts: Iterable[object]) -> Iterator[str | None]:
    for position, text in enumerate(texts):
        if isinstance(text, str):
            yield encodable(text)
        elif is_null(text):
            yield None
        else:
            raise TypeError(
                f"The text at position {position} is a {type(text).__name__}, not a string: convert it, or pass None "
                "for a row without text."
            )

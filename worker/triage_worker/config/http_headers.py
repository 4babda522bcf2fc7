"""Parses HTTP headers that are given as a setting."""

import re

import orjson

NAME = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
PAIR = re.compile(rf"\s*({NAME})\s*[:=]\s*(.*?)\s*", re.DOTALL)
BETWEEN = re.compile(rf"\s*(?:[\r\n]+|[,;](?=\s*{NAME}\s*[:=]))")
OURS = frozenset({"connection", "content-length", "content-type", "host", "transfer-encoding"})
"""Headers that the client sets itself."""

FORM = 'a JSON object such as {"Name": "value"}, or Name: value, several separated by commas or line breaks'


def header_name(name: str) -> str:
    """Check the name of a header, and return it.

    Raises:
        ValueError: it is none, or that of a header that the client sets itself.
    """
    if not re.fullmatch(NAME, name):
        raise ValueError("the name of an HTTP header has letters, digits and hyphens")
    if name.lower() in OURS:
        raise ValueError(f"the client sets the header {name} itself")
    return name


def parse_headers(text: str) -> dict[str, str]:
    """Parse headers, by name.

    Args:
        text: a JSON object of names and values, or ``Name: value`` pairs (also ``Name=value``), separated by commas,
            semicolons or line breaks. A value with one of those before another name must be given as JSON.

    Raises:
        ValueError: the text is neither. No error shows a value, which may be a secret.
    """
    headers: dict[str, str] = {}
    for name, value in _pairs(text.strip()):
        if not isinstance(value, str) or not value.isascii() or not value.isprintable():
            raise ValueError(f"the value of the header {header_name(name)} is not one line of ASCII text")
        if name.lower() in {known.lower() for known in headers}:
            raise ValueError(f"the header {header_name(name)} is given twice")
        headers[header_name(name)] = value.strip()
    return headers


def _pairs(text: str) -> list[tuple[str, object]]:
    if text.startswith("{"):
        try:
            return list(orjson.loads(text).items())
        except ValueError:
            raise ValueError(f"headers are {FORM}") from None
    pairs = [PAIR.fullmatch(part) for part in BETWEEN.split(text) if part.strip()]
    if not pairs or not all(pairs):
        raise ValueError(f"headers are {FORM}")
    return [(pair[1], pair[2]) for pair in pairs if pair is not None]

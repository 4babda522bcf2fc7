"""Cuts a short text into sentences and clauses, each of which may ask for something else."""

import re
from typing import NamedTuple

MAX_PARTS = 16
"""Into how many parts a text is cut at most."""

LONGEST = 2_000
"""Characters, without repeated space. A longer text is not cut: few words are in it if it fits into one window."""

LEAST_WORDS = 2
"""A shorter part belongs to its neighbour: *thanks* or *please* asks for nothing by itself."""

_JOINS = (
    "and|also|but|plus|then|besides|separately|meanwhile|btw|by the way|as well as|y|e|et|und|aur|और|también|además|"
    "encima|aussi|außerdem|pero|mas|mais|par contre|aber|sowie|&|\\+"
)
_BORDER = re.compile(
    r"(?<=[.!?…;:])\s+|[.!?…](?=\s|$)|[。！？।]|\n+|,\s+|\s+[-–—/]\s+|\s*[;(]\s*|\)\s*|" rf"\s+(?:{_JOINS})\s+",
    re.IGNORECASE,
)
_SPACE = re.compile(r"\s+")
_UNEVEN = re.compile(r"\s\s|[^\S ]")
"""Space that is more than one blank between two words."""

_STOP = re.compile(r"[.!?…;:。！？।\n]")
_ADDED = re.compile(
    r"\b(?:also|besides|separately|plus|btw|by the way|another thing|other thing|second(?:ly)? (?:thing|question)|"
    r"secondly|as well|p\.?s|furthermore|además|ademas|también|tambien|além disso|também|aussi|de plus|außerdem|"
    r"ausserdem|auch noch|both|two things)\b|&|\b1[).]",
    re.IGNORECASE,
)
_OTHER = re.compile(
    r"\b(?:other|another|otr[oa]s?|outr[oa]s?|autres?|andere[rsnm]?|dusra|doosra|doosri)\b", re.IGNORECASE
)
_STOPS = re.compile(r"[.!?…;:।]\s|\n")
_JOINED = re.compile(r"\b(?:and|y|e|et|und|aur)\b", re.IGNORECASE)
_TRIMMED = " .,!?"


class Part(NamedTuple):
    """A part of a text; ``stop`` says whether a sentence ends before it."""

    text: str
    stop: bool


class Cues(NamedTuple):
    """What the words between wishes say, each 0 or 1.

    Attributes:
        added: something is added: *also*, *besides*, *außerdem*.
        other: there is another one: *the other parcel*.
        joined: there is an *and*.
        questions: there are two questions.
        stops: there are two sentences.
    """

    added: float
    other: float
    joined: float
    questions: float
    stops: float


def parts_of(text: str) -> list[Part]:
    """Return the sentences and clauses of a text.

    In languages whose word for *and* is not known here, clauses are found by punctuation only.
    """
    # A border with space around it takes quadratic time in a run of space.
    if _UNEVEN.search(text):
        text = _SPACE.sub(lambda space: "\n" if "\n" in space[0] else " ", text)
    if len(text) > LONGEST:
        return [Part(text, False)]
    parts: list[Part] = []
    start, stop = 0, False
    for border in _BORDER.finditer(text):
        piece = text[start : border.start()]
        parts = _added(parts, piece, stop)
        ended = _STOP.search(text[max(start, border.start() - 1) : border.end()]) is not None
        stop = ended or (stop and not piece.strip(_TRIMMED))
        start = border.end()
    return _added(parts, text[start:], stop)


def cues_of(text: str) -> Cues:
    """Return what the words between wishes say."""
    return Cues(
        added=float(_ADDED.search(text) is not None),
        other=float(_OTHER.search(text) is not None),
        joined=float(_JOINED.search(text) is not None),
        questions=float(text.count("?") >= 2),
        stops=float(_STOPS.search(text) is not None),
    )


def _added(parts: list[Part], piece: str, stop: bool) -> list[Part]:
    piece = piece.strip(_TRIMMED)
    if not piece:
        return parts
    short = parts and min(len(piece.split()), len(parts[-1].text.split())) < LEAST_WORDS
    if short or len(parts) == MAX_PARTS:
        return [*parts[:-1], Part(f"{parts[-1].text} {piece}", parts[-1].stop)]
    return [*parts, Part(piece, stop)]

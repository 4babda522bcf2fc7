"""The words of a text by what they do for its decision, for a page: each kind can be told apart without colours."""

from collections.abc import Iterator
from dataclasses import dataclass

from triage_models.serving.occlusion import Influences, Piece

STRONG, SOME, AGAINST = "strong", "some", "against"
LEAST = 0.02
"""A word that changes the probability by less says nothing."""

OF_STRONGEST = 0.5
"""A word is strong if it does at least so much of what the strongest one does."""

LISTED = 6


@dataclass(frozen=True)
class Segment:
    """A part of a text; ``kind`` is empty for one that is not marked."""

    text: str
    kind: str


@dataclass(frozen=True)
class Word:
    """A word, or several, in quotation marks, with the probability that it adds, -1 to 1."""

    text: str
    kind: str
    fall: float


def kinds(influences: Influences) -> list[str]:
    """Return how each piece is marked; empty for one that does nothing."""
    strongest = max((piece.fall for piece in influences.pieces), default=0.0)
    return [
        STRONG if number in influences.together else _kind(piece, strongest)
        for number, piece in enumerate(influences.pieces)
    ]


def segments(text: str, influences: Influences) -> Iterator[Segment]:
    """Yield all of a text, piece by piece."""
    end = 0
    for piece, kind in zip(influences.pieces, kinds(influences), strict=True):
        if piece.start > end:
            yield Segment(text[end : piece.start], "")
        yield Segment(text[piece.start : piece.end], kind)
        end = piece.end
    if end < len(text):
        yield Segment(text[end:], "")


def listed(text: str, influences: Influences) -> list[Word]:
    """Return what does most: the words that do it together, then single words."""
    found = []
    if influences.together:
        words = [influences.pieces[number] for number in influences.together[:LISTED]]
        more = len(influences.together) - len(words)
        names = " ".join(f"“{text[piece.start : piece.end]}”" for piece in words)
        found.append(Word(f"{names} and {more} more" if more else names, STRONG, influences.fall))
    strongest = max((piece.fall for piece in influences.pieces), default=0.0)
    marked = [(piece, kind) for piece in influences.pieces if (kind := _kind(piece, strongest))]
    most = sorted(marked, key=lambda one: -abs(one[0].fall))[:LISTED]
    return [*found, *(Word(f"“{text[one.start : one.end]}”", kind, one.fall) for one, kind in most)]


def _kind(piece: Piece, strongest: float) -> str:
    if piece.fall <= -LEAST:
        return AGAINST
    if piece.fall < LEAST:
        return ""
    return STRONG if piece.fall >= OF_STRONGEST * strongest else SOME

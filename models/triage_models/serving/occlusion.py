"""Which words carry a decision: each is left out, and the probability of the intent is computed again (occlusion).

The method is that of Zeiler and Fergus, "Visualizing and understanding convolutional networks" (2014), with words in
place of patches of a picture. It says what the network reacts to, and not why. Two words that say the same hide each
other, since the decision stands without either: so where no word alone is enough, words are left out together.
"""

import math
import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

LEAST_PIECES, MOST_PIECES = 6, 48
"""How many pieces a text is divided into: one for each word, unless there are more words."""

ENOUGH = 0.5
"""Words carry a decision if without them the probability falls by so much of what it was."""

MOST_REDUCED = 12
"""So many of the words that do it together are put back, one after the other, to see whether they are needed."""

_TINY = 1e-6

_WORD = re.compile(r"[\u2e80-\u9fff\uf900-\ufaff]|[^\s\u2e80-\u9fff\uf900-\ufaff]+")
"""A word, or one character of a script that puts no blanks between words."""


class Piece(NamedTuple):
    """A part of a text, and what it does for the decision.

    Attributes:
        start: position of its first character.
        end: position after its last character.
        fall: by how much the probability of the intent falls without it, -1 to 1; below 0 where it rises.
    """

    start: int
    end: int
    fall: float


class Influences(NamedTuple):
    """What the words of a text do.

    Attributes:
        pieces: in the order of the text, each with what it does alone.
        together: positions in ``pieces`` of those that carry the decision only together, in the order of the text; of
            the `MOST_REDUCED` strongest, none can be put back. Empty where one alone is enough, or all are not.
        fall: by how much the probability falls without these, 0 to 1.
    """

    pieces: list[Piece]
    together: tuple[int, ...] = ()
    fall: float = 0.0


Probability = Callable[[list[str]], Sequence[float]]
"""Returns the probability of the intent in each of some texts."""


def pieces_for(tokens: int, budget: int) -> int:
    """Return how many pieces a text of so many tokens can have, if all variants together should have ``budget``."""
    return max(LEAST_PIECES, min(MOST_PIECES, budget // max(1, tokens)))


def spans_of(text: str, most: int) -> list[tuple[int, int]]:
    """Return where the words of a text begin and end; of a longer text, groups of as many words each as are needed."""
    words = [found.span() for found in _WORD.finditer(text)]
    size = -(-len(words) // most) or 1
    groups = [words[start : start + size] for start in range(0, len(words), size)]
    return [(group[0][0], group[-1][1]) for group in groups]


def influences(text: str, most: int, probability: Probability) -> Influences:
    """Return each piece of a text with its influence, and which ones carry the decision together.

    Args:
        text: what is classified.
        most: pieces, at most.
        probability: is called with ``most`` texts and one more, and again where no piece alone is enough.
    """
    spans = spans_of(text, most)
    if not spans:
        return Influences([])
    whole, *without = probability([text, *(_occluded(text, [span]) for span in spans)])
    pieces = [Piece(start, end, whole - one) for (start, end), one in zip(spans, without, strict=True)]
    if len(pieces) < 2 or max(piece.fall for piece in pieces) >= ENOUGH * whole:
        return Influences(pieces)
    return Influences(pieces, *_together(text, spans, whole, without, probability))


def _together(
    text: str, spans: Sequence[tuple[int, int]], whole: float, without: Sequence[float], probability: Probability
) -> tuple[tuple[int, ...], float]:
    """Return which spans carry the decision together, and by how much the probability falls without them."""

    def falls(sets: Sequence[Sequence[int]]) -> list[float]:
        return [
            whole - one for one in probability([_occluded(text, [spans[number] for number in own]) for own in sets])
        ]

    # By log-odds, which tell a probability of 0.999 from one of 0.99.
    order = sorted(range(len(spans)), key=lambda number: _log_odds(without[number]))
    growing = [order[:count] for count in range(2, len(order) + 1)]
    found = next((own for own, fall in zip(growing, falls(growing), strict=True) if fall >= ENOUGH * whole), None)
    if found is None:
        return (), 0.0
    kept = list(found)
    for number in reversed(found[:MOST_REDUCED]):
        others = [other for other in kept if other != number]
        if falls([others])[0] >= ENOUGH * whole:
            kept = others
    return tuple(sorted(kept)), falls([kept])[0]


def _occluded(text: str, spans: Sequence[tuple[int, int]]) -> str:
    """Return a text without some spans."""
    kept, end = [], 0
    for start, stop in sorted(spans):
        kept.append(text[end:start])
        end = stop
    return "".join([*kept, text[end:]])


def _log_odds(probability: float) -> float:
    bounded = min(max(probability, _TINY), 1.0 - _TINY)
    return math.log(bounded / (1.0 - bounded))

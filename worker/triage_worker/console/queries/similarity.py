"""How alike texts are, by their pieces of three characters: also with typos, and in any script."""

import math
from collections import Counter
from collections.abc import Sequence

CHARACTERS = 1_000
"""Of each text: the beginning says what it is about."""


def similarities(text: str, others: Sequence[str]) -> list[float]:
    """Return how alike each of some texts is to one text: the cosine of TF-IDF weights, 0 to 1.

    Pieces are weighted by how rare they are among all of these texts, so that "the" counts for little.
    """
    counted = [_pieces(one) for one in (text, *others)]
    spread = Counter(piece for one in counted for piece in one)
    vectors = [
        {piece: (1.0 + math.log(count)) * math.log(1.0 + len(counted) / spread[piece]) for piece, count in one.items()}
        for one in counted
    ]
    own, *rest = vectors
    return [_cosine(own, one) for one in rest]


def _pieces(text: str) -> Counter[str]:
    words = f" {' '.join(text[:CHARACTERS].casefold().split())} "
    return Counter(words[start : start + 3] for start in range(max(0, len(words) - 2)))


def _cosine(first: dict[str, float], second: dict[str, float]) -> float:
    product = sum(weight * second.get(piece, 0.0) for piece, weight in first.items())
    length = math.sqrt(sum(w * w for w in first.values()) * sum(w * w for w in second.values()))
    return product / length if length else 0.0

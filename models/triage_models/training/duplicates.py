"""Texts that repeat one another exactly, or nearly by their letters, which needs no model and works in every script."""

import unicodedata
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_matrix

from triage_models.data.labelled import normalize_text

NEAR_LETTERS = 0.85
"""Cosine of the counts of letter triples above which two texts count as the same message."""

_KEPT = {"Mc", "Mn", "So"}
"""Categories of Unicode besides letters and digits: the vowel signs of Devanagari and Arabic, and emoji."""


class DuplicatePair(NamedTuple):
    """Two rows, by position, and their cosine similarity."""

    first: int
    second: int
    cosine: float


def exact_duplicates(texts: Sequence[str]) -> list[DuplicatePair]:
    """Find texts that differ at most in case and spacing, each paired with the first of its kind."""
    firsts: dict[str, int] = {}
    pairs = []
    for row, text in enumerate(texts):
        first = firsts.setdefault(normalize_text(text), row)
        if first != row:
            pairs.append(DuplicatePair(first, row, 1.0))
    return pairs


def near_by_letters(texts: Sequence[str]) -> list[DuplicatePair]:
    """Find pairs of texts whose letter triples have a cosine above `NEAR_LETTERS`; punctuation does not count."""
    counts = _triples(texts)
    cosines = (counts @ counts.T).tocoo()
    return sorted(
        DuplicatePair(int(first), int(second), float(cosine))
        for first, second, cosine in zip(cosines.row, cosines.col, cosines.data, strict=True)
        if first < second and cosine > NEAR_LETTERS
    )


def _plain(text: str) -> str:
    folded = unicodedata.normalize("NFKC", text).casefold()
    kept = "".join(c if c.isalnum() or unicodedata.category(c) in _KEPT else " " for c in folded)
    return " ".join(kept.split()) or folded


def _triples(texts: Sequence[str]) -> csr_matrix:
    """Return the counts of letter triples, a unit vector for each text."""
    columns: dict[str, int] = {}
    found: list[tuple[int, int, float]] = []
    for row, text in enumerate(texts):
        padded = f" {_plain(text)} "
        own = Counter(padded[at : at + 3] for at in range(len(padded) - 2))
        length = np.sqrt(sum(count * count for count in own.values()))
        found += [(row, columns.setdefault(triple, len(columns)), count / length) for triple, count in own.items()]
    rows, places, values = zip(*found, strict=True) if found else ((), (), ())
    return csr_matrix((values, (rows, places)), shape=(len(texts), len(columns)), dtype=np.float32)

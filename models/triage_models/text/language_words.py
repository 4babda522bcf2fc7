"""Words that give a language away: how often customers wrote them to shops, by language.

Libraries learn languages from encyclopedias, and know neither what customers type ("kab aayega", "cade meu pedido") nor
Hindi in Latin letters. ``language_words.tsv`` has what they lack; `triage_models.training.language_words` makes it.
"""

import re
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

TABLE = Path(__file__).with_suffix(".tsv")

SMOOTHING = 0.1
"""Added to each count. A word that one language alone has is then no proof against the others."""

UNKNOWN_ELSEWHERE = 1.2
"""How a word that is in no row of the table counts for a language that the table lacks, as a logarithm."""

KNOWN_ELSEWHERE = -1.0
"""How a word that is in the table counts for such a language: "error" and "status" are words of many."""

PART = 0.5
"""What the beginning and the end of an unknown word count for next to a known word."""

_WORD = re.compile(r"(?:[^\W\d_]|[\u0300-\u036f\u0610-\u065f\u0900-\u0903\u093a-\u0957])+(?:['’][^\W\d_]+)?")
"""Letters and the vowel signs that belong to them: an Arabic or Devanagari word is not cut at these."""

_NOT_WORDS = re.compile(r"https?://\S+|www\.\S+|\S+@\S+|[@#]\w+")
"""Addresses, mentions and hashtags: names, in whichever language the text is."""


class WordEvidence(NamedTuple):
    """What the words of a text say.

    Attributes:
        scores: L logarithms, one for each language of the table; higher is likelier.
        elsewhere: the same for a language that the table lacks.
    """

    scores: list[float]
    elsewhere: float


class WordTable:
    """The scores of each word by language.

    Args:
        languages: ISO 639-1 codes.
        counts: how often each language's customers wrote a word, in the order of the languages.
    """

    def __init__(self, languages: tuple[str, ...], counts: dict[str, tuple[int, ...]]) -> None:
        self.languages = languages
        matrix = np.asarray(list(counts.values()), dtype=np.float64).reshape(-1, len(languages)) + SMOOTHING
        shares = matrix / matrix.sum(axis=0)
        whole = np.array([1.0 if "-" not in word else PART for word in counts]).reshape(-1, 1)
        self._scores: NDArray[np.float64] = whole * np.log(shares / shares.mean(axis=1, keepdims=True))
        self._rows = {word: row for row, word in enumerate(counts)}

    @classmethod
    def read(cls, file: Path = TABLE) -> "WordTable":
        """Read a table: the languages in the first line, then a word and its counts in each."""
        header, *lines = file.read_text(encoding="utf-8").splitlines()
        languages = tuple(header.split("\t")[1:])
        position = {language: number for number, language in enumerate(languages)}
        counts: dict[str, tuple[int, ...]] = {}
        for line in lines:
            word, *found = line.split("\t")
            row = [0] * len(languages)
            for entry in found:
                language, _, count = entry.partition(":")
                row[position[language]] = int(count)
            counts[word] = tuple(row)
        return cls(languages, counts)

    def evidence(self, words: list[str]) -> WordEvidence:
        """Add up what the words of a text say."""
        get = self._rows.get
        rows: list[int] = []
        unknown = 0
        for word in words:
            row = get(word)
            if row is not None:
                rows.append(row)
                continue
            unknown += 1
            rows.extend(row for part in parts_of(word) if (row := get(part)) is not None)
        scores = self._scores.take(rows, axis=0).sum(axis=0).tolist() if rows else [0.0] * len(self.languages)
        known = len(words) - unknown
        return WordEvidence(scores, UNKNOWN_ELSEWHERE * unknown + KNOWN_ELSEWHERE * known)


def parts_of(word: str) -> tuple[str, ...]:
    """Return the beginning and the end of a word, by which it counts where the table does not have it."""
    return (f"{word[:3]}-", f"-{word[-3:]}") if len(word) > 3 else ()


def plain(text: str) -> str:
    """Return a text in lower case and on one line, without addresses, mentions and hashtags."""
    text = text.lower().replace("\n", " ")
    if "@" in text or "#" in text or "http" in text or "www." in text:
        text = _NOT_WORDS.sub(" ", text)
    return text


def words_of(text: str) -> list[str]:
    """Return the words of a plain text."""
    return _WORD.findall(text)

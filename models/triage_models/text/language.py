"""Finds the language of a customer's message; leaves it open where the text does not say.

Two sources are added up as logarithms: a library that knows 176 languages (`triage_models.text.language_library`), and
the words that customers of shops write (`triage_models.text.language_words`). The library alone is wrong on every Hindi
message in Latin letters, and on one in eight short texts.
"""

import math
import re
from collections.abc import Collection, Iterable
from functools import cache, lru_cache
from typing import Literal, NamedTuple

from triage_models.text.language_library import LEAST, LibraryModel, library_model, library_probabilities
from triage_models.text.language_words import WordTable, plain, words_of

CONFIDENCE = 0.7
"""A language less likely than this is left open."""

READ = 300
"""Characters that are read of a text: more words would not change the answer."""

PRIOR = 2.0
"""What being expected counts for, as a logarithm: as much as one word that says so."""

OTHER_PRIOR = -2.0
"""What being none of the table's languages counts for, as a logarithm."""

CERTAIN = 6.0
"""From this difference on, as a logarithm, the words alone decide, and the library is not asked: it takes 12 µs."""

LIBRARY = 0.8
"""What the library's logarithms count for next to those of the words."""

EXCLUDED = -100.0
"""What another script than a language's own counts for, as a logarithm."""

Script = Literal["latin", "arabic", "devanagari", "other"]
_SCRIPTS: dict[Script, tuple[str, ...]] = {"arabic": ("ar",), "devanagari": ("hi",), "other": ()}
"""The table's languages that are written in a script. Latin letters exclude none: people type all languages in them."""

_FOREIGN = re.compile(r"[\u0370-\u1dff\u2c00-\ud7ff\uf900-\ufdff\ufe70-\ufeff]")
"""Letters of any script but Latin."""

_TAG = re.compile(r"([a-z]{2,3})(?:[-_][a-z0-9]{1,8})*", re.IGNORECASE)
_OLD_CODES = {"iw": "he", "in": "id", "ji": "yi", "jw": "jv", "mo": "ro", "fil": "tl", "nb": "no"}
_UNKNOWN = frozenset({"und", "mul", "zxx", "mis"})
_LONG_CODES = {
    "ara": "ar", "deu": "de", "ger": "de", "eng": "en", "spa": "es", "fra": "fr", "fre": "fr", "hin": "hi", "ind": "id",
    "ita": "it", "nld": "nl", "dut": "nl", "pol": "pl", "por": "pt", "tur": "tr",
}  # fmt: skip


class Detection(NamedTuple):
    """The language of a text.

    Attributes:
        language: ISO 639-1 code, such as ``en``; None if the text does not say.
        confidence: the probability, 0 to 1, of the likeliest language.
    """

    language: str | None
    confidence: float


UNSURE = Detection(None, 0.0)


class LanguageDetector:
    """Finds the language of texts; may be called from several threads.

    >>> detector = LanguageDetector.open()
    >>> [detector.detect(text).language for text in ["kab tak aayega", "wo ist mein paket", "ok", "12345"]]
    ['hi', 'de', None, None]

    Args:
        table: the words of customers.
        library: knows the other languages; None where it is not installed.
    """

    def __init__(self, table: WordTable, library: LibraryModel | None) -> None:
        self._table = table
        self._library = library
        self._excluded = {
            script: [0.0 if language in written else EXCLUDED for language in table.languages]
            for script, written in _SCRIPTS.items()
        }
        self._position = {language: number for number, language in enumerate(table.languages)}

    @classmethod
    def open(cls) -> "LanguageDetector":
        """Read the table and open the library; takes some 50 ms, once per process."""
        return _open()

    @property
    def languages(self) -> tuple[str, ...]:
        """The languages that customers' words are known of."""
        return self._table.languages

    @property
    def has_library(self) -> bool:
        """Whether languages besides those of the table are found."""
        return self._library is not None

    def detect(self, text: str, expected: Collection[str] = ()) -> Detection:
        """Find the language of a text.

        Args:
            text: as the customer wrote it.
            expected: languages that are likelier than others before the text is read: those of a bundle, or that of
                the customer's profile.
        """
        line = plain(text[:READ])
        words = words_of(line)
        if not words:
            return UNSURE
        evidence = self._table.evidence(words)
        scores = evidence.scores
        if not line.isascii() and (script := _script(line)) != "latin":
            scores = [score + excluded for score, excluded in zip(scores, self._excluded[script], strict=True)]
        other, elsewhere = evidence.elsewhere + OTHER_PRIOR, None
        first, second = sorted([*scores, other])[:-3:-1]
        if first - second < CERTAIN or first == other:
            other, elsewhere = self._add_library(line, scores, other)
        for language in expected:
            if (position := self._position.get(language)) is not None:
                scores[position] += PRIOR
        return self._decide(scores, other, elsewhere)

    def _add_library(self, line: str, scores: list[float], other: float) -> tuple[float, str | None]:
        """Add what the library says to the scores; returns the score of the likeliest other language, and its code."""
        elsewhere, likeliest = None, LEAST
        for language, probability in library_probabilities(self._library, line).items():
            position = self._position.get(language)
            if position is not None:
                scores[position] += LIBRARY * math.log(max(probability, LEAST) / LEAST)
            elif probability > likeliest:
                elsewhere, likeliest = language, probability
        return other + LIBRARY * math.log(likeliest / LEAST), elsewhere

    def _decide(self, scores: list[float], other: float, elsewhere: str | None) -> Detection:
        top = max(*scores, other)
        confidence = 1.0 / (sum([math.exp(score - top) for score in scores]) + math.exp(other - top))
        language = elsewhere if top == other else self._table.languages[scores.index(top)]
        return Detection(base_language(language) if confidence >= CONFIDENCE else None, confidence)


def _script(line: str) -> Script:
    """Return the script of most letters that are not Latin, if there are as many of them as of the others."""
    foreign = _FOREIGN.findall(line)
    if 2 * len(foreign) < sum(map(str.isalpha, line)):
        return "latin"
    arabic = sum("\u0600" <= letter < "\u0900" for letter in foreign)
    devanagari = sum("\u0900" <= letter < "\u0980" for letter in foreign)
    if 2 * max(arabic, devanagari) < len(foreign):
        return "other"
    return "arabic" if arabic > devanagari else "devanagari"


def base_language(tag: str | None) -> str | None:
    """Return the language of a BCP 47 tag as a lower-case code, the shortest there is; None if it names none.

    >>> [base_language(tag) for tag in ["pt-BR", "EN_us", "hi-Latn-IN", "eng", "und", "French (France)", None]]
    ['pt', 'en', 'hi', 'en', None, None, None]
    """
    return None if tag is None else _base_language(tag)


def base_languages(tags: Iterable[str]) -> frozenset[str]:
    """Return the languages of tags; those that name none are left out."""
    return frozenset(language for tag in tags if (language := base_language(tag)) is not None)


@lru_cache(maxsize=1024)
def _base_language(tag: str) -> str | None:
    match = _TAG.fullmatch(tag.strip())
    if match is None:
        return None
    code = match[1].lower()
    code = _LONG_CODES.get(code, code)
    return None if code in _UNKNOWN else _OLD_CODES.get(code, code)


@cache
def _open() -> LanguageDetector:
    return LanguageDetector(WordTable.read(), library_model())

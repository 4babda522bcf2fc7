"""People's names in a text, by the phrases that they stand behind.

A name that is mentioned without such a phrase is not found: see docs/privacy.md for how many are.
"""

import re
from collections.abc import Iterable, Iterator

from triage_models.text.redaction.name_phrases import (
    CLOSINGS,
    INTRODUCTIONS,
    MENTIONS,
    NOT_NAMES,
    PARTICLES,
    RELATIVES,
    TITLES,
)
from triage_models.text.spans import Span


def _phrases(phrases: Iterable[str], after: str) -> re.Pattern[str]:
    longest_first = sorted(map(re.escape, set(phrases)), key=len, reverse=True)
    return re.compile(rf"(?<![\w@.])(?:{'|'.join(longest_first)})(?!\w){after}", re.IGNORECASE)


_INTRODUCTION = _phrases(INTRODUCTIONS, r"[ :,]{1,3}")
_MENTION = _phrases(MENTIONS, r"[ :.,]{1,3}")
_RELATIVE = re.compile(rf"(?<!\w)(?:{RELATIVES})(?:'s name is| called| named)?,? (?=\w)", re.IGNORECASE)
_ACCOUNT = re.compile(r"(?<!\w)[A-Z]{2}\d\d(?: ?[A-Z\d]){11,30} ?[\-–,:(]{1,2} ?(?=\w)", re.IGNORECASE)
"""An IBAN: the holder's name often follows."""
_TITLE = re.compile(rf"(?<![\w@.])(?:{TITLES}) (?=\w)", re.IGNORECASE)
_CLOSING = _phrases(CLOSINGS, r"([ \t,.!:\-–—]{0,4}(?:\r?\n){0,3}[ \t\-–—]{0,4})")
_END = re.compile(r"[ \t]*[.!]?[ \t]*(?=\r?\n|$)")
_WORD = re.compile(r"[^\W\d_]\.(?= ?[^\W\d_])|(?:Dr|Prof|Mr|Mrs|Ms|St)\.(?= [^\W\d_])|[^\W\d_]+(?:['’\-][^\W\d_]+)*")
_SENTENCE_START = re.compile(r"(?:^|(?<=[\n.!?,] )|(?<=\n))(?=\w)")
_HERE = re.compile(r" (?:here|speaking|aquí|aqui|ici|hier|qui)\b", re.IGNORECASE)
_LINE = re.compile(r"[^\n]+")
_MOST_WORDS, _MOST_LOWER_WORDS = 5, 3
_MOST_REPEATED = 100
"""Names of a text that are looked for again in it."""


def names(text: str) -> Iterator[Span]:
    """Yield people's names, and wherever they are repeated."""
    found = list(_by_phrases(text))
    yield from found
    written = dict.fromkeys(text[span.start : span.end] for span in found)
    if written:
        values = "|".join(map(re.escape, sorted(list(written)[:_MOST_REPEATED], key=len, reverse=True)))
        for again in re.finditer(rf"(?<!\w)(?:{values})(?!\w)", text):
            yield Span("name", again.start(), again.end())


def _by_phrases(text: str) -> Iterator[Span]:
    for found in _INTRODUCTION.finditer(text):
        yield from _at(text, found.end(), lower=True)
    for found in _CLOSING.finditer(text):
        for span in _at(text, found.end(), lower=_is_set_off(found[1])):
            if _END.match(text, span.end):
                yield span
    for pattern in (_TITLE, _RELATIVE, _MENTION, _ACCOUNT):
        for found in pattern.finditer(text):
            yield from _at(text, found.end())
    for found in _SENTENCE_START.finditer(text):
        for span in _at(text, found.end()):
            if _HERE.match(text, span.end):
                yield span
    yield from _signatures(text)


def _is_set_off(separator: str) -> bool:
    """Whether a closing phrase and the name behind it are apart: "regards, anna", but not "best sunscreen"."""
    return any(mark in separator for mark in ",.!\n-–—")


def _signatures(text: str) -> Iterator[Span]:
    """Yield lines near the end that are two to four words in capitals and nothing else."""
    lines = list(_LINE.finditer(text))
    for line in lines[1:][-3:]:
        start = line.start() + len(line[0]) - len(line[0].lstrip(" \t-–—"))
        for span in _at(text, start):
            if " " in text[span.start : span.end] and _END.match(text, span.end):
                yield span


def _at(text: str, start: int, *, lower: bool = False) -> Iterator[Span]:
    """Yield the name that begins at a position, if there is one.

    Args:
        text: the text.
        start: the position.
        lower: whether it may also be written without capitals.
    """
    first = _WORD.match(text, start)
    if first is None:
        return
    capitals = first[0][0].isupper()
    if not capitals and not lower:
        return
    end, words, position = start, 0, start
    while words < (_MOST_WORDS if capitals else _MOST_LOWER_WORDS):
        word = _WORD.match(text, position)
        if word is None:
            break
        small = word[0].casefold().rstrip(".") in PARTICLES and words > 0
        if not small:
            if not _is_name(word[0], capitals=capitals):
                break
            end = word.end()
        words += 1
        position = word.end()
        if text[position : position + 1] != " ":
            break
        position += 1
    if end <= start:
        return
    yield Span("name", start, end)


def _is_name(word: str, *, capitals: bool) -> bool:
    plain = word.rstrip(".")
    if len(plain) == 1:
        return word != plain and plain.isupper()  # an initial
    if plain.casefold() in NOT_NAMES:
        return False
    if not capitals:
        return True
    shouted = len(plain) > 3 and plain.isupper()
    return plain[0].isupper() and not shouted

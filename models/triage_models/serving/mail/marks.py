"""Recognises the lines that mark a quotation: each function looks at a few lines and answers for these alone."""

import re
import unicodedata
from collections.abc import Sequence
from typing import NamedTuple

from triage_models.serving.mail.phrases import (
    BEGINNINGS,
    HEADER_NAMES,
    HEADERS,
    INTRODUCTIONS,
    PERSONS,
    SEPARATORS,
    WRITERS,
    WRITING_VERBS,
)

LONGEST_LINE = 300
"""Characters. No mail program writes a longer line above a quotation."""

INTRODUCTION_LINES = 3
"""The most lines over which "On …, … wrote:" is wrapped."""

HEADER_LINES = 12
"""Lines in which a whole header block is found, blank ones included."""

RULE = 5
"""Characters of the shortest line of underscores or dashes that belongs to a header block below it."""

INVISIBLE = "\u200b\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff"
"""Signs for the direction of writing, which mail programs put among Arabic and Latin letters."""

_DASHES = "-–—_=*"
_NOT_READ = re.compile(rf"[{INVISIBLE}\u0640\u064b-\u0652]+")
"""Those, and the signs of Arabic vowels, which may be left out."""

_LONGEST_START = max(len(start) for start, _ in INTRODUCTIONS)
_STARTS = tuple(start for start, _ in INTRODUCTIONS)
_TIME = re.compile(r"\d[:.h]\d\d")
_DATES_AND_ADDRESSES = (
    re.compile(r"(?:19|20|٢٠|२०)\d\d"),
    re.compile(r"\d[./-]\d{1,2}[./-]\d"),
    re.compile(r"\w@\w"),
)
"""A year, a date in figures, an address."""


class Mark(NamedTuple):
    """Lines above a quotation.

    Attributes:
        lines: how many there are.
        certain: whether a quotation follows whatever its lines look like; else only lines that begin with ``>`` do.
    """

    lines: int
    certain: bool


def is_marked(line: str) -> bool:
    """Whether a line begins with ``>``."""
    return line.lstrip(" \t")[:1] == ">"


def without_mark(line: str) -> str:
    """Remove one ``>`` and the blank after it."""
    return line.lstrip(" \t").removeprefix(">").removeprefix(" ")


def mark_at(lines: Sequence[str], position: int) -> Mark | None:
    """Return what marks the lines after it as a quotation, if it begins at this position."""
    line = lines[position].strip()
    if not line or len(line) > LONGEST_LINE:
        return None
    if line[0] in _DASHES and _is_separator(line):
        return Mark(1, True)
    if line[-1] == ":" and plain(line) in BEGINNINGS:
        return Mark(1, True)
    header = _header_block(lines, position)
    return Mark(header, True) if header else _introduction(lines, position)


def is_rule(line: str) -> bool:
    """Whether a line consists of underscores or dashes, as there are above a header block."""
    line = line.strip()
    return RULE <= len(line) <= LONGEST_LINE and not line.strip(_DASHES)


def is_quotation(run: Sequence[str], before: str) -> bool:
    """Whether lines that all begin with ``>`` are quoted, although nothing announces them.

    Args:
        run: the lines, one or more.
        before: the last line above them that is not blank; empty if there is none.
    """
    contents = [line.lstrip(" \t>") for line in run]
    if not any(content[:1].isalpha() or content[:1] in "\"'“„«¿¡(" for content in contents if content):
        return False  # "> 5 items", ">= 20 %", ">:("
    before = before.strip()[-LONGEST_LINE:]
    return not before.endswith(":") or _names_a_writer(plain(before))


def plain(line: str) -> str:
    """Return a line in lower case, its blanks and apostrophes of one kind, without a blank before a colon.

    A Turkish i without its dot has one: capitals are not written by the same rule everywhere.
    """
    if not line.isascii():
        line = unicodedata.normalize("NFC", line).replace("’", "'").replace("：", ":").replace("İ", "i")
        line = _NOT_READ.sub("", line).replace("ı", "i")
    return " ".join(line.lower().split()).replace(" :", ":")


def _is_separator(line: str) -> bool:
    inner = line.strip(_DASHES + " ")
    left = line[: line.find(inner)]
    return len(left.replace(" ", "")) >= 2 and plain(inner).startswith(SEPARATORS)


def _header_block(lines: Sequence[str], position: int) -> int:
    """Return how many lines a block of From, Sent, To and Subject has that begins here; 0 if there is none."""
    if _header_kind(lines[position]) != "from":
        return 0
    kinds: dict[str, str] = {}
    end = 0
    for offset, line in enumerate(lines[position : position + HEADER_LINES]):
        kind = _header_kind(line)
        if kind == "from" and offset:
            break
        if kind:
            kinds.setdefault(kind, line[:LONGEST_LINE])
            end = offset + 1
        elif line.strip() and offset - end >= 2:
            break  # the third line in a row that is no header: the message itself
    dated = any(character.isdigit() for character in kinds.get("sent", ""))
    complete = "subject" in kinds and ("sent" in kinds or "to" in kinds)
    # Of all four lines, none needs a date in figures or an address.
    return end if complete and (dated or "@" in kinds["from"] or len(kinds) == len(HEADERS)) else 0


def _header_kind(line: str) -> str | None:
    name, colon, _ = line[:40].partition(":")
    if not colon:
        return None
    name = name.strip(" \t*\xa0")
    return HEADER_NAMES.get(name.lower() if name.isascii() else plain(name).strip(" *"))


def _introduction(lines: Sequence[str], position: int) -> Mark | None:
    """Return the mark of "On …, … wrote:", also if it is wrapped."""
    first = lines[position].strip()
    start = first[:_LONGEST_START]
    may_wrap = "@" in first or f"{start.lower() if start.isascii() else plain(start)} ".startswith(_STARTS)
    joined = ""
    for length, line in enumerate(lines[position : position + INTRODUCTION_LINES], start=1):
        if len(line) > LONGEST_LINE or not line.strip() or is_marked(line):
            return None
        joined = f"{joined} {line.strip()}"
        if joined[-1] in ":：":
            certain = _is_certain(joined)
            # Of several lines, some may be the sender's own words.
            return None if certain is None or (length > 1 and not certain) else Mark(length, certain)
        if not may_wrap:
            return None
    return None


def _is_certain(line: str) -> bool | None:
    """Return whether a quotation certainly follows a line that ends with a colon; None if the line announces none."""
    text = plain(line)
    evidence = sum(pattern.search(text) is not None for pattern in _DATES_AND_ADDRESSES)
    timed = _TIME.search(text) is not None
    if not _names_verb(text):
        return True if evidence + timed >= 3 and text[0].isdigit() else None
    if "<" not in line and not PERSONS.isdisjoint(word.strip(",.:;()") for word in line.replace("’", "'").split()):
        return None
    usual = any(text.startswith(start) and any(part in text for part in parts) for start, parts in INTRODUCTIONS)
    usual = usual or any(part in text and text.endswith(end) for part, end in WRITERS)
    return evidence + timed >= 2 or (usual and evidence == 1)


def _names_verb(text: str) -> bool:
    return any(verb in text for verb in WRITING_VERBS)


def _names_a_writer(text: str) -> bool:
    """Whether a line that ends with a colon looks as if somebody else's words follow."""
    return _names_verb(text) or any(pattern.search(text) for pattern in (_TIME, *_DATES_AND_ADDRESSES))

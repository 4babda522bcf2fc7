"""A text as detectors read it: ASCII digits, blanks and hyphens in place of their many relatives."""

import re
import sys
import unicodedata
from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

_BLANKS = "\t\u00a0\u1680\u180e\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"
_HYPHENS = "\u2010\u2011\u2012\u2013\u2014\u2015\u2043\u2212\ufe58\ufe63"
_LINE_ENDS = "\u0085\u2028\u2029"
_OTHERS = {"\u2044": "/", "\u2215": "/", "\ufe6b": "@", "\u066b": ".", "\u066c": ","}
_INVISIBLE = frozenset(
    "\u00ad\u034f\u061c\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2061\u2062\u2063\u2064"
    "\u2066\u2067\u2068\u2069\u20e3\ufe0e\ufe0f\ufeff"
)
_SPECIAL = re.compile("[\t\x85\xa0\xad\u034f\u0600-\U0010ffff]")
"""A text without one of these, as most are, is plain already. It is cheaper to look for them than to translate."""
_FULLWIDTH, _FULLWIDTH_END, _FULLWIDTH_SHIFT = 0xFF01, 0xFF5E, 0xFEE0


class PlainText(NamedTuple):
    """A text in plain characters, and where they were.

    Attributes:
        text: the plain text.
        places: the position of each plain character in the original text; None where they are the same.
    """

    text: str
    places: Sequence[int] | None = None

    def original(self, start: int, end: int) -> tuple[int, int]:
        """Return where a part of the plain text, which is not empty, is in the original one."""
        return (start, end) if self.places is None else (self.places[start], self.places[end - 1] + 1)


def plain(text: str) -> PlainText:
    """Write digits of all scripts, blanks, hyphens and full-width forms in ASCII; leave out what cannot be seen."""
    if _SPECIAL.search(text) is None:
        return PlainText(text)
    text = text.translate(_table())
    if _INVISIBLE.isdisjoint(text):
        return PlainText(text)
    places = [place for place, mark in enumerate(text) if mark not in _INVISIBLE]
    return PlainText("".join([text[place] for place in places]), places)


@cache
def _table() -> dict[int, str]:
    table = {number: chr(number - _FULLWIDTH_SHIFT) for number in range(_FULLWIDTH, _FULLWIDTH_END + 1)}
    table |= {ord(mark): " " for mark in _BLANKS}
    table |= {ord(mark): "-" for mark in _HYPHENS}
    table |= {ord(mark): "\n" for mark in _LINE_ENDS}
    table |= {ord(mark): written for mark, written in _OTHERS.items()}
    digits = (number for number in range(0x80, sys.maxunicode + 1) if chr(number).isdecimal())
    return table | {number: str(unicodedata.decimal(chr(number))) for number in digits}

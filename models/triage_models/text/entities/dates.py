"""Dates in a text, in figures and with the names of months in twelve languages."""

import re
from collections.abc import Iterator
from datetime import date

from triage_models.text.entities.entity import Entity
from triage_models.text.entities.months import MONTH_OF

_MONTH = "|".join(sorted(map(re.escape, MONTH_OF), key=len, reverse=True))
_YEAR = r"(?:(?:19|20)\d\d)"
_FIGURES = re.compile(
    rf"(?<![\w.,/-])(?:(?P<y>{_YEAR})(?P<s>[-/.])(?P<m>\d{{1,2}})(?P=s)(?P<d>\d{{1,2}})"
    rf"|(?P<a>\d{{1,2}})(?P<t>[-/.])(?P<b>\d{{1,2}})(?P=t)(?P<y2>{_YEAR}|\d\d))(?![\w/-]|[.,]\d)"
)
_DAY_MONTH = re.compile(
    rf"(?<![\w.,])(?P<d>\d{{1,2}})(?P<o>st|nd|rd|th|º|er)?\.?\s?(?P<of>de |of |di )?(?P<m>{_MONTH})(?!\w)\.?"
    rf"(?:,? (?:de |del )?(?P<y>{_YEAR}))?",
    re.IGNORECASE,
)
_JOINED = re.compile(
    rf"(?<![\w.,/-])(?P<d>\d{{1,2}})(?P<s>[-/.])(?P<m>{_MONTH})(?P=s)(?P<y>{_YEAR}|\d\d)(?![\w/-]|[.,]\d)",
    re.IGNORECASE,
)
_MONTH_DAY = re.compile(
    rf"(?<!\w)(?P<m>{_MONTH})\.? (?P<d>\d{{1,2}})(?P<o>st|nd|rd|th)?(?![\w.,:]\d|\w)(?:,? (?P<y>{_YEAR}))?",
    re.IGNORECASE,
)
_WORD_FIGURE = re.compile(r"[^\d\s] \d")
"""What every date of `_MONTH_DAY` has; it is found much sooner than the name of a month."""
_NO_NOUNS = (
    r"(?:this|was|has|is|as|its|it's|his|hers|ours|yours|thus|plus|always|does|vs|pls|thanks|across|unless|perhaps|sometimes|"
    r"besides|afterwards|towards|yes|goes|comes|says|gets|looks|seems|works|needs|wants|keeps|shows|arrives|still|sales|"
    r"gracias|saludos|entonces|antes|después|menos|desde|esos|pues|los|las|tras|lunes|martes|miércoles|jueves|viernes|mis|"
    r"sus|mas|mais|após|dos|das|depois|les|des|nos|mes|pas|sans|dans|depuis|vous|nous|puis|jamais|mais|vers|alors|"
    r"als|bis|aus|alles|ins|nichts|bereits|was|els|ups|gls)"
)
_COUNTED = re.compile(
    r" (?:abreast|times|of (?:them|these|those|the|my|your|our)|pieces?|pairs?|people)(?!\w)"
    rf"| (?!{_NO_NOUNS}(?!\w))[a-z]{{1,24}}(?:[^s\W\d_]s|sses)(?!\w)"
)
"""A noun in the plural: the number counts it, so the word before the number is none of the date's."""
_ON_DAY = re.compile(
    r"(?<!\w)(?:on|since|by|until|till|from|before|after|for|dated?|ordered|placed|bought|delivered|arrived|due|el|del|desde|"
    r"em|le|du|depuis|am|vom|seit|bis|il|dal|op|sinds|dnia|od|the|and|to) $",
    re.IGNORECASE,
)
_ON_DAY_DISTANCE = 12
_LEAP_YEAR = 2_000


def dates(text: str, *, month_first: bool) -> Iterator[Entity]:
    """Yield dates, as ``2024-03-12``, or ``--03-12`` without a year.

    Args:
        text: the text.
        month_first: whether 03/12/2024 is the 12th of March; a figure above 12 decides in any case.
    """
    for found in _FIGURES.finditer(text):
        if found["y"]:
            value = _value(found["y"], int(found["m"]), int(found["d"]))
        else:
            first, second = int(found["a"]), int(found["b"])
            american = month_first and found["t"] == "/"
            month, day = (first, second) if (american and first <= 12) or second > 12 else (second, first)
            value = _value(found["y2"], month, day)
        if value is not None:
            yield Entity("date", found.start(), found.end(), value)
    for found in _JOINED.finditer(text):
        value = _value(found["y"], MONTH_OF[found["m"].lower()], int(found["d"]))
        if value is not None:
            yield Entity("date", found.start(), found.end(), value)
    for pattern in (_DAY_MONTH, _MONTH_DAY) if _WORD_FIGURE.search(text) else (_DAY_MONTH,):
        for found in pattern.finditer(text):
            if _counts(text, found):
                continue
            value = _value(found["y"], MONTH_OF[found["m"].lower()], int(found["d"]))
            if value is not None:
                yield Entity("date", found.start(), found.end(), value)


def _counts(text: str, found: re.Match[str]) -> bool:
    """Whether it is a number of things, as in "i need 5 mar tiles": nothing says that it is a day, and they follow."""
    if found["y"] or found["o"] or found.groupdict().get("of") or _COUNTED.match(text, found.end()) is None:
        return False
    before = text[max(0, found.start() - _ON_DAY_DISTANCE) : found.start()]
    return _ON_DAY.search(before) is None


def _value(year: str | None, month: int, day: int) -> str | None:
    """Return a date in ISO 8601; None if there is no such day."""
    full = _LEAP_YEAR if year is None else int(year) + (2_000 if len(year) == 2 else 0)
    try:
        written = date(full, month, day).isoformat()
    except ValueError:
        return None
    return written if year is not None else f"-{written[4:]}"

"""Dates in a text, in figures and with the names of months in twelve languages."""

import re
from collections.abc import Iterator
from datetime import date

from triage_models.text.entities.entity import Entity

_MONTHS = (
    "january jan enero ene janeiro janvier januar jänner gennaio januari styczeń stycznia ocak",
    "february feb febrero fevereiro fev février février februar febbraio februari luty lutego şubat",
    "march mar marzo março mars märz maart marzec marca mart maret",
    "april apr abril abr avril aprile kwiecień kwietnia nisan",
    "may mayo maio mai maggio mei maj maja mayıs",
    "june jun junio junho juin juni giugno czerwiec czerwca haziran",
    "july jul julio julho juillet juli luglio lipiec lipca temmuz",
    "august aug agosto ago août aout augustus sierpień sierpnia ağustos agustus",
    "september sep sept septiembre setembro septembre settembre wrzesień września eylül",
    "october oct octubre outubro out octobre oktober ottobre październik października ekim",
    "november nov noviembre novembro novembre listopad listopada kasım",
    "december dec diciembre dic dezembro dez décembre dezember dicembre desember grudzień grudnia aralık",
)
_MONTH_OF = {name: number for number, names in enumerate(_MONTHS, 1) for name in names.split()}
_MONTH = "|".join(sorted(map(re.escape, _MONTH_OF), key=len, reverse=True))
_YEAR = r"(?:(?:19|20)\d\d)"
_FIGURES = re.compile(
    rf"(?<![\w.,/-])(?:(?P<y>{_YEAR})(?P<s>[-/.])(?P<m>\d{{1,2}})(?P=s)(?P<d>\d{{1,2}})"
    rf"|(?P<a>\d{{1,2}})(?P<t>[-/.])(?P<b>\d{{1,2}})(?P=t)(?P<y2>{_YEAR}|\d\d))(?![\w/-]|[.,]\d)"
)
_DAY_MONTH = re.compile(
    rf"(?<![\w.,])(?P<d>\d{{1,2}})(?:st|nd|rd|th|º|er)?\.?\s?(?:de |of |di )?(?P<m>{_MONTH})\b\.?"
    rf"(?:,? (?:de |del )?(?P<y>{_YEAR}))?",
    re.IGNORECASE,
)
_MONTH_DAY = re.compile(
    rf"(?<!\w)(?P<m>{_MONTH})\.? (?P<d>\d{{1,2}})(?:st|nd|rd|th)?(?![\w.,:]\d|\w)(?:,? (?P<y>{_YEAR}))?", re.IGNORECASE
)
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
    for pattern in (_DAY_MONTH, _MONTH_DAY):
        for found in pattern.finditer(text):
            value = _value(found["y"], _MONTH_OF[found["m"].lower()], int(found["d"]))
            if value is not None:
                yield Entity("date", found.start(), found.end(), value)


def _value(year: str | None, month: int, day: int) -> str | None:
    """Return a date in ISO 8601; None if there is no such day."""
    full = _LEAP_YEAR if year is None else int(year) + (2_000 if len(year) == 2 else 0)
    try:
        written = date(full, month, day).isoformat()
    except ValueError:
        return None
    return written if year is not None else f"-{written[4:]}"

"""IBANs in a text, by the countries' lengths and the check digits of ISO 7064."""

import re
from collections.abc import Iterator

from triage_models.text.phone_numbers import has_digits
from triage_models.text.spans import Span

_LENGTHS = {
    15: "NO", 16: "BE", 18: "DK FI FK FO GL NL SD", 19: "MK SI", 20: "AT BA EE KZ LT LU MN XK", 21: "CH HR LI LV",
    22: "BG BH CR DE GB GE IE ME RS VA", 23: "AE GI IL IQ OM SO TL", 24: "AD CZ ES MD PK RO SA SE SK TN VG",
    25: "AO CV GW LY MZ PT ST", 26: "DZ IR IS TR", 27: "BI CF CG CM DJ FR GA GQ GR IT KM MC MG MR SM TD",
    28: "AL AZ BF BJ BY CI CY DO GT HN HU LB MA ML NE NI PL SN SV TG", 29: "BR EG PS QA UA", 30: "JO KW MU YE",
    31: "MT SC", 32: "LC", 33: "RU",
}  # fmt: skip
_LENGTH_OF = {country: length for length, countries in _LENGTHS.items() for country in countries.split()}
_BETWEEN = r"[\W_]{0,4}"
_BEGIN = re.compile(rf"(?=(?P<country>[A-Z]{{2}}){_BETWEEN}\d{_BETWEEN}\d)", re.IGNORECASE)
_REST = re.compile(rf"[A-Z]{{2}}(?:{_BETWEEN}[A-Z0-9]){{13,31}}", re.IGNORECASE)
_FEWEST_DIGITS = 8
"""Digits behind the check digits: fewer are words that happen to pass."""


def ibans(text: str) -> Iterator[Span]:
    """Yield IBANs, in groups or not, in capitals or not, also glued to the words next to them."""
    if not has_digits(text, _FEWEST_DIGITS + 2):
        return
    end = 0
    for begin in _BEGIN.finditer(text):
        length = _LENGTH_OF.get(begin["country"].upper())
        if length is None or begin.start() < end:
            continue
        found = _end(text, begin.start(), length)
        if found is not None:
            end = found
            yield Span("iban", begin.start(), end)


def _end(text: str, start: int, length: int) -> int | None:
    """Return where a valid IBAN of this length ends."""
    rest = _REST.match(text, start)
    if rest is None:
        return None
    places = [place for place in range(start, rest.end()) if text[place].isalnum()][:length]
    code = "".join(text[place] for place in places).upper()
    end = places[-1] + 1
    if len(code) < length or sum(map(str.isdigit, code[4:])) < _FEWEST_DIGITS or text[end : end + 1].isdigit():
        return None
    return end if int("".join(str(int(mark, 36)) for mark in code[4:] + code[:4])) % 97 == 1 else None

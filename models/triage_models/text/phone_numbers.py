"""Phone numbers in a text, by the numbering plans of the countries."""

import re
from collections.abc import Iterator, Sequence

from triage_models.text.spans import Span

_CANDIDATE = re.compile(
    r"(?<![\w#@/])(?<!\w[-.])(?:\+|\(\+)?[\d(](?:[ .\-/()_\u2010-\u2015\u00a0]{0,3}\d){5,15}(?!\w)(?![-/]\w)"
)
_SPREAD = re.compile(
    r"(?<![\w#@/])(?<!\w[-.])(?:\+|\(\+?)?\d{2,5}\)?(?:(?: ?\r?\n ?|, ?|[ .\-]{1,2})\d{2,5}){1,5}(?!\w)(?![-/]\w)"
)
"""Over several lines, or with commas: a list of other numbers looks so, too."""
_SPREAD_BARE = re.compile(r"\d{3}\D+\d{3}\D+\d{4}")
"""The groups of a spread number in which it needs no word before it, if it is one of the likeliest country."""
_GLUED = re.compile(
    r"(?=[+\d])(?:(?:(?<=num)|(?<=tel)|(?<=tlf)|(?<=fon)|(?<=fono)|(?<=fone)|(?<=phone)|(?<=mobile)|(?<=móvil)|(?<=cell)|(?<=call)|"
    r"(?<=number)|(?<=nummer)|(?<=numero)|(?<=número)|(?<=handy)|(?<=whatsapp))\+?\d{8,14}(?!\d)"
    r"|(?<![\w#@/+])(?<!\w[-.])\+?\d{8,14}(?=[^\W\d_]))",
    re.IGNORECASE,
)
"""Glued to the word before or behind it."""
_DATE = re.compile(
    r"(?:\d{4}[-./]\d{1,2}[-./]\d{1,2}|\d{1,2}[-./]\d{1,2}[-./](?:\d{4}|\d{2}))(?:[ T]\d{1,2}[.:]?\d{0,2})?"
    r"|(?:19|20)\d\d([-./]?)(?:0[1-9]|1[0-2])\1(?:0[1-9]|[12]\d|3[01])(?:[-./_ ]{1,3}\d{1,6})+"
)
"""A date, also with the time or an order's number behind it."""
_SEPARATOR = re.compile(r"[\s,_]+")
_LONGEST = 15
_SHORTEST = 7
_SHORTEST_BARE, _SHORTEST_BARE_WITH_ZERO = 9, 8
"""Digits of a number that is written in one piece, without or with a zero before it: shorter ones are often orders."""
_BARCODE = 13
_SHORTEST_WITHOUT_CUE = 9
_CUE = re.compile(
    r"\b(?:call|phone|tel|telephone|ring|text|sms|mob|mobile|cell|ph|whatsapp|reach|contact|fax|llam\w*|tel[eé]fono|m[oó]vil|"
    r"celular|lig\w*|telefone|telem[oó]vel|appel\w*|t[eé]l[eé]phone|portable|ruf\w*|anruf\w*|telefon\w*|handy|chiam\w*|"
    r"cellulare|bel|bellen|tlf|tlm)\b",
    re.IGNORECASE,
)
_CUE_DISTANCE = 40
"""Characters before a short number, within which a word such as "call" makes it a phone number."""


def has_digits(text: str, count: int) -> bool:
    """Whether a text has at least this many digits; the cheapest way to find out that it has no number."""
    return sum(map(str.isdigit, text)) >= count


def is_region(name: str) -> bool:
    """Whether a name is a country whose numbering plan is known, such as GB."""
    import phonenumbers  # noqa: PLC0415 (costs time at the start)

    return name in phonenumbers.SUPPORTED_REGIONS


def phone_numbers(text: str, regions: Sequence[str]) -> Iterator[tuple[Span, str]]:
    """Yield phone numbers with their international form (E.164).

    Args:
        text: the text.
        regions: the countries whose national numbers are known, by ISO 3166, most likely first. Numbers that begin with
            a plus are found in any case.
    """
    if not has_digits(text, _SHORTEST):
        return
    for found in _CANDIDATE.finditer(text):
        if (_long_enough(found[0]) and found[0].count("_") != 1) or _has_cue(text, found.start()):
            yield from _at(found, regions)
    for found in _SPREAD.finditer(text):
        written = found[0]
        if "\n" not in written and "," not in written:
            continue
        if written.startswith(("+", "(")) or _has_cue(text, found.start()):
            yield from _at(found, regions)
        elif _SPREAD_BARE.fullmatch(written):
            yield from _at(found, regions[:1])
    for found in _GLUED.finditer(text):
        if _has_cue(text, found.start()) or text[found.start() - 1 : found.start()].isalpha():
            yield from _at(found, regions)


def _at(found: re.Match[str], regions: Sequence[str]) -> Iterator[tuple[Span, str]]:
    written = _SEPARATOR.sub(" ", found[0])
    if _DATE.fullmatch(written) or not _SHORTEST <= sum(map(str.isdigit, written)) <= _LONGEST:
        return
    number = _parsed(written, regions)
    if number is not None:
        yield Span("phone", found.start(), found.end()), number


def _has_cue(text: str, start: int) -> bool:
    return _CUE.search(text, max(0, start - _CUE_DISTANCE), start) is not None


def _long_enough(written: str) -> bool:
    """Whether a number is more likely a phone number than an order's, without a word that says so."""
    return written.startswith(("+", "(", "0")) or sum(map(str.isdigit, written)) >= _SHORTEST_WITHOUT_CUE


def _parsed(written: str, regions: Sequence[str]) -> str | None:
    import phonenumbers  # noqa: PLC0415 (costs time at the start)

    international = written.startswith(("+", "(+", "00"))
    if written.isdigit() and not _may_be_bare(written):
        return None
    for region in regions[:1] if written.startswith(("+", "(+")) else regions:
        candidate = "+" + written.removeprefix("00") if international and written.startswith("00") else written
        try:
            number = phonenumbers.parse(candidate, region)
        except phonenumbers.NumberParseException:
            continue
        if phonenumbers.is_valid_number(number) or (international and phonenumbers.is_possible_number(number)):
            formatted: str = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
            return formatted
    return None


def _may_be_bare(digits: str) -> bool:
    """Whether digits in one piece may be a phone number: long enough, and no barcode (EAN-13) by its check digit."""
    if len(digits) == _BARCODE:
        return sum(int(digit) * (1, 3)[place % 2] for place, digit in enumerate(digits)) % 10 != 0
    return len(digits) >= (_SHORTEST_BARE_WITH_ZERO if digits.startswith("0") else _SHORTEST_BARE)

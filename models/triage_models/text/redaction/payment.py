"""Card numbers and IBANs in a text, by their check digits."""

import re
from collections.abc import Iterator

from triage_models.text.spans import Span

_CARD = re.compile(r"(?<![\w+])(?<!\d[ .-])[2-6](?:[ .\-]{0,2}\d){13,18}(?!\w)(?![ .\-]\d)")
_IBAN = re.compile(r"(?<![^\W_])[A-Z]{2}[ -]?\d[ -]?\d(?:[ .\-]{0,2}[A-Z0-9]){11,30}", re.IGNORECASE)
_SHORTEST_IBAN = 15


def cards(text: str) -> Iterator[Span]:
    """Yield payment card numbers: 14 to 19 digits, in groups or not, that pass the Luhn check."""
    for found in _CARD.finditer(text):
        if _passes_luhn(re.sub(r"\D", "", found[0])):
            yield Span("card", found.start(), found.end())


def ibans(text: str) -> Iterator[Span]:
    """Yield IBANs, in groups or not, in capitals or not, that pass the check by ISO 7064."""
    for found in _IBAN.finditer(text):
        end = _end_of_iban(text, found.start(), found.end())
        if end is not None:
            yield Span("iban", found.start(), end)


def _end_of_iban(text: str, start: int, end: int) -> int | None:
    """Return where the longest valid IBAN ends. The words that follow it look like groups of an IBAN, too."""
    from stdnum import iban  # noqa: PLC0415 (costs time at the start)

    places = [place for place in range(start, end) if text[place].isalnum()]
    for length in range(len(places), _SHORTEST_IBAN - 1, -1):
        last = places[length - 1] + 1
        if last < len(text) and text[last].isalnum():
            continue
        if iban.is_valid("".join(text[place] for place in places[:length]), check_country=False):
            return last
    return None


def _passes_luhn(digits: str) -> bool:
    from stdnum import luhn  # noqa: PLC0415 (costs time at the start)

    return len(set(digits)) > 1 and bool(luhn.is_valid(digits))

"""Amounts of money in a text."""

import re
from collections.abc import Iterator

from triage_models.text.entities.entity import Entity

_CODES = "EUR USD GBP BRL JPY INR TRY PLN CHF SEK NOK DKK CAD AUD MXN IDR AED CZK HUF RON SGD NZD ZAR CNY"
_WRITTEN = {
    "EUR": "€ euro euros", "GBP": "£ pound pounds quid", "USD": "$ us$ dollar dollars bucks", "BRL": "r$ real reais",
    "JPY": "¥", "INR": "₹ rs rs. rupee rupees rupaye", "TRY": "₺ tl lira", "PLN": "zł zloty złotych", "IDR": "rp",
    "MXN": "pesos", "CHF": "francs",
}  # fmt: skip
_CURRENCIES = {code.lower(): code for code in _CODES.split()} | {
    name: code for code, names in _WRITTEN.items() for name in names.split()
}
_UNIT = "|".join(map(re.escape, sorted(_CURRENCIES, key=len, reverse=True)))
_NUMBER = r"\d{1,3}(?:[., '\u00a0]\d{3})+(?:[.,]\d{1,2})?|\d{1,9}(?:[.,]\d{1,2})?"
_AMOUNT = re.compile(
    rf"(?<![\w.,])(?:(?P<before>{_UNIT})\s?(?P<first>{_NUMBER})(?![\w])(?![.,]\d)"
    rf"|(?P<second>{_NUMBER})\s?(?P<after>{_UNIT})(?!\w))",
    re.IGNORECASE,
)


def amounts(text: str) -> Iterator[Entity]:
    """Yield amounts: a number next to a currency's sign, code or name."""
    for found in _AMOUNT.finditer(text):
        unit, number = found["before"] or found["after"], found["first"] or found["second"]
        yield Entity("amount", found.start(), found.end(), _plain(number), _CURRENCIES[unit.lower()])


def _plain(number: str) -> str:
    """Return a number with a dot before its decimals and nothing between thousands."""
    whole, mark, decimals = number, "", ""
    if len(number) > 2 and number[-2] in ".,":
        whole, mark, decimals = number[:-2], ".", number[-1] + "0"
    elif len(number) > 3 and number[-3] in ".,":
        whole, mark, decimals = number[:-3], ".", number[-2:]
    return re.sub(r"\D", "", whole) + mark + decimals

"""Amounts of money in a text."""

import re
from collections.abc import Iterator

from triage_models.text.entities.entity import Entity

_CODES = (
    "EUR USD GBP BRL JPY INR TRY PLN CHF SEK NOK DKK CAD AUD MXN IDR AED CZK HUF RON SGD NZD ZAR CNY SAR QAR EGP HKD"
)
_SIGNS = {
    "EUR": "€", "GBP": "£", "USD": "$ us$", "BRL": "r$", "JPY": "¥", "INR": "₹ ₨", "TRY": "₺", "PLN": "zł",
    "AUD": "au$ a$", "CAD": "ca$ c$ can$", "NZD": "nz$", "HKD": "hk$", "SGD": "sg$ s$", "MXN": "mx$",
}  # fmt: skip
_NAMES = {
    "EUR": "euro euros", "GBP": "pound pounds quid", "USD": "dollar dollars bucks", "BRL": "real reais",
    "INR": "rs rs. rupee rupees rupaye रुपये रुपए रुपया रुपयों रु रु.", "TRY": "tl lira", "PLN": "zloty złotych złote",
    "IDR": "rp", "MXN": "pesos", "CHF": "francs", "SAR": "ريال ريالات ر.س", "AED": "درهم دراهم", "EGP": "جنيه جنيهات",
}  # fmt: skip
_OF_SIGN = {name: code for code, names in _SIGNS.items() for name in names.split()}
_CURRENCIES = (
    {code.lower(): code for code in _CODES.split()}
    | _OF_SIGN
    | {name: code for code, names in _NAMES.items() for name in names.split()}
)


def _any_of(names: "dict[str, str] | set[str]") -> str:
    return "|".join(map(re.escape, sorted(names, key=len, reverse=True)))


_UNIT = _any_of(_CURRENCIES)
_BEFORE_ONLY = _any_of(set(_OF_SIGN) - {"€", "zł", "₺"})
"""Signs that stand before a number rather than behind it, where numbers are on both sides."""
_NUMBER = (
    r"\d{1,3}(?:,\d{2})+,\d{3}(?:\.\d{1,2})?"  # 1,00,000
    r"|\d{1,3}(?:[., '’]\d{3})+(?:[.,]\d{1,2})?"
    r"|\d{1,9}(?: \. \d{2}|[.,]\d{1,2})?"
)
_ROUND = r"(?:[.,]-{1,2})?"
"""In place of the cents, as in "49,-"."""
_MINUS = r"(?:(?:(?<=[€£$¥₹₺])|(?<=[€£$¥₹₺]\s))-)?"
"""Not behind letters: RS-114 is an order."""
_END = r"(?!\w)(?![.,]\d)"
_ANOTHER = (
    rf"\s(?:{_BEFORE_ONLY})\s?\d[\d.,]*(?![\d.,])(?!\s?(?:times|x|days|items|pieces|veces|mal|fois|volte|vezes)\b)"
)
_AMOUNT = re.compile(
    rf"(?<![\w.,])(?:(?P<before>{_UNIT})\s?(?P<first>{_MINUS}(?:{_NUMBER})){_END}{_ROUND}"
    rf"|(?P<second>{_NUMBER}){_ROUND}(?!{_ANOTHER})\s?(?P<after>{_UNIT})(?!\w))",
    re.IGNORECASE,
)


def amounts(text: str) -> Iterator[Entity]:
    """Yield amounts: a number next to a currency's sign, code or name."""
    for found in _AMOUNT.finditer(text):
        unit, number = found["before"] or found["after"], found["first"] or found["second"]
        yield Entity("amount", found.start(), found.end(), _plain(number), _CURRENCIES[unit.lower()])


def _plain(number: str) -> str:
    """Return a number with a dot before its decimals and nothing between thousands."""
    number = number.replace(" . ", ".")
    sign, number = ("-", number[1:]) if number.startswith("-") else ("", number)
    whole, mark, decimals = number, "", ""
    if len(number) > 2 and number[-2] in ".,":
        whole, mark, decimals = number[:-2], ".", number[-1] + "0"
    elif len(number) > 3 and number[-3] in ".,":
        whole, mark, decimals = number[:-3], ".", number[-2:]
    return sign + re.sub(r"\D", "", whole) + mark + decimals

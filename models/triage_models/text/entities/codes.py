"""Tracking numbers by their check digits, and postcodes."""

import re
from collections.abc import Iterator

from triage_models.text.entities.entity import Entity
from triage_models.text.order_words import is_behind_order_word

_TRACKING = re.compile(
    r"(?<![\w-])(?:(?P<ups>1Z(?: ?[0-9A-Z]){16})|(?P<s10>[A-Z]{2} ?\d(?: ?\d){8} ?[A-Z]{2})"
    r"|(?P<usps>9[1-5](?: ?\d){20})|(?P<fedex>\d{4} ?\d{4} ?\d{4})|(?P<dhl>\d{2} ?\d{4} ?\d{4}))(?![\w-])",
    re.IGNORECASE,
)
_LONG_NUMBER = re.compile(r"\d(?: ?\d){8}|1Z", re.IGNORECASE)
"""What every tracking number has; most texts with a number have none so long."""
_UNIQUE_POSTCODE = re.compile(
    r"(?<![\w-])(?:[A-Z]{1,2}\d[A-Z\d]? \d[A-Z]{2}|(?P<dutch>[1-9]\d{3} [A-Z]{2})|[A-Z]\d[A-Z] \d[A-Z]\d"
    r"|\d{5}-\d{3}|[1-9]\d{3}-\d{3})(?![\w-])"
)
"""British, Dutch, Canadian, Brazilian and Portuguese ones: no other number looks so, but for words behind it."""
_WORDS_OF_TWO = frozenset(
    word
    for line in (
        "AM AN AS AT BE BY DO EN ES ET EU EX GO HE HI IF IM IN IS IT JA LA LE ME MY NO OF OH OK ON OR OS PM PS SE SO",
        "SI TO UM UN UP US UK VS WE YA YO ZU CM MM KM KG MG ML DL GB MB TB KB HP KW XL XS HZ FT OZ LB PC",
    )
    for word in line.split()
)
"""They are written in capitals, too, and are a Dutch postcode only before a town."""
_TOWN = re.compile(r",? [A-ZÀ-ÖØ-Þ'][a-zà-öø-ÿ'-]{2}")
_COUNTED = re.compile(
    r" (?:Stücke?n?|Teilen?|Euros?|EUR|Cents?|Uhr|Mal|Prozent|Gramm|Kilo[a-z]*|Meter[a-z]*|Zentimeter|Liter|Punkten?|"
    r"Sternen?|Tagen?|Jahren?|Watt|Volt|Kisten?|Packung(?:en)?|Artikeln?|Kunden|Bestellungen|Exemplare?n?|Unidades|Pièces|"
    r"Pezzi|Kartons?)(?!\w)"
)
"""What a number counts: in German it has a capital, as a town has."""
_CUED_POSTCODE = re.compile(
    r"(?:\bzip(?: ?code)?|\bpost ?code|\bpostal code|\bplz|\bcode postal|\bc[oó]digo postal|\bcep|\bcap|\bpin ?code)"
    r"[ :]{1,3}(?:is |é |ist |est |es )?(?P<code>(?=[A-Z\d -]{0,9}\d)[A-Z\d]{2,8}(?:[ -][A-Z\d]{2,4})?)(?!\w)",
    re.IGNORECASE,
)
_BEFORE_TOWN = {
    **dict.fromkeys(
        ("DE", "FR", "ES", "IT", "FI", "TR", "MX"), re.compile(r"(?<![\w.,#-])\d{5}(?= [A-ZÀ-ÖØ-Þ][^\W\d_])")
    ),
    **dict.fromkeys(("AT", "CH", "BE", "DK"), re.compile(r"(?<![\w.,#-])[1-9]\d{3}(?= [A-ZÀ-ÖØ-Þ][^\W\d_])")),
    "PL": re.compile(r"(?<![\w-])\d\d-\d{3}(?![\w-])"),
    "US": re.compile(r"(?<=\b[A-Z]{2} )\d{5}(?:-\d{4})?(?![\w-])"),
}


def tracking_numbers(text: str) -> Iterator[Entity]:
    """Yield tracking numbers: UPS, postal services (UPU S10), USPS; FedEx and DHL if the text names them."""
    if _LONG_NUMBER.search(text) is None:
        return
    lower = text.lower()
    unnamed = {carrier for carrier in ("fedex", "dhl") if carrier not in lower}
    for found in _TRACKING.finditer(text):
        code = found[0].replace(" ", "").upper()
        kind = found.lastgroup
        if kind in unnamed:
            continue
        if _CHECKS[str(kind)](code):
            yield Entity("tracking_number", found.start(), found.end(), code)


def postcodes(text: str, region: str) -> Iterator[Entity]:
    """Yield postcodes: those of a form of their own, those behind a word such as "zip", a region's before a town."""
    for found in _UNIQUE_POSTCODE.finditer(text):
        if found["dutch"] is None or _is_dutch(text, found, region):
            yield Entity("postcode", found.start(), found.end(), found[0])
    for found in _CUED_POSTCODE.finditer(text):
        yield Entity("postcode", *found.span("code"), found["code"].upper())
    if region in _BEFORE_TOWN:
        for found in _BEFORE_TOWN[region].finditer(text):
            if not is_behind_order_word(text, found.start()) and _COUNTED.match(text, found.end()) is None:
                yield Entity("postcode", found.start(), found.end(), found[0])


def _is_dutch(text: str, found: re.Match[str], region: str) -> bool:
    """Whether four digits and two capitals are a postcode, and not a number with a word behind it."""
    if is_behind_order_word(text, found.start()):
        return False
    if found[0][-2:] not in _WORDS_OF_TWO:
        return True
    ends = found.end() == len(text) or text[found.end()] in ".,;\n"
    return _TOWN.match(text, found.end()) is not None or (region == "NL" and ends)


def _ups(code: str) -> bool:
    figures = [int(mark) if mark.isdigit() else (ord(mark) - 63) % 10 for mark in code[2:-1]]
    return code[-1].isdigit() and -(sum(figures[::2]) + 2 * sum(figures[1::2])) % 10 == int(code[-1])


def _s10(code: str) -> bool:
    total = sum(int(figure) * weight for figure, weight in zip(code[2:10], (8, 6, 4, 2, 3, 5, 9, 7), strict=True))
    check = 11 - total % 11
    return {10: 0, 11: 5}.get(check, check) == int(code[10])


def _usps(code: str) -> bool:
    return -sum(int(figure) * (3, 1)[place % 2] for place, figure in enumerate(code[-2::-1])) % 10 == int(code[-1])


def _fedex(code: str) -> bool:
    weighted = sum(int(figure) * (3, 1, 7)[place % 3] for place, figure in enumerate(code[:11]))
    return weighted % 11 % 10 == int(code[11])


def _dhl(code: str) -> bool:
    return int(code[:9]) % 7 == int(code[9])


_CHECKS = {"ups": _ups, "s10": _s10, "usps": _usps, "fedex": _fedex, "dhl": _dhl}

"""Postal addresses in a text: a street with its number, and the town behind it.

By the words for streets of eight languages. An address without such a word, or without a number, is not found.
"""

import re
from collections.abc import Iterator

from triage_models.text.spans import Span

_CAPITAL = r"(?-i:[A-ZÀ-ÖØ-ÞĞİŞŁŚŻ])"
_WORD = r"[^\W\d_][\w.'’\-]{0,30}"
_NAME = rf"{_WORD}(?: {_WORD}){{0,4}}?"
_CAPITALS = rf"{_CAPITAL}[\w.'’\-]{{0,30}}(?: {_CAPITAL}[\w.'’\-]{{0,30}}){{0,3}}?"
_NUMBER = r"(?:n[.º°o]?\s?|nr\.?\s?)?\d{1,5}(?:\s?[a-z]|/[\da-z]{1,4})?(?!\w)(?:\s?(?:bis|ter)\b)?"
_POSTCODE = (
    r"(?:[A-Z]{1,2}\d[A-Z\d]?\s?\d[A-Z]{2}|[A-Z]\d[A-Z]\s?\d[A-Z]\d|\d{4}\s?[A-Z]{2}|\d{5}-\d{3,4}|\d{4}-\d{3}|\d{2}-\d{3}"
    r"|(?:[A-Z]{1,2}-)?\d{4,6})(?!\w)"
)
_OF = r"(?:am|de|da|do|di|del|la|sur|upon|an der|a|d)\b[ '’]"
_TOWN = rf"{_CAPITAL}[\w'’\-]{{1,30}}(?:[ \-](?:{_OF})?{_CAPITAL}[\w'’\-]{{0,30}}){{0,3}}"
# Up to eight words lead to a postcode, such as the floor or the town; the town may also stand behind it. Without a
# postcode, the address ends with the number, or with a town behind a comma.
_TO_POSTCODE = rf"(?:[ ,\-]{{1,3}}(?!\d{{4,}})[\w.º°ª'’/]{{1,25}}){{0,8}}?[ ,]{{1,2}}{_POSTCODE}(?:,? {_TOWN})?"
_REST = (
    rf"(?:{_TO_POSTCODE}"
    rf"|(?:, ?(?:{_TOWN}|\d{{1,3}}\s?[ºª°]?\s?[a-z]?\b)){{0,2}})"
)
_BEFORE = (
    r"(?<!\w)(?:c/ ?|(?:calle|cl\.|avda\.?|avenida|av\.|paseo|plaza|pza\.?|camino|carrer|rua|r\.|travessa|praça|"
    r"alameda|estrada|rodovia|via|viale|corso|piazza|piazzale|largo|vicolo|strada|ul\.|ulica|al\.|aleja|jl\.|jalan) )"
)
_FRENCH = (
    r"(?:rue|avenue|av\.?|boulevard|bd\.?|bld|place|chemin|impasse|allée|allee|quai|route|cours|square|passage|sentier|"
    r"faubourg|résidence|lotissement)"
)
_ENGLISH = (
    r"(?:street|road|rd|lane|avenue|ave|terrace|boulevard|blvd|crescent|gardens|mews|parkway|pkwy|highway|hwy)\b\.?"
)
_ENGLISH_CAPITALS = (
    r"(?-i:Street|Road|Lane|Avenue|St|Rd|Ln|Ave|Drive|Dr|Way|Close|Court|Ct|Place|Pl|Terrace|Square|Sq|Grove|Hill|Park|Row|"
    r"Circle|Trail|Loop|Walk|Quay|Wharf|Rise|View)\b\.?"
)
"""Words that mean something else, too: they and the name before them have to be written in capitals."""
_GERMAN = (
    rf"(?:{_CAPITAL}[^\W\d_]{{1,30}}|{_CAPITAL}(?:[\w\-]{{1,20}}[ -]){{0,3}}[\w\-]{{0,20}}"
    r"|[^\W\d_]{2,30}(?=stra(?:ß|ss)e|str\.))"
    r"(?:stra(?:ß|ss)e|str\.|weg|platz|allee|gasse|ring|damm|"
    r"ufer|markt|steig|chaussee|straat|laan|plein|gracht|kade|caddesi|sokak|sok\.|cad\.)"
)
_FRENCH_OF = r"(?:de la|de|du|des|la|le|les) |[dl]['’]"
_CAPITALS_ALL = _CAPITALS.removesuffix("?")
_FLAT = r"(?:flat|apt|apartment|unit|suite|ste)"
_GERMAN_WORDS = r"(?<!\w)(?:am|an der|an den|im|in der|in den|auf dem|auf der|unter den|zum|zur|hinter dem|vor dem)"

_ADDRESSES = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"(?<!\w)(?:{_FLAT}\.? ?#?\w{{1,5}},? )?\d{{1,5}}[a-z]?,? {_NAME} {_ENGLISH}{_REST}",
        rf"(?<!\w)(?:{_FLAT}\.? ?#?\w{{1,5}},? )?\d{{1,5}}[a-z]?,? {_CAPITALS} {_ENGLISH_CAPITALS}{_REST}",
        rf"{_BEFORE}{_NAME},? {_NUMBER}{_REST}",
        rf"(?<!\w){_NUMBER},? {_FRENCH} {_NAME}{_TO_POSTCODE}",
        rf"(?<!\w){_NUMBER},? {_FRENCH} (?:{_FRENCH_OF}){{0,2}}{_CAPITALS_ALL}(?:, ?{_TOWN})?",
        rf"(?<!\w){_GERMAN} {_NUMBER}{_REST}",
        rf"{_GERMAN_WORDS} {_NAME} {_NUMBER},? {_POSTCODE} {_TOWN}",
    )
)
_BRITISH_POSTCODE = re.compile(r"(?<!\w)[A-Z]{1,2}\d[A-Z\d]? \d[A-Z]{2}(?!\w)")
"""Fifteen households on average, so it is personal without a street."""


def addresses(text: str) -> Iterator[Span]:
    """Yield postal addresses; of two that overlap, the longer one is first."""
    if not any(map(str.isdigit, text)):
        return
    found = [match.span() for pattern in _ADDRESSES for match in pattern.finditer(text)]
    found += [match.span() for match in _BRITISH_POSTCODE.finditer(text)]
    for start, end in sorted(found, key=lambda span: span[0] - span[1]):
        yield Span("address", start, start + len(text[start:end].rstrip(" ,.-")))

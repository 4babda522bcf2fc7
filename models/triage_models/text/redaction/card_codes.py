"""The date of expiry and the code that follow a card number."""

import re
from collections.abc import Iterator

from triage_models.text.spans import Span

_CUE = (
    r"(?:(?:exp|valid|venc|venz|caduc|gültig|ablauf|scad|verval|geldig|ważn|crypto|sicherheits|prüf)[^\W\d_]{0,20}|"
    r"good|thru|through|until|bis|date|datum|data|fecha|month|year|cvv2?|cvc2?|cv2|csc|cid|cav2?|ccv|pin|code|código|"
    r"codigo|codice|security|seguridad|segurança|sicurezza|sécurité|kod|sec|"
    r"and|und|y|e|et|with|con|com|mit|is|es|ist|est|é|è|de|di|of|the)"
)
_BETWEEN = rf"[\s.,;:/|()\-#=]{{0,4}}(?:{_CUE}(?:[\s.,;:/|()\-#=]{{1,4}}|(?=\d))){{0,6}}"
_EXPIRY = r"(?:0?[1-9]|1[0-2])\s?[/\-.]\s?(?:20)?[2-4]\d|(?:0[1-9]|1[0-2])\s?(?:20)?[2-4]\d"
_MONEY = r"(?!\s?(?:[€£$%]|eur|usd|gbp|dollar|pound|euro|reais))"
_END = r"(?!\w|[/.\-]\d)"
_CODE = r"(?!20\d\d)\d{3,4}"
_RIGHT_BEHIND = re.compile(
    rf"{_BETWEEN}(?P<code>(?:{_EXPIRY}){_BETWEEN}{_CODE}{_END}{_MONEY}|(?:{_EXPIRY}){_END}"
    rf"|\d{{3,4}}{_BETWEEN}(?:{_EXPIRY}){_END}|\d{{3,4}}(?!\w|[\s.,/\-]{{1,2}}\d){_MONEY})",
    re.IGNORECASE,
)
_NAMED = re.compile(
    r"(?<![^\W\d_])(?:cvv2?|cvc2?|cv2|csc|cid|ccv|(?:exp|valid|valable|venc|vence|caduc|gültig|ablauf|scad|verval|geldig|ważn|crypto|"
    r"sicherheits|prüf|security|seguridad|segurança|sicurezza|güvenlik|kod|code|código|codice|tarih|الرمز|رمز|تاريخ)[^\W\d_]{0,20})"
    rf"[^\d\n]{{0,25}}?(?P<code>(?:{_EXPIRY}){_END}|\d{{3,4}}{_END})",
    re.IGNORECASE,
)
_NAMED_DISTANCE = 100
"""Characters behind a card within which an expiry or a code is its, if a word names it."""


def card_codes(text: str, end: int, limit: int) -> Iterator[Span]:
    """Yield the expiry and the code (kind "code") of a card: right behind it, or a little later and named.

    Args:
        text: the text.
        end: where the card ends.
        limit: where the next one begins.
    """
    code = _RIGHT_BEHIND.match(text, end, limit)
    if code is not None:
        yield Span("code", *code.span("code"))
        end = code.end()
    for named in _NAMED.finditer(text, end, min(limit, end + _NAMED_DISTANCE)):
        yield Span("code", *named.span("code"))

"""E-mail addresses in a text, also those written out, such as ``ana arroba example punto com``."""

import re
from collections.abc import Iterator

from triage_models.text.spans import Span

_DOT_WORD = r"(?:dot|punto|ponto|point|punkt|kropka|nokta|titik)"
_AT_WORDS = ("arroba", "arobase", "chiocciola", "klammeraffe", "affenschwanz", "ät", "małpa", "apenstaartje")
"""Words that mean nothing else in an address: a dot may follow as a sign. ``at`` needs a dot in a word."""
_AT_WORD = rf"(?:{'|'.join(_AT_WORDS)})"
_LOCAL = rf"[\w](?:[\w.+%'-]{{0,63}})(?:\s{_DOT_WORD}\s[\w.+'-]{{1,64}}){{0,3}}?"
_LABEL = r"[^\W_](?:[\w-]{0,62})"
_TOP = r"[^\W\d_]{2,24}(?![\w@'’])"
_AT_IN_BRACKETS = r"\s?[(\[{<]\s?(?:at|arroba|chez|ät|arobase|chiocciola|@)\s?[)\]}>]\s?"
_DOT_IN_BRACKETS = rf"\s?[(\[{{<]\s?{_DOT_WORD}\s?[)\]}}>]\s?"
_NOT_LOCAL = (
    r"(?!(?:i|it|me|us|them|him|her|you|am|is|was|are|were|be|look\w*|order\w*|bought|buy\w*|purchase\w*|shop\w*|see\w*|saw|"
    r"found|find|here|store|site|website|now|sale|out|up|available|account|what|bestellt|gekauft|online)\s)"
)
"""Words before "at" and " @ " that are no mailbox."""

_COMMON_TOP = (
    r"(?:com|net|org|info|biz|eu|de|at|ch|es|mx|ar|co|cl|pe|pt|br|fr|be|it|nl|pl|tr|id|in|uk|ie|us|ca|au|nz|ae|sa|eg|io|me)"
    r"(?![\w@])"
)
"""Where a blank is before the @, it may also be somebody's handle, such as @shop.official."""

# Lengths are bounded as by RFC 5321: a long text without an address must not take quadratic time.
_FORMS = tuple(
    (triggers, re.compile(rf"(?<![\w.+%'-]){form}", re.IGNORECASE))
    for triggers, form in (
        (
            ("@", "%40", "(", "[", "{", "<"),
            rf"{_LOCAL}(?:@|%40|{_AT_IN_BRACKETS})"
            rf"(?:{_LABEL}(?:\.|{_DOT_IN_BRACKETS}|\s{_DOT_WORD}\s)){{1,8}}{_TOP}",
        ),
        (
            (" @", "@ "),
            rf"{_NOT_LOCAL}{_LOCAL} {{0,2}}@ {{0,2}}"
            rf"(?:{_LABEL}(?:\.|\s\.\s|\s{_DOT_WORD}\s)){{1,8}}{_COMMON_TOP}",
        ),
        (
            _AT_WORDS,
            rf"{_LOCAL}\s{_AT_WORD}\s(?:{_LABEL}(?:\.|\s\.\s|\s{_DOT_WORD}\s|{_DOT_IN_BRACKETS})){{1,8}}{_TOP}",
        ),
        (
            (" dot ", " punkt ", " kropka "),
            rf"{_NOT_LOCAL}{_LOCAL}\sat\s(?:{_LABEL}\s(?:dot|punkt|kropka)\s){{1,8}}{_TOP}",
        ),
    )
)
_AT = re.compile(rf"\s*(?:%40|{_AT_IN_BRACKETS}|(?<=\s)(?:{_AT_WORD}|at)(?=\s))\s*", re.IGNORECASE)
_DOT = re.compile(rf"{_DOT_IN_BRACKETS}|\s+{_DOT_WORD}\s+", re.IGNORECASE)


def email_addresses(text: str) -> Iterator[Span]:
    """Yield e-mail addresses, also those written as ``name (at) domain (dot) com`` or in words without brackets."""
    lower = text.lower()
    for triggers, form in _FORMS:
        for trigger in triggers:
            if trigger in lower:
                yield from (Span("email", *found.span()) for found in form.finditer(text))
                break


def plain_address(written: str) -> str:
    """Return an address with an @ and dots, in small letters."""
    return re.sub(r"\s", "", _DOT.sub(".", _AT.sub("@", written, count=1))).lower()

"""E-mail addresses in a text."""

import re
from collections.abc import Iterator

from triage_models.text.spans import Span

# Lengths are bounded as by RFC 5321: a long text without an address must not take quadratic time.
_ADDRESS = re.compile(
    r"(?<![\w.+%'-])[\w](?:[\w.+%'-]{0,63})(?:@|\s?[(\[](?:at|arroba|chez)[)\]]\s?)"
    r"(?:[^\W_](?:[\w-]{0,62})(?:\.|\s?[(\[](?:dot|punto|ponto|point|punkt)[)\]]\s?)){1,8}[^\W\d_]{2,24}(?![\w@])",
    re.IGNORECASE,
)


def email_addresses(text: str) -> Iterator[Span]:
    """Yield e-mail addresses, also those written as ``name (at) domain (dot) com``."""
    if "@" in text or "(" in text or "[" in text:
        for found in _ADDRESS.finditer(text):
            yield Span("email", found.start(), found.end())

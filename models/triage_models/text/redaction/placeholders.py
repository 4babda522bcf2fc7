"""A text with typed placeholders in place of values."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from triage_models.text.email_addresses import plain_address
from triage_models.text.plain import plain
from triage_models.text.spans import Span

_PLACEHOLDER = re.compile(r"\[[A-Z]+_\d+\]")


@dataclass(frozen=True, slots=True)
class Redacted:
    """A text without its personal data.

    Attributes:
        text: the text with placeholders such as ``[EMAIL_1]``.
        spans: where the values were in the original text.
        shifts: for each value in order, how far what follows it has moved.
    """

    text: str
    spans: tuple[Span, ...] = ()
    shifts: tuple[int, ...] = ()

    def moved(self, start: int, end: int) -> tuple[int, int] | None:
        """Return where a part of the original text is in the redacted one; None if a placeholder has replaced it."""
        shift = 0
        for span, after in zip(self.spans, self.shifts, strict=True):
            if span.start < end and start < span.end:
                return None
            if span.end <= start:
                shift = after
        return start + shift, end + shift


def unredacted(text: str) -> Redacted:
    """Return a text as it is."""
    return Redacted(text)


def replace_spans(text: str, spans: Iterable[Span]) -> Redacted:
    """Replace parts of a text by typed placeholders, the same one wherever the same value is written.

    Args:
        text: the text.
        spans: what to replace, in order and without overlaps.
    """
    taken = set(_PLACEHOLDER.findall(text))
    names: dict[tuple[str, str], str] = {}
    counts: dict[str, int] = {}
    parts: list[str] = []
    shifts: list[int] = []
    spans = tuple(spans)
    position = length = 0
    for span in spans:
        written = text[span.start : span.end]
        key = span.kind, canonical(span.kind, written)
        if key not in names:
            names[key] = _next(span.kind, counts, taken)
        parts += [text[position : span.start], names[key]]
        length += span.start - position + len(names[key])
        position = span.end
        shifts.append(length - position)
    return Redacted("".join([*parts, text[position:]]), spans, tuple(shifts))


def canonical(kind: str, written: str) -> str:
    """Return the form by which two ways to write the same value are recognised."""
    written = plain(written).text
    if kind in ("card", "code", "iban", "phone"):
        return re.sub(r"[^0-9A-Z+]", "", written.upper())
    if kind == "email":
        return plain_address(written)
    return " ".join(written.casefold().split())


def _next(kind: str, counts: dict[str, int], taken: set[str]) -> str:
    """Return a new placeholder, and none that the text has already: it stands for another value."""
    while True:
        counts[kind] = counts.get(kind, 0) + 1
        placeholder = f"[{kind.upper()}_{counts[kind]}]"
        if placeholder not in taken:
            return placeholder

"""Parts of a text, and how overlapping ones are resolved."""

from collections.abc import Iterable
from typing import NamedTuple


class Span(NamedTuple):
    """A part of a text, in characters.

    Attributes:
        kind: what it is, such as "email".
        start: position of its first character.
        end: position after its last character.
    """

    kind: str
    start: int
    end: int


def without_overlaps(spans: Iterable[Span]) -> list[Span]:
    """Return spans in the order of the text. Of those that overlap, the one that is given first is kept."""
    kept: list[Span] = []
    covered = bytearray()
    for span in spans:
        covered.extend(bytes(max(0, span.end - len(covered))))
        if covered.find(1, span.start, span.end) < 0:
            covered[span.start : span.end] = b"\x01" * (span.end - span.start)
            kept.append(span)
    return sorted(kept, key=lambda span: span.start)

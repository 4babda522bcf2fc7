"""Takes off what stands below a message: closing and signature, the line that a phone adds, and disclaimers.

In doubt nothing is taken off. A signature that is read makes a message longer; a line that is lost could be the
question.
"""

import re
from collections.abc import Sequence

from triage_models.serving.mail.marks import plain
from triage_models.serving.mail.signature_phrases import (
    CLOSING_BEGINNINGS,
    CLOSINGS,
    CONTACTS,
    CUSTOMER_WORDS,
    DEVICE_BEGINNINGS,
    DEVICE_WORDS,
    DISCLAIMER_WORDS,
    NOTICES,
)

LONGEST = 20_000
"""Characters. A longer message is read as it is."""

LINES = 16
"""The most lines of a signature that are not blank."""

WORDS = 8
"""The most words of a line in a signature."""

DEVICE_LINE_WORDS = 12
CLOSING_WORDS = 12
DISCLAIMER_EVIDENCE = 3

_MARK = re.compile(r"[-–—]{2,3}")
_RULE = re.compile(r"[-–—_*=]{2,60}")
_SHORT_FORM = re.compile(r"(?:\b\w\.)+$|\b(?:ltd|inc|co|corp|lda|tel)\.$")
_CUSTOMER = re.compile(rf"\b(?:{'|'.join(map(re.escape, CUSTOMER_WORDS))})")
_EDGE = " \t.,;:!-–—_*|"
_CONTACT = re.compile(r"\+?\d[\d ()/.\-]{6,}\d|(?:https?://|www\.)\S+|[\w.+-]+@[\w-]+\.\w", re.IGNORECASE)
_CLOSINGS = frozenset(CLOSINGS)
_CONTACTS = frozenset(CONTACTS)


def without_signature(text: str) -> str:
    """Return a message without what stands below it; the message itself if nothing or no word would be left."""
    if "\n" not in text or len(text) > LONGEST:
        return text
    lines = text.split("\n")
    kept = _without_notices(lines)
    kept = kept[: _signature_start(kept)]
    if len(kept) == len(lines):
        return text
    rest = "\n".join(kept).strip()
    return rest if any(map(str.isalnum, rest)) else text


def is_device_line(line: str) -> bool:
    """Whether a phone or a mail program has added a line: "Sent from my iPhone"."""
    said = plain(line).strip(_EDGE)
    if not said.startswith(DEVICE_BEGINNINGS) or len(said.split()) > DEVICE_LINE_WORDS:
        return False
    return any(word in said for word in DEVICE_WORDS)


def is_notice(paragraph: str) -> bool:
    """Whether a paragraph is a disclaimer, or asks not to print the message."""
    said = plain(paragraph)
    if any(notice in said for notice in NOTICES):
        return True
    return sum(word in said for word in DISCLAIMER_WORDS) >= DISCLAIMER_EVIDENCE


def _without_notices(lines: Sequence[str]) -> list[str]:
    """Leave out lines of phones, and disclaimers below the first paragraph that is neither."""
    kept: list[str] = []
    position = 0
    while position < len(lines):
        end = position
        while end < len(lines) and lines[end].strip():
            end += 1
        paragraph = lines[position:end]
        said = [line for line in paragraph if not is_device_line(line)]
        kept += _without_notice(said, first=not _has_words(kept))
        kept += lines[end : end + 1]
        position = end + 1
    return kept


def _without_notice(paragraph: list[str], *, first: bool) -> list[str]:
    """Cut a paragraph where a disclaimer begins: HTML may have it right below the signature."""
    if not is_notice(" ".join(paragraph)):
        return paragraph
    for position, line in enumerate(paragraph):
        if is_notice(line):
            return paragraph if first and not position else paragraph[:position]
    return paragraph if first else []


def _signature_start(lines: Sequence[str]) -> int:
    """Return the position of the line at which the signature begins; the number of lines if there is none."""
    marked = _marked_start(lines)
    start = _unmarked_start(lines[:marked])
    return start if _has_words(lines[:start]) else len(lines)


def _marked_start(lines: Sequence[str]) -> int:
    """Return the position of the line "-- "; the number of lines if there is none, or no signature follows it."""
    start = len(lines)
    said = 0
    for position in range(len(lines) - 1, -1, -1):
        line = lines[position].strip()
        if _MARK.fullmatch(line):
            start = position
        elif line:
            said += 1
            if said > LINES or _is_the_customers(plain(line)):
                break
    return start


def _unmarked_start(lines: Sequence[str]) -> int:
    """Return the position of a closing or of a name with its telephone number; the number of lines without them."""
    start = len(lines)
    said = 0
    contacts = 0
    for position in range(len(lines) - 1, -1, -1):
        line = lines[position].strip()
        if not line:
            continue
        if _RULE.fullmatch(line):
            start = position
            continue
        if _is_closing(line):
            return position
        said += 1
        if said > LINES or not _fits_signature(line):
            break
        contacts += _is_contact(line)
        # Without a closing, a name is known as one by the telephone number below it.
        if contacts and said > 1 and _begins_paragraph(lines, position):
            start = position
    return start


def _is_closing(line: str) -> bool:
    said = plain(line).strip(_EDGE)
    if said in _CLOSINGS:
        return True
    if said.startswith(CLOSING_BEGINNINGS):
        return True
    closing, comma, name = said.partition(",")
    return bool(comma) and closing in _CLOSINGS and len(name.split()) <= 3


def _fits_signature(line: str) -> bool:
    if "?" in line or len(line.split()) > WORDS + 2 * _is_contact(line):
        return False
    said = plain(line)
    ends = said.endswith((".", "!")) and not _SHORT_FORM.search(said)
    return not ends and not _is_the_customers(said)


def _is_the_customers(said: str) -> bool:
    """Whether a line, as `plain` returns it, says what a customer says and a signature does not."""
    return "?" in said or _CUSTOMER.search(said) is not None


def _is_contact(line: str) -> bool:
    """Whether a line has a telephone number with its name, or an address of the web or of mail."""
    found = _CONTACT.search(line)
    if found is None:
        return False
    if not found[0][0].isdigit() and found[0][0] != "+":
        return True
    words = plain(line[: found.start()]).replace("|", " ").split()
    return not words or words[-1].strip(":") in _CONTACTS or found[0][0] == "+"


def _begins_paragraph(lines: Sequence[str], position: int) -> bool:
    return position > 0 and not lines[position - 1].strip()


def _has_words(lines: Sequence[str]) -> bool:
    return any(any(map(str.isalnum, line)) for line in lines)

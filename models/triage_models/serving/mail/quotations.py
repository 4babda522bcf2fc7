"""Separates what the sender of a message wrote from what is quoted in it.

A line is quoted only if something marks it: ``>`` at its beginning, or a line above it that mail programs write. In
doubt it is not. A quoted line that is read makes a message unclear at worst; a line that is lost could be the question.
"""

from collections.abc import Sequence
from typing import NamedTuple

from triage_models.serving.mail.marks import is_marked, is_quotation, is_rule, mark_at, plain, without_mark
from triage_models.serving.mail.phrases import (
    CLOSINGS,
    DEVICE_LINES,
    FORWARD_SUBJECTS,
    FORWARDS,
    GREETINGS,
)

LONGEST = 100_000
"""Characters of a message in which quotations are looked for. What comes after them is read as it is."""

DEPTH = 8
"""How many quotations without a word of their own are opened, one in the other."""

SIGNATURE_LINES = 4
"""The most lines of a closing with a name and a job title below it."""

SIGNATURE_WORDS = 4
"""The most words of a line of a signature."""

LONGEST_SUBJECT = 120
"""Characters of the longest line that says nothing but that a message is forwarded."""


class _Parts(NamedTuple):
    """The lines of a message.

    Attributes:
        new: the sender's own.
        quoted: the others, without what marks them.
        any_quotation: whether there is a quotation, though it may have no lines.
    """

    new: list[str]
    quoted: list[str]
    any_quotation: bool


def new_text(text: str) -> str:
    """Return what the sender of a message wrote, without what is quoted.

    A message in which everything is quoted, such as a forwarded one, is opened: what it quotes is returned. A message
    without quotations is returned as it is.
    """
    for _ in range(DEPTH):
        if "\n" not in text and "\r" not in text:
            return text
        parts = _parted(text)
        if not parts.any_quotation:
            return text
        if not _says_nothing(parts.new):
            return "\n".join(parts.new).strip()
        quoted = "\n".join(parts.quoted).strip()
        if not _has_words(quoted):
            return text
        text = quoted
    return text


def _parted(text: str) -> _Parts:
    lines, rest = _lines(text)
    new: list[str] = []
    quoted: list[str] = []
    before = ""
    any_quotation = False
    position = 0
    while position < len(lines):
        line = lines[position]
        if is_marked(line):
            end = _first(lines, position, marked=False)
            run = lines[position:end]
            if any_quotation or is_quotation(run, before):
                quoted += map(without_mark, run)
                any_quotation = True
            else:
                new += run
            position, before = end, ""
            continue
        mark = mark_at(lines, position)
        if mark is not None:
            start = position + mark.lines
            next_line = _first(lines, start, blank=False)
            announced = next_line < len(lines) and is_marked(lines[next_line])
            if announced or mark.certain:
                _drop_rule(new)
                any_quotation = True
            if announced:
                position = next_line
                continue
            if mark.certain:
                return _Parts(new, [*quoted, *lines[start:], rest], True)
        new.append(line)
        before = line if line.strip() else before
        position += 1
    return _Parts([*new, rest], quoted, any_quotation)


def _lines(text: str) -> tuple[list[str], str]:
    """Return the lines of a message, and what follows the last of them in a message that is very long."""
    head, rest = text, ""
    if len(text) > LONGEST:
        end = max(text.rfind("\n", 0, LONGEST), text.rfind("\r", 0, LONGEST)) + 1
        head, rest = text[:end], text[end:]
    return head.replace("\r\n", "\n").replace("\r", "\n").split("\n"), rest


def _first(lines: Sequence[str], position: int, *, marked: bool | None = None, blank: bool | None = None) -> int:
    """Return the next position of a line that is, or is not, marked or blank; the end if there is none."""
    while position < len(lines):
        line = lines[position]
        if is_marked(line) is marked or (not line.strip()) is blank:
            return position
        position += 1
    return position


def _drop_rule(new: list[str]) -> None:
    """Remove blank lines at the end, and above them a line of underscores or dashes."""
    while new and not new[-1].strip():
        new.pop()
    if new and is_rule(new[-1]):
        new.pop()


def _has_words(text: str) -> bool:
    return any(map(str.isalnum, text))


def _says_nothing(lines: Sequence[str]) -> bool:
    """Whether lines have no words, or say only that a message is forwarded."""
    forwarded = False
    signature = 0
    for line in lines:
        if not _has_words(line):
            continue
        if len(line) > LONGEST_SUBJECT:
            return False
        said = plain(line).strip(" .,:;!-–—\"'()[]")
        if signature or said in CLOSINGS:
            signature += 1
            if signature > SIGNATURE_LINES or len(said.split()) > SIGNATURE_WORDS:
                return False
        elif said in FORWARDS or said.startswith((*FORWARD_SUBJECTS, *DEVICE_LINES)):
            forwarded = True
        elif not GREETINGS.issuperset(said.replace(",", " ").split()):
            return False
    return forwarded or not signature

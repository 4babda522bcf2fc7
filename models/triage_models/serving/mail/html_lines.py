"""Lays out the text of HTML as lines."""

import re

from triage_models.serving.mail.html_meaning import Meaning

RULE = "_" * 8
"""The line that is written for a rule."""

DEEPEST = 16
"""The most marks of quotation before a line."""

_BLANKS = re.compile(r"[ \t\r\n\f\v\xa0]+")
_INVISIBLE = re.compile("[\u200b-\u200d\u2060\ufeff\u00ad\u034f\u061c\u200e\u200f\u202a-\u202e]+")
_LINES = frozenset({"block", "paragraph", "pre", "item", "rule"})


class Lines:
    """Text that grows by what elements of HTML say."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._pieces: list[str] = []
        self._quoted = 0
        self._pre = 0
        self._blank = True

    def enter(self, meaning: Meaning) -> None:
        """Begin an element."""
        kind = meaning.kind
        if kind == "break":
            self._break()
        elif kind in _LINES:
            self._end()
        elif kind == "cell":
            self._pieces.append(" ")
        if meaning.above or meaning.quoted:
            self._mark(meaning)
        if kind == "item":
            self._pieces.append("- ")
        elif kind == "rule":
            self._add(RULE)
        elif kind == "pre":
            self._pre += 1
        if meaning.text:
            self._pieces.append(meaning.text)

    def leave(self, meaning: Meaning) -> None:
        """End an element."""
        if meaning.quoted:
            self._end()
            self._quoted -= 1
        if meaning.kind in _LINES:
            self._end()
            if meaning.kind == "paragraph":
                self._add("")
            elif meaning.kind == "pre":
                self._pre -= 1

    def write(self, text: str) -> None:
        """Add text of the source, whose line breaks count only where it is preformatted."""
        if self._pre and "\n" in text:
            *whole, last = text.split("\n")
            for line in whole:
                self._pieces.append(line)
                self._break()
            self._pieces.append(last)
        else:
            self._pieces.append(text)

    def text(self) -> str:
        """All that was written."""
        self._end()
        return "\n".join(self._lines).strip()

    def _mark(self, meaning: Meaning) -> None:
        """Begin a quotation or a signature."""
        self._end()
        if meaning.above and self._last() != meaning.above.strip():
            self._add(meaning.above)
        self._quoted += meaning.quoted

    def _break(self) -> None:
        if not self._end():
            self._add("")

    def _end(self) -> bool:
        """End the line that is being written, if there is one."""
        if not self._pieces:
            return False
        written = _INVISIBLE.sub("", "".join(self._pieces))
        line = _BLANKS.sub(" ", written).strip()
        self._pieces.clear()
        if not line and "\xa0" not in written:
            return False
        self._add(line)  # a block with nothing but a no-break space is how Word writes a blank line
        return True

    def _last(self) -> str:
        return self._lines[-1].lstrip("> ") if self._lines else ""

    def _add(self, line: str) -> None:
        if not line and self._blank:
            return  # one blank line says as much as several
        self._blank = not line
        marks = ">" * min(self._quoted, DEEPEST)
        self._lines.append(f"{marks} {line}".rstrip() if marks else line)

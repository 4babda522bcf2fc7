"""Cuts a text into sentences: one that asks for something is easily outvoted by a long story around it."""

import re

END_WORDS = 16
"""The longest end of a text that is read as a window of its own."""

LAST_WORDS = 8
"""Words at the end of a longer last sentence that are read alone, too: often it is several, without a full stop."""

MAX_SENTENCES = 32
"""Into how many pieces a text is cut at most; where it has more sentences, each piece has several."""

_CLOSING = " \t\r\n.!?…。！？।"
_SENTENCE_END = re.compile(r"(?<=[.!?…])\s+|[。！？।]|\n+")


def end_of(text: str) -> str:
    """Return the last sentence of a text; its last `END_WORDS` words if the sentence is longer."""
    return " ".join(_last_words(text)[-END_WORDS:])


def sentences_of(text: str) -> list[str]:
    """Return the sentences of a text, and the last `LAST_WORDS` words if the last sentence is long.

    Sentences of one word say nothing by themselves, and are left out.
    """
    found = [" ".join(words) for words in map(str.split, _SENTENCE_END.split(text)) if len(words) > 1]
    size = -(-len(found) // MAX_SENTENCES) or 1
    pieces = [" ".join(found[start : start + size]) for start in range(0, len(found), size)]
    last = _last_words(text)
    return [*pieces, " ".join(last[-LAST_WORDS:])] if len(last) > END_WORDS else pieces


def _last_words(text: str) -> list[str]:
    return _SENTENCE_END.split(text.rstrip(_CLOSING))[-1].split()

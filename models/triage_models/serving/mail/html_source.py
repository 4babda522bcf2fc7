"""What of HTML is parsed: as much as is read in a bounded time, without what nobody sees and may be long.

Outlook and newsletters begin with styles and comments that are longer than their text. They are taken off first, so
that they do not count. Each function needs time proportional to its input.
"""

import re

from triage_models.serving.mail.html_styles import hidden_names

LONGEST = 100_000
"""Characters of HTML that are parsed. What comes after them is not read."""

MOST_TAGS = 4_096
"""Tags that are parsed, for the same reason: the time that nested tags and attributes take grows by their square."""

_IMAGE_DATA = re.compile(r"(['\"])data:[^'\"<>]*+\1", re.IGNORECASE)
_UNSEEN = re.compile(r"<(?:!--|(style|script)(?=[\s/>]))", re.IGNORECASE)
_ENDS = {
    "": re.compile(r"--!?>"),
    "style": re.compile(r"</style(?=[\s/>])[^>]*+>?", re.IGNORECASE),
    "script": re.compile(r"</script(?=[\s/>])[^>]*+>?", re.IGNORECASE),
}


def prepared(source: str) -> tuple[str, frozenset[str]]:
    """Return the HTML that is parsed, and the classes (".x") and ids ("#x") that its style sheets hide."""
    seen, styles = _without_unseen(_IMAGE_DATA.sub('""', source))
    end = _end(seen)
    # A tag that does not end is no text for the parser, but for its first signs.
    return seen[:end] if end == len(seen) else seen[:end].rstrip("</"), hidden_names(styles)


def _end(source: str) -> int:
    """Return the position before which is parsed."""
    end = min(len(source), LONGEST)
    if source.count("<", 0, end) > MOST_TAGS:
        end = -1
        for _ in range(MOST_TAGS):
            end = source.index("<", end + 1)
    return end


def _without_unseen(source: str) -> tuple[str, str]:
    """Return HTML without its comments, styles and scripts; and what is in the styles."""
    kept: list[str] = []
    styles: list[str] = []
    unended: set[str] = set()
    position = 0
    while (begun := _UNSEEN.search(source, position)) is not None:
        name = (begun[1] or "").lower()
        start = begun.end() - (0 if name else 2)  # "<!-->" is a whole comment
        ended = None if name in unended else _ENDS[name].search(source, start)
        if ended is None:
            unended.add(name)  # the end would be looked for in vain again
            kept.append(source[position : begun.end()])
            position = begun.end()
            continue
        kept.append(source[position : begun.start()])
        if name == "style":
            styles.append(source[begun.end() : ended.start()].partition(">")[2])
        position = ended.end()
    kept.append(source[position:])
    return "".join(kept), "\n".join(styles)

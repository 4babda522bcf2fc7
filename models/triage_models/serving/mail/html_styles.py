"""What styles hide: classes and ids by the rules of a style sheet, text without size, and white text on white.

Only what a rule or an attribute says by itself is known: a class may do anything else. In doubt a text is seen.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

LONGEST = 100_000
"""Characters of style sheets that are looked through."""

_BRACE = re.compile(r"[{}]")
_SELECTOR = re.compile(r"\w*+([.#][\w-]++)")
_DISPLAY = re.compile(r"(?<![\w-])display\s*+:\s*+([\w-]++)", re.IGNORECASE)

UNSEEN = re.compile(
    r"display\s*+:\s*+none|visibility\s*+:\s*+hidden|mso-hide\s*+:\s*+all|max-height\s*+:\s*+0(?:px)?\s*+(?:;|!|$)|"
    r"opacity\s*+:\s*+0(?:\.0+)?\s*+(?:;|!|$)|(?:left|right|top|text-indent)\s*+:\s*+-(?:9\d\d|\d{4})|"
    r"(?<![\w-])color\s*+:\s*+transparent|clip\s*+:\s*+rect\(\s*+[01](?:px)?\s*+[,)\s]",
    re.IGNORECASE,
)
"""The styles that hide an element with all that is in it."""

_FONT = re.compile(r"(?<![\w-])font(?:-size)?\s*+:([^;]{1,100})", re.IGNORECASE)
_SIZE = re.compile(r"[\d.]++[\w%]*+")
_NO_SIZE = re.compile(r"(?:[01]|[01]?\.\d+)(?:px|pt)|0(?:\.0+)?(?:r?em|%|ex|vw)?", re.IGNORECASE)
_RELATIVE = re.compile(r"[\d.]+(?:em|%)|inherit|smaller|larger", re.IGNORECASE)
_COLOUR = re.compile(r"(?<![\w-])color\s*+:\s*+([^;!]{1,40})", re.IGNORECASE)
_GROUND = re.compile(r"(?<![\w-])background(?:-color)?\s*+:\s*+([^;!]{1,200})", re.IGNORECASE)
_WHITE = re.compile(
    r"white|#f{3}|#f{6}|rgba?\(\s*+255\s*+[,\s]\s*+255\s*+[,\s]\s*+255\s*+(?:[,/]\s*+1(?:\.0+)?\s*+)?\)", re.IGNORECASE
)


class Look(NamedTuple):
    """How a text looks: whether it has no size, is white, and is on a ground that is said to be white."""

    tiny: bool = False
    white: bool = False
    on_white: bool = False

    @property
    def unseen(self) -> bool:
        """Whether nobody sees such a text."""
        return self.tiny or (self.white and self.on_white)


def look_of(above: Look, attributes: Mapping[str, str | None]) -> Look:
    """Return how an element's text looks, by that of what it is in."""
    style = attributes.get("style") or ""
    tiny, white, on_white = Look() if attributes.get("class") or attributes.get("size") else above
    if fonts := _FONT.findall(style):
        figure = _SIZE.search(fonts[-1])
        size = figure[0] if figure else fonts[-1].strip()
        tiny = (above.tiny and _RELATIVE.fullmatch(size) is not None) or _NO_SIZE.fullmatch(size) is not None
    colours = _COLOUR.findall(style)
    colour = colours[-1] if colours else attributes.get("color")
    if colour and colour.strip().lower() != "inherit":
        white = _WHITE.fullmatch(colour.strip()) is not None
    grounds = _GROUND.findall(style) or [attributes.get("background") or attributes.get("bgcolor")]
    if grounds[-1] and grounds[-1].strip().lower() not in ("transparent", "inherit", "none"):
        on_white = _WHITE.fullmatch(grounds[-1].strip()) is not None
    return Look(tiny, white, on_white)


def hidden_names(styles: str) -> frozenset[str]:
    """Return the classes (".x") and ids ("#x") that a style sheet hides on every screen, by a rule of their own."""
    hidden: set[str] = set()
    styles = styles[:LONGEST]
    if _DISPLAY.search(styles) is None:
        return frozenset()
    for selectors, body in _rules(_without_comments(styles)):
        if (found := _DISPLAY.search(body)) is None:
            continue
        names = _names(selectors)
        (hidden.update if found[1].lower() == "none" else hidden.difference_update)(names)
    return frozenset(hidden)


def _without_comments(styles: str) -> str:
    first, *others = styles.replace("<!--", "").replace("-->", "").split("/*")
    return first + "".join(other.partition("*/")[2] for other in others)


def _rules(styles: str) -> Iterator[tuple[str, str]]:
    """Return selectors and what they are given; for another block, such as "@media", all that is in it."""
    depth = 0
    start = 0
    selectors = ""
    for brace in _BRACE.finditer(styles):
        if brace[0] == "{":
            if not depth:
                selectors, start = styles[start : brace.start()].rpartition(";")[2].strip(), brace.end()
            depth += 1
        elif depth:
            depth -= 1
            if not depth:
                yield selectors, styles[start : brace.start()]
                start = brace.end()


def _names(selectors: str) -> Iterable[str]:
    """Return the classes and ids of selectors that have nothing else, but for the name of a tag."""
    return (found[1] for one in selectors.split(",") if (found := _SELECTOR.fullmatch(one.strip())) is not None)

"""Turns HTML into text: what a person sees, one line a block, quotations behind ``>`` and signatures below ``--``.

The parser is selectolax's, of the extra ``[email]``. Without it, HTML is read as it is, tags included.
"""

import html
import re
from typing import Any

from triage_models.serving.mail.html_lines import Lines
from triage_models.serving.mail.html_meaning import LEAF, Meaning, meaning_of
from triage_models.serving.mail.html_source import prepared
from triage_models.serving.mail.html_styles import Look, look_of

try:
    from selectolax.lexbor import LexborHTMLParser

    AVAILABLE = True
    """Whether the parser is installed."""
except ImportError:  # without the extra
    AVAILABLE = False

_BLOCK = r"html|head|body|div|p|br|table|tbody|tr|td|blockquote|ul|ol|li|style|meta|h[1-6]"
_INLINE = r"span|font|strong|em|b|i|u|a|small|center|pre|o:p|sup|sub|tt"
_TAIL = r"(?:\s*+/?>|\s[^<>=]*+=[^<>]*+>)"
_SIGNS = re.compile(rf"<(?:(?:{_BLOCK}){_TAIL}|!doctype\s++html|/(?:{_BLOCK}|{_INLINE})\s*+>)", re.IGNORECASE)
"""A tag that only HTML has: "<br>", "<div class=…>", "</b>". Not "<50 euro", "<3", "<b and c>", "<anna@x.com>"."""

_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z][a-zA-Z0-9]{1,23});")


def plain_text(text: str) -> str:
    """Return a text as it is read: HTML as text, and without HTML the characters that entities stand for."""
    if "<" in text and is_html(text):
        return html_to_text(text)
    if "&" in text and ";" in text:
        return _ENTITY.sub(lambda found: html.unescape(found[0]), text)
    return text


def is_html(text: str) -> bool:
    """Whether a text is HTML, or has some of it, rather than a text with a "<" in it."""
    return _SIGNS.search(text) is not None


def html_to_text(source: str) -> str:
    """Return what a person sees of HTML, which may be nothing; the HTML itself if the parser is not installed."""
    if not AVAILABLE:
        return source
    parsed, hidden = prepared(source)
    tree = LexborHTMLParser(parsed.encode("utf-8", "replace").decode())
    lines = Lines()
    if tree.body is not None:
        _walk(tree.body, lines, hidden)
    return lines.text()


def _walk(root: Any, lines: Lines, hidden: frozenset[str]) -> None:
    """Write all that is below a node; without recursion, since HTML may be nested thousands of times."""
    above: list[tuple[Any, Meaning, Look]] = []
    look = look_of(Look(), root.attributes)
    node = root.first_child
    while node is not None or above:
        if node is None:
            node, meaning, look = above.pop()
            lines.leave(meaning)
            node = node.next
            continue
        if node.is_text_node:
            if not look.unseen:
                lines.write(node.text_content or "")
        elif node.is_element_node:
            attributes = node.attributes
            meaning = meaning_of(node.tag or "", attributes, hidden)
            lines.enter(meaning)
            child = None if meaning.kind in LEAF else node.first_child
            if child is not None:
                above.append((node, meaning, look))
                look = look_of(look, attributes) if attributes else look
                node = child
                continue
            lines.leave(meaning)
        node = node.next

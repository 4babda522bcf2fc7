"""What an element of HTML means for the text: a block, a quotation, a signature, or nothing that is seen."""

import re
from collections.abc import Mapping
from typing import Literal, NamedTuple

from triage_models.serving.mail.html_styles import UNSEEN

Kind = Literal["inline", "block", "paragraph", "break", "rule", "cell", "item", "pre", "hidden", "image", "unknown"]


class Meaning(NamedTuple):
    """What an element means.

    Attributes:
        kind: how its text is laid out.
        quoted: whether it is a quotation, or what introduces one.
        above: a line that is written above it; empty if there is none.
        text: what it says by itself, such as the picture of a face.
    """

    kind: Kind
    quoted: bool = False
    above: str = ""
    text: str = ""


SIGNATURE = "-- "
"""The line above a signature, as RFC 3676 has it."""

QUOTATION = "-----Original Message-----"
"""The line above a quotation that nothing else marks."""

LEAF = frozenset({"break", "rule", "hidden", "image"})
"""The kinds below which nothing is read."""

INLINE = Meaning("inline")
_BLOCK = Meaning("block")
_HIDDEN = Meaning("hidden")

_BY_TAG: dict[str, Meaning] = {
    **dict.fromkeys(("script", "style", "head", "title", "template", "noscript", "svg", "object", "iframe"), _HIDDEN),
    **dict.fromkeys(("select", "textarea", "button", "audio", "video", "canvas", "map", "meta", "link"), _HIDDEN),
    **dict.fromkeys(("b", "i", "u", "strong", "em", "small", "big", "font", "o:p", "sup", "sub", "tt", "code"), INLINE),
    **dict.fromkeys(("abbr", "s", "strike", "del", "ins", "mark", "label", "wbr", "bdi", "bdo", "cite", "q"), INLINE),
    **dict.fromkeys(("tr", "ul", "ol", "dl", "dt", "dd", "tbody", "thead", "tfoot", "main", "center", "form"), _BLOCK),
    **dict.fromkeys(("h1", "h2", "h3", "h4", "h5", "h6"), Meaning("paragraph")),
    "br": Meaning("break"),
    "hr": Meaning("rule"),
    "li": Meaning("item"),
    "pre": Meaning("pre"),
}
_BY_TAG_WITH_STYLE: dict[str, Meaning] = {
    **dict.fromkeys(("div", "table", "section", "article", "header", "footer", "blockquote", "body"), _BLOCK),
    **dict.fromkeys(("span", "a"), INLINE),
    **dict.fromkeys(("td", "th"), Meaning("cell")),
    "p": Meaning("paragraph"),
}

_QUOTED_CLASS = re.compile(r"(?:^|[\s_])(?:gmail_quote|gmail_attr|moz-cite-prefix|protonmail_quote-header)(?=\s|$)")
_QUOTED_STYLE = re.compile(r"border-left(?:-width|-style)?\s*+:\s*+(?!none|0)", re.IGNORECASE)
_OUTLOOK_LINE = re.compile(r"border-top\s*+:\s*+solid #(?:E1E1E1|B5C4DF) 1\.0pt", re.IGNORECASE)
_QUOTATION_NAMES = re.compile(
    r"(?:^|\s|x_|ydp\w{0,40})(?:OLK_SRC_BODY_SECTION|mail-editor-reference-message-container|yahoo_quoted|"
    r"divRplyFwdMsg|protonmail_quote|zmail_extra|tutanota_quote|moz-forward-container|reply-intro)(?=\s|$)"
)
_SIGNATURE_NAMES = re.compile(
    r"(?:^|\s|x_|m_-?\d{1,24})(?:gmail_signature|moz-signature|Signature|ms-outlook-mobile-signature|"
    r"AppleMailSignature|lineBreakAtBeginningOfSignature|protonmail_signature_block|tutanota_signature)(?=\s|$)"
)
_FACE = 4
"""Characters of the longest picture of a face, which is read by its description."""


def meaning_of(tag: str, attributes: Mapping[str, str | None], hidden: frozenset[str] = frozenset()) -> Meaning:
    """Return what an element means.

    Args:
        tag: its name, in lower case.
        attributes: by their names, in lower case.
        hidden: the classes and ids that style sheets hide, as `html_styles.hidden_names` returns them.
    """
    known = _BY_TAG.get(tag)
    if attributes and known is not _HIDDEN and tag != "img" and _is_hidden(attributes, hidden):
        return _HIDDEN
    if known is not None:
        # Apple Mail's, above a signature
        return _named(known, attributes) if known.kind == "break" and "id" in attributes else known
    if tag == "img":
        text = attributes.get("alt") or ""
        return Meaning("image", text=text if len(text) <= _FACE and not text.isascii() else "")
    meaning = _BY_TAG_WITH_STYLE.get(tag)
    if meaning is None:
        return Meaning("unknown", text=f"<{tag}>" if "@" in tag else "")
    return _with_attributes(tag, meaning, attributes) if attributes else meaning


def _is_hidden(attributes: Mapping[str, str | None], hidden: frozenset[str]) -> bool:
    style = attributes.get("style") or ""
    if "hidden" in attributes or UNSEEN.search(style):
        return True
    if not hidden or "display" in style:
        return False
    names = [f".{name}" for name in (attributes.get("class") or "").split()]
    return not hidden.isdisjoint([*names, f"#{attributes.get('id') or ''}"])


def _with_attributes(tag: str, meaning: Meaning, attributes: Mapping[str, str | None]) -> Meaning:
    style = attributes.get("style") or ""
    classes = attributes.get("class") or ""
    if tag == "blockquote" and (attributes.get("type") == "cite" or _QUOTED_STYLE.search(style)):
        return meaning._replace(quoted=True)
    if tag == "div" and _OUTLOOK_LINE.search(style):
        return meaning._replace(above=QUOTATION)
    if tag == "p" and ("Mso" in classes or "margin" in style):
        meaning = _BLOCK
    return _named(meaning, attributes, quotes=tag != "div" or "gmail_attr" in classes or "moz-cite" in classes)


def _named(meaning: Meaning, attributes: Mapping[str, str | None], *, quotes: bool = False) -> Meaning:
    """Return the meaning that mail programs give an element by its id or its class."""
    for name in (attributes.get("class"), attributes.get("id")):
        if name:
            if quotes and _QUOTED_CLASS.search(name):
                return meaning._replace(quoted=True)
            if _QUOTATION_NAMES.search(name):
                return meaning._replace(above=QUOTATION)
            if _SIGNATURE_NAMES.search(name):
                return meaning._replace(above=SIGNATURE)
    return meaning

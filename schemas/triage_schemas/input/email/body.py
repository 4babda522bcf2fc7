"""Finds the text of an e-mail among its parts, and the names of its attachments."""

import re
from collections.abc import Callable
from email.message import Message
from typing import NamedTuple

from triage_schemas.input.email.boundaries import parted
from triage_schemas.input.email.charsets import decoded
from triage_schemas.input.email.headers import words
from triage_schemas.messages.names import one_line

HtmlReader = Callable[[str], str]

DEEPEST = 20
"""Parts in parts that are read."""

MOST_ATTACHMENTS = 50
LONGEST_NAME = 200

PLACEHOLDER = 200
"""Characters of the longest plain text that only says that the message is HTML."""

_META_CHARSET = re.compile(rb"<meta[^>]{0,200}charset\s*=\s*[\"']?\s*([\w.:-]{1,40})", re.IGNORECASE)

_HTML = re.compile(r"\s*+<(?:!doctype\s++html|html|head|body|div|p|table|span|br|meta)[\s/>]", re.IGNORECASE)

_NOTICE = re.compile(rb"\bMIME\b|multi-?part", re.IGNORECASE)
"""What is above the parts for programs that do not know them."""


class Content(NamedTuple):
    """What an e-mail contains: its text, and the names of its attachments."""

    text: str
    attachments: list[str]


class _Part(NamedTuple):
    """A text, and whether it is HTML."""

    text: str
    html: bool


def content_of(mail: Message, html_to_text: HtmlReader | None) -> Content:
    """Read an e-mail's parts. Plain text is preferred; HTML is read if there is nothing else."""
    attachments: list[str] = []
    parts = _parts(mail, attachments, 0)
    texts = [html_to_text(part.text) if part.html and html_to_text else part.text for part in parts]
    text = "\n\n".join(text.strip("\r\n") for text in texts if text.strip())
    return Content(text.replace("\r\n", "\n").replace("\0", ""), attachments[:MOST_ATTACHMENTS])


def _parts(part: Message, attachments: list[str], depth: int) -> list[_Part]:
    if depth > DEEPEST:
        return []
    name = _name(part)
    attached = part.get_content_disposition() == "attachment" or (depth > 0 and bool(name))
    multipart = part.get_content_maintype() == "multipart"
    if multipart and not part.is_multipart() and not attached:
        part = parted(part)
    children = part.get_payload()
    if multipart and isinstance(children, list):
        found = [_parts(child, attachments, depth + 1) for child in children if isinstance(child, Message)]
        if part.get_content_subtype() == "alternative":
            return _preferred(found)
        return [text for texts in found for text in texts] or _preamble(part)
    kind = part.get_content_type()
    if multipart and not attached:  # there are no parts, whatever the header says
        return [_text(part, _HTML.match(str(children)) is not None)]
    if kind not in ("text/plain", "text/html") or attached:
        if depth or name:
            attachments.append(name or kind)
        # A whole message that is no multipart is read even if its type is not known.
        if depth or part.get_content_maintype() != "text":
            return []
    return [_text(part, kind == "text/html")]


def _preamble(part: Message) -> list[_Part]:
    """What is above the parts, which says something only where they do not."""
    above = str(part.preamble or "").encode("utf-8", "surrogateescape")
    return [] if not above.strip() or _NOTICE.search(above) else [_Part(decoded(above, None), False)]


def _preferred(alternatives: list[list[_Part]]) -> list[_Part]:
    """Of the same message in several forms, the plain text, unless it only says that there is another."""
    said = [texts for texts in alternatives if any(text.text.strip() for text in texts)]
    plain = [texts for texts in said if not any(text.html for text in texts)]
    html = [texts for texts in said if any(text.html for text in texts)]
    if plain and html:
        text = " ".join(part.text for part in plain[0])
        if len(text) <= PLACEHOLDER and "html" in text.lower():
            return html[-1]
    return (plain[:1] or html[-1:] or [[]])[0]


def _text(part: Message, html: bool) -> _Part:
    payload = part.get_payload(decode=True)
    value = payload if isinstance(payload, bytes) else b""
    declared = part.get_param("charset")
    if isinstance(declared, tuple):  # RFC 2231
        declared = declared[2]
    if html and declared is None and (found := _META_CHARSET.search(value[:4_096])):
        declared = found[1].decode("ascii", "replace")
    text = decoded(value, str(declared) if declared else None)
    if not html and str(part.get_param("format") or "").lower() == "flowed":
        text = _unfolded(text, str(part.get_param("delsp") or "").lower() == "yes")
    return _Part(text, html)


def _unfolded(text: str, without_blank: bool) -> str:
    """Join the lines that a mail program has folded: they end with a blank (RFC 3676)."""
    lines: list[str] = []
    folded = False
    for line in text.replace("\r\n", "\n").split("\n"):
        if folded and not line.startswith(">") and line != "-- ":
            lines[-1] = (lines[-1][:-1] if without_blank else lines[-1]) + line.removeprefix(" ")
        else:
            lines.append(line.removeprefix(" "))
        folded = line.endswith(" ") and line != "-- " and not line.startswith(">")
    return "\n".join(lines)


def _name(part: Message) -> str:
    name = part.get_filename()
    return one_line(words(name), LONGEST_NAME) if name else ""

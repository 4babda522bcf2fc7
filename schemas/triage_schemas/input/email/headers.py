"""Reads single headers of an e-mail, also malformed ones. Each function returns an empty string for what is missing."""

import re
from datetime import UTC
from email.errors import HeaderParseError
from email.header import decode_header
from email.message import Message
from email.utils import getaddresses, parseaddr, parsedate_to_datetime

from triage_schemas.input.email.charsets import decoded
from triage_schemas.messages.names import NAME_CHARACTERS, one_line

LONGEST = NAME_CHARACTERS
"""Characters that are kept of a header."""

READ = 16_384
"""Characters of a header that are read."""

MOST_ADDRESSES = 20

_ID = re.compile(r"<([^<>\s]{1,1000})>")


def text(mail: Message, name: str) -> str:
    """A header's text on one line, its encoded words decoded."""
    return one_line(words(raw(mail, name)), LONGEST)


def words(value: str) -> str:
    """Decode encoded words, whatever their encoding is declared to be."""
    if "=?" not in value:
        return value
    try:
        parts = decode_header(value)
    except (HeaderParseError, ValueError):
        return value
    return "".join(decoded(part, charset) if isinstance(part, bytes) else part for part, charset in parts)


def raw(mail: Message, name: str) -> str:
    """A header as it was sent, its 8-bit characters decoded."""
    value = mail.get(name)
    if value is None:
        return ""
    written = str(value) if isinstance(value, str) else value.encode()  # Header objects hold undecoded bytes
    return decoded(written[:READ].encode("utf-8", "surrogateescape"), None)


def address(mail: Message, name: str) -> str:
    """The address in a header, in lower case."""
    return one_line(parseaddr(raw(mail, name))[1], LONGEST).lower()


def name(mail: Message) -> str:
    """The sender's name."""
    return one_line(words(parseaddr(raw(mail, "From"))[0]), LONGEST)


def addresses(mail: Message, name: str) -> str:
    """All addresses in a header, in lower case, separated by commas."""
    found = [address for _, address in getaddresses([raw(mail, name)]) if address]
    return one_line(", ".join(found[:MOST_ADDRESSES]), LONGEST).lower()


def first_id(mail: Message, name: str) -> str:
    """The first message id in a header, without its angle brackets."""
    value = raw(mail, name)
    found = _ID.search(value)
    if found:
        return one_line(found[1], LONGEST)
    return one_line(value.split()[0].strip("<>"), LONGEST) if value.strip() else ""


def date(mail: Message) -> str | None:
    """The time at which it was sent, as RFC 3339 has it; None if that cannot be told."""
    try:
        return parsedate_to_datetime(raw(mail, "Date")).astimezone(UTC).isoformat().replace("+00:00", "Z")
    except (ValueError, TypeError, IndexError, OverflowError):
        return None

"""Decodes bytes whose encoding is declared, perhaps wrongly."""

import codecs
import re

_KNOWN = (
    *("utf-8", "utf-16", "utf-32", "iso8859", "iso2022", "cp", "koi8", "gb", "big5", "euc", "shift_jis", "ascii"),
    *("mac", "tis-620", "latin", "johab", "hz", "ptcp154", "kz1048", "hkscs"),
)
"""How the names of encodings of text begin; Python has others, some of which take very long."""

_WIDER = {"iso8859-1": "cp1252", "ascii": "cp1252", "gb2312": "gb18030", "iso8859-9": "cp1254"}
"""What is meant by encodings that are declared where a wider one is used."""

_BEYOND_ASCII = re.compile(rb"[\x80-\xff]+")
_ARABIC = "cp1256"
_ARABIC_LETTERS = "اليومنترب".encode(_ARABIC)
"""The commonest letters of Arabic, two thirds of a text. By other encodings, these bytes are a quarter at most."""

LOOKED_AT = 4_096
"""Bytes by which an encoding is guessed."""


def decoded(value: bytes, declared: str | None) -> str:
    """Decode bytes: as UTF-8 if they are, else as declared, else as Windows-1256 or 1252. Never raises."""
    encoding = _encoding(declared)
    if encoding is None or encoding in _WIDER or encoding == "utf-8":
        try:
            return value.decode("utf-8-sig")
        except UnicodeDecodeError:
            encoding = _ARABIC if _is_arabic(value[:LOOKED_AT]) else _WIDER.get(encoding or "", "cp1252")
    try:
        return value.decode(encoding)
    except (UnicodeError, LookupError):
        pass
    try:
        return value.decode("utf-8-sig")
    except UnicodeDecodeError:
        return value.decode("cp1252", "replace")


def _encoding(declared: str | None) -> str | None:
    """The name that Python has for a declared encoding of text; None if it is none."""
    try:
        name = codecs.lookup((declared or "").strip(" \"'")).name
    except (LookupError, ValueError):
        return None
    return name if name.startswith(_KNOWN) else None


def _is_arabic(value: bytes) -> bool:
    """Whether bytes are Arabic by Windows-1256: whole words beyond ASCII, mostly of the commonest letters."""
    words = _BEYOND_ASCII.findall(value)
    letters = b"".join(words)
    joined = sum(len(word) for word in words if len(word) > 1)
    common = len(letters) - len(letters.translate(None, _ARABIC_LETTERS))
    return len(letters) >= 4 and joined >= 0.8 * len(letters) and common >= 0.45 * len(letters)

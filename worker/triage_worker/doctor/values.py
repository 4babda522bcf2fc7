"""Says what a single string of a document looks like: customers' words, an id, an address, a time."""

import re
from datetime import datetime

URL = re.compile(r"[a-z][a-z0-9+.-]{1,15}://\S+|www\.\S+", re.IGNORECASE)
MAIL_ADDRESS = re.compile(r"[^@\s]+@[^@\s]+\.\w+")
TAG = re.compile(r"<[a-z!/][^<>]*>", re.IGNORECASE)
TAGS_OF_HTML = re.compile(
    r"<(/?(p|div|br|span|b|i|a|ul|ol|li|table|tr|td|html|body|strong|em|font|h[1-6])\b[^<>]*)>", re.I
)
ENTITY = re.compile(r"&(#\d+|\w+);")
TIME_START = re.compile(r"\d{4}-\d{2}-\d{2}")
WORD = re.compile(r"[^\W\d_]+(?:['’.-][^\W\d_]+)*[.,;:!?…)\"”»]*")
WITHOUT_BLANKS = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]")
"""Letters of scripts that write no blanks between words: Thai, Lao, Burmese, Khmer, Japanese, Chinese."""

LEAST_WORDS = 0.5
"""The share of what stands between blanks that has to be words."""

EPOCH_MS = range(1_000_000_000_000, 9_999_999_999_999)
EPOCH_S = range(1_000_000_000, 9_999_999_999)


def is_html(text: str) -> bool:
    """Whether a text has tags that only HTML has."""
    return TAGS_OF_HTML.search(text) is not None


def without_tags(text: str) -> str:
    """A text without tags and entities, to count its words."""
    return ENTITY.sub(" ", TAG.sub(" ", text)) if "<" in text or "&" in text else text


def word_count(text: str) -> int:
    """How many words a text has; two characters count as one in scripts without blanks."""
    plain = without_tags(text)
    unspaced = len(WITHOUT_BLANKS.findall(plain))
    if unspaced:
        return unspaced // 2 + len(WORD.findall(WITHOUT_BLANKS.sub(" ", plain)))
    return sum(WORD.fullmatch(part) is not None for part in plain.split())


def is_natural(text: str) -> bool:
    """Whether a person could have written a text as a message: two words or more, and little else."""
    plain = without_tags(text).strip()
    if URL.fullmatch(plain) or MAIL_ADDRESS.fullmatch(plain) or is_time(plain) or plain[:1] in "{[":
        return False
    words = word_count(plain)
    if WITHOUT_BLANKS.search(plain):
        return words >= 2
    return words >= 2 and words >= LEAST_WORDS * len(plain.split())


def is_time(value: object) -> bool:
    """Whether a value is a point in time: ISO 8601, or seconds or milliseconds since 1970."""
    if isinstance(value, bool):
        return False
    if isinstance(value, int | float):
        return int(value) in EPOCH_MS or int(value) in EPOCH_S
    if not isinstance(value, str) or not TIME_START.match(value):
        return False
    try:
        datetime.fromisoformat(value[:32])
    except ValueError:
        return False
    return True


def is_id(value: object) -> bool:
    """Whether a value can be an id: a number, or a short string without blanks."""
    if isinstance(value, bool) or value is None:
        return False
    if isinstance(value, int):
        return True
    return isinstance(value, str) and 0 < len(value) <= 200 and not re.search(r"\s", value) and not is_time(value)

"""The subject of an e-mail: the first line of its text, as "Subject: …", above a blank line."""

import re
import unicodedata

from triage_models.serving.mail.marks import INVISIBLE, plain

LONGEST = 1_000
"""Characters of the longest line that is a subject."""

_NAME = "Subject: "
_REPLIES = (
    r"re|aw|antw|antwort|antwoord|sv|vs|res|resp|rta|rif|r|ref|réf|rép|odp|ynt|yan[iı]t|cvp|bls|balas|balasan|"
    r"رد|الرد|पुन|पुनः|उत्तर|जवाब|प्रत्युत्तर"
)
_FORWARDS = (
    r"fwd?|wg|tr|rv|reenv|enc|i|inoltra|doorst|doorgestuurd|pd|[iİ]lt|trs|terusan|"
    r"إعادة توجيه|اعادة توجيه|إعادة التوجيه|تحويل|अग्रे|अग्रेषित|फ़ॉरवर्ड|फॉरवर्ड"
)
_GAP = rf"[\s{INVISIBLE}]*+"
_TAG = rf"(?:\[[^\]]{{1,60}}\]{_GAP})?"
_COUNT = r"(?:\[\d{1,3}\]|\(\d{1,3}\)|\^\d{1,3})?"
_REPLY = re.compile(
    unicodedata.normalize("NFC", rf"{_GAP}(?:{_TAG}(?:{_REPLIES}|{_FORWARDS}){_COUNT}{_GAP}[:：]{_GAP})+"),
    re.IGNORECASE,
)
"""What mail programs put before the subject of the message that is answered or passed on."""


def parted(text: str) -> tuple[str, str]:
    """Return a message's subject, empty if it has none, and the text below it."""
    if not text.startswith(_NAME):
        return "", text
    end = text.find("\n\n", 0, LONGEST)
    if end < 0 or "\n" in text[:end]:
        return "", text
    return text[len(_NAME) : end].strip(), text[end + 2 :]


def with_subject(subject: str, text: str) -> str:
    """Put a subject above a text, where it says something that the text does not.

    The subject of an answer is somebody else's: it is read only if there is nothing else.
    """
    if not subject:
        return text
    subject = unicodedata.normalize("NFC", subject)
    own = _REPLY.sub("", subject, count=1) if _REPLY.match(subject) else subject
    if not any(map(str.isalnum, text)):
        return own
    if own is not subject or plain(own).rstrip(".!?… ") in plain(text[: 2 * len(own) + 20]):
        return text
    return f"{own}\n{text}"

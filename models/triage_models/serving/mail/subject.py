"""The subject of an e-mail: the first line of its text, as "Subject: …", above a blank line."""

import re

from triage_models.serving.mail.marks import plain

LONGEST = 1_000
"""Characters of the longest line that is a subject."""

_NAME = "Subject: "
_REPLY = re.compile(
    r"\s*(?:\[[^\]]{1,60}\]\s*)?(?:(?:re|aw|antw|antwort|sv|res|rif|r|ref|odp|vs|fwd?|wg|tr|rv|enc|i|doorst)"
    r"(?:\[\d{1,3}\])?\s*[:：]\s*)+",
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
    own = _REPLY.sub("", subject, count=1) if _REPLY.match(subject) else subject
    if not any(map(str.isalnum, text)):
        return own
    if own is not subject or plain(own).rstrip(".!?… ") in plain(text[: 2 * len(own) + 20]):
        return text
    return f"{own}\n{text}"

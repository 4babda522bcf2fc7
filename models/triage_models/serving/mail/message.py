"""Reads one message: what of it is classified, and whether a person wrote it."""

from collections.abc import Callable
from typing import NamedTuple

from triage_models.serving.mail.automatic import is_automatic
from triage_models.serving.mail.html import plain_text
from triage_models.serving.mail.quotations import new_text
from triage_models.serving.mail.signatures import without_signature
from triage_models.serving.mail.subject import parted, with_subject


class Message(NamedTuple):
    """What a message says.

    Attributes:
        text: what is classified, and whose language is found: what its sender wrote, without quotations and what stands
            below it.
        automatic: whether it is an automatic reply or a report on a delivery of mail, so it has no intent.
    """

    text: str
    automatic: bool


def read_message(text: str) -> Message:
    """Read a message. A chat message of one line is returned as it is, at the cost of a few comparisons."""
    subject, body = parted(text)
    new = new_text(plain_text(body))
    automatic = is_automatic(f"Subject: {subject}\n\n{new}" if subject else new)
    return Message(with_subject(subject, without_signature(new)), automatic)


Reader = Callable[[str], Message]


def reader(*, clean_email: bool) -> Reader:
    """Return how texts are read by the setting: of an e-mail only what its sender wrote, or each text as it is."""
    return read_message if clean_email else as_written


def as_written(text: str) -> Message:
    """Return a message as it is: all of its text is classified, and says its language."""
    return Message(text, False)

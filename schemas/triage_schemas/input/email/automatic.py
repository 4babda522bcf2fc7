"""Recognises by their headers e-mails that no customer wrote."""

from email.message import Message
from typing import Literal

from triage_schemas.input.email.headers import address, raw

Kind = Literal["bounce", "auto_reply", "newsletter", "auto_generated"]
"""A report on the delivery of mail; a notice of absence or a receipt; a mailing to many; another program's message."""

_DAEMONS = ("mailer-daemon@", "postmaster@", "mail-daemon@")
_REPLY_HEADERS = ("X-Autoreply", "X-Autorespond", "X-AutoReply-From", "X-Mail-Autoreply")


def kind_of(mail: Message) -> Kind | None:
    """Return what kind of automatic message it is; None if a person may have written it."""
    if _is_bounce(mail):
        return "bounce"
    submitted = raw(mail, "Auto-Submitted").partition(";")[0].strip().lower()
    precedence = raw(mail, "Precedence").strip().lower()
    if submitted in ("auto-replied", "auto-notified") or precedence in ("auto_reply", "auto-reply"):
        return "auto_reply"
    if any(mail.get(name) is not None for name in _REPLY_HEADERS):
        return "auto_reply"
    if _is_newsletter(mail, precedence):
        return "newsletter"
    suppressed = raw(mail, "X-Auto-Response-Suppress").replace(" ", "").lower().split(",")
    if not {"all", "oof", "autoreply"}.isdisjoint(suppressed):
        return "auto_reply" if mail.get("In-Reply-To") is not None else "auto_generated"
    return "auto_generated" if submitted and submitted != "no" else None


def _is_bounce(mail: Message) -> bool:
    if mail.get("X-Failed-Recipients") is not None:
        return True
    if mail.get_content_type() == "multipart/report":
        report = str(mail.get_param("report-type") or "").lower()
        return report in ("delivery-status", "disposition-notification", "")
    return address(mail, "From").startswith(_DAEMONS)


def _is_newsletter(mail: Message, precedence: str) -> bool:
    if mail.get("X-Google-Group-Id") is not None:
        return False  # a shop's own address may be a group: what customers write to it comes through a list
    return precedence in ("bulk", "junk", "list") or any(
        mail.get(name) is not None for name in ("List-Id", "List-Unsubscribe", "Feedback-ID")
    )

"""The format "email": the value is a whole e-mail as it came, headers and all parts (RFC 822 and its successors)."""

import re
from email.message import Message
from email.parser import BytesParser
from email.policy import compat32

from triage_schemas.input.email import automatic, body, headers
from triage_schemas.input.fields import default_message_id, text_problem, with_subject
from triage_schemas.messages.message import CustomerMessage, InputFormat, InputShape, Rejected, Scalar, Source

NOT_EMAIL = "not_email"

MOST_MULTIPARTS = 50
"""Parts of parts. Parsing takes time by their number for every line."""

_MULTIPART = re.compile(rb"^content-type:\s*multipart/", re.IGNORECASE | re.MULTILINE)
_HEADER = re.compile(rb"(?:From [^\r\n]*\r?\n)?[A-Za-z][\w.-]{0,100}[ \t]*:")


def decode_email(value: bytes, source: Source, shape: InputShape) -> CustomerMessage | Rejected:
    """Read an e-mail as far as it can be read. Its text begins with its subject."""
    value = value.lstrip(b"\r\n")
    if not _HEADER.match(value):
        return Rejected(NOT_EMAIL, "the value does not begin with a header of an e-mail")
    if len(_MULTIPART.findall(value)) > MOST_MULTIPARTS:
        return Rejected("too_deep", f"the e-mail has more than {MOST_MULTIPARTS} parts that contain others")
    try:
        return _read(BytesParser(policy=compat32).parsebytes(value), source, shape)
    except RecursionError:
        return Rejected("too_deep", "the e-mail is nested too deeply")
    except Exception as error:  # the standard library raises all kinds of errors on malformed e-mails
        return Rejected(NOT_EMAIL, f"the e-mail cannot be parsed: {type(error).__name__}")


def _read(mail: Message, source: Source, shape: InputShape) -> CustomerMessage | Rejected:
    content = body.content_of(mail, shape.html_to_text)
    subject = headers.text(mail, "Subject")
    problem = text_problem(content.text, shape)
    if problem is not None and not (subject and problem.code == "text_blank"):
        return problem
    kind = automatic.kind_of(mail)
    metadata: dict[str, Scalar] = {
        "subject": subject,
        "from_name": headers.name(mail),
        "to": headers.addresses(mail, "To"),
        "reply_to": headers.address(mail, "Reply-To"),
        "attachments": ", ".join(content.attachments)[: headers.LONGEST],
        "automatic": kind or "",
    }
    sender = headers.address(mail, "From") or headers.address(mail, "Sender")
    identity = headers.first_id(mail, "Message-ID")
    return CustomerMessage(
        text=with_subject(subject, content.text),
        message_id=identity or default_message_id(source),
        conversation_id=headers.first_id(mail, "References")
        or headers.first_id(mail, "In-Reply-To")
        or identity
        or None,
        customer_id=sender or None,
        channel="email",
        created_at=headers.date(mail),
        metadata={name: entry for name, entry in metadata.items() if entry},
        automatic=kind is not None,
    )


FORMAT = InputFormat(
    name="email",
    description="a whole e-mail with its headers",
    decode=decode_email,
    codes=(NOT_EMAIL, "too_deep"),
    has_fields=False,
)

"""Parts of an e-mail whose header says that there are parts, without the boundary that stands between them."""

import re
from email.message import Message
from email.parser import BytesParser
from email.policy import compat32

_BOUNDARY = re.compile(r"^--([^\r\n\"\\]{1,200})\r?\nContent-[A-Za-z-]{1,40}[ \t]*:", re.MULTILINE | re.IGNORECASE)
_TOKEN = re.compile(r"[a-z0-9.+-]{1,40}")


def parted(part: Message) -> Message:
    """Parse a part anew by the boundary that its body has; return it as it is if it has none.

    What is not parted has its body as a string: mail programs that leave the boundary out may also write no parts.
    """
    body = part.get_payload()
    found = _BOUNDARY.search(body) if isinstance(body, str) else None
    if found is None:
        return part
    kind = part.get_content_subtype()
    subtype = kind if _TOKEN.fullmatch(kind) else "mixed"
    head = f'Content-Type: multipart/{subtype}; boundary="{found[1].rstrip()}"\n\n'
    return BytesParser(policy=compat32).parsebytes(f"{head}{body}".encode("utf-8", "surrogateescape"))

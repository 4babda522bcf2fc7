"""A mailbox over IMAP, for one thread. What has been read stays where it is, and gets a keyword of our own.

IMAPClient is used since imaplib returns answers as they came, and leaves it to its user to parse them. aioimaplib is
under the GPL.
"""

import ssl
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from imapclient import IMAPClient, SocketTimeout
from imapclient.exceptions import IMAPClientError, LoginError

from triage_worker.config.intake_sources import MailboxModel

MAILBOX_ERRORS = (IMAPClientError, OSError)
"""What reading a mailbox raises: also errors of TLS and time-outs."""

KEYWORD = b"$TriageIntake"
TIMEOUT = SocketTimeout(connect=10.0, read=30.0)
DAY = timedelta(days=1)


class ImapMailbox:
    """A connection to a mailbox.

    Args:
        model: of the mailbox.
        passwords: returns those that may be right, the likeliest first.
        window_s: how long a message counts as read where the server takes no keyword.
        now: the time, in UTC.

    Attributes:
        keeps_marks: whether the server takes our keyword.
    """

    def __init__(
        self,
        model: MailboxModel,
        passwords: Callable[[], Sequence[bytes]],
        window_s: float,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._model = model
        self._passwords = passwords
        self._window = timedelta(seconds=window_s)
        self._now = now
        self._client: Any = None
        self._read: set[int] = set()
        self._validity = 0
        self.keeps_marks = False

    def connect(self) -> None:
        """Connect, log in and open the folder.

        Raises:
            IMAPClientError, OSError: that is not possible.
        """
        self.close()
        host, port = self._model.address
        context = ssl.create_default_context() if self._model.tls != "none" else None
        client = IMAPClient(host, port, ssl=self._model.tls == "tls", ssl_context=context, timeout=TIMEOUT)
        self._client = client
        client.normalise_times = False
        if self._model.tls == "starttls":
            client.starttls(context)
        self._log_in(client)
        opened = client.select_folder(self._model.folder)
        self.keeps_marks = b"\\*" in opened.get(b"PERMANENTFLAGS", ()) or KEYWORD in opened.get(b"PERMANENTFLAGS", ())
        validity = int(opened.get(b"UIDVALIDITY", 0))
        if validity != self._validity:
            self._validity = validity
            self._read.clear()

    def new(self) -> list[int]:
        """Return the UIDs of messages that were not read yet, the oldest first."""
        age = timedelta(days=self._model.max_age_days) if self.keeps_marks else self._window
        since = self._now() - age
        unread = ["UNKEYWORD", KEYWORD] if self.keeps_marks else []
        # SINCE knows days only, and not in which time zone.
        found = [uid for uid in self._client.search([*unread, "SINCE", (since - DAY).date()]) if uid not in self._read]
        received = self._client.fetch(found, ["INTERNALDATE"]) if found else {}
        return sorted(uid for uid in found if uid in received and _time(received[uid][b"INTERNALDATE"]) >= since)

    def fetch(self, uid: int, most_bytes: int) -> bytes | None:
        """Return a message, without its end if it is larger than a limit; None if it has gone."""
        part = f"BODY.PEEK[]<0.{most_bytes}>"
        answer = self._client.fetch([uid], [part]).get(uid, {})
        found = next((value for name, value in answer.items() if name.startswith(b"BODY[]")), None)
        return found if isinstance(found, bytes) else None

    def mark(self, uids: Sequence[int]) -> None:
        """Mark messages as read by us; nobody else sees a difference."""
        self._read.update(uids)
        if self.keeps_marks and uids:
            self._client.add_flags(list(uids), [KEYWORD], silent=True)

    def key(self, uid: int) -> str:
        """Return what names a message for as long as the mailbox exists."""
        return f"{self._model.folder}-{self._validity}-{uid}"

    def close(self) -> None:
        """Close the connection, without waiting for the server."""
        if self._client is not None:
            with suppress(*MAILBOX_ERRORS):
                self._client.shutdown()
            self._client = None

    def _log_in(self, client: Any) -> None:
        passwords = self._passwords()
        for number, password in enumerate(passwords, 1):
            try:
                client.login(self._model.user, password.decode())
            except LoginError:
                if number == len(passwords):
                    raise
            else:
                return


def _time(received: datetime) -> datetime:
    return received if received.tzinfo else received.replace(tzinfo=UTC)

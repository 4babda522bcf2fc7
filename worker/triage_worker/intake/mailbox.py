"""Reads a mailbox for as long as the service runs: looks for new messages, writes them, marks them."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from typing import Protocol, TypeVar

from triage_worker.config.errors import ConfigError
from triage_worker.config.intake_sources import IntakeSourceModel
from triage_worker.config.settings import Settings
from triage_worker.intake.metrics import IntakeMetrics
from triage_worker.intake.records import email_record
from triage_worker.intake.source_secrets import SourceSecrets
from triage_worker.intake.writer import NotWrittenError, RecordWriter, TooLargeError
from triage_worker.resilience.backoff import RetryPolicy

log = logging.getLogger(__name__)

RETRY = RetryPolicy(first_s=1.0, longest_s=60.0)
TOGETHER = 16
"""Messages that are read before they are written and marked."""

LEAST_BYTES = 16_384
"""A message that is still too large for Kafka with so few bytes is left out."""

T = TypeVar("T")


class MailFolder(Protocol):
    """A folder of mail, for one thread."""

    keeps_marks: bool

    def connect(self) -> None:
        """Connect, log in and open the folder."""

    def new(self) -> list[int]:
        """Return the UIDs of messages that were not read yet, the oldest first."""
        ...

    def fetch(self, uid: int, most_bytes: int) -> bytes | None:
        """Return a message, without its end if it is larger than a limit; None if it has gone."""

    def mark(self, uids: Sequence[int]) -> None:
        """Mark messages as read by us."""

    def key(self, uid: int) -> str:
        """Return what names a message."""
        ...

    def close(self) -> None:
        """Close the connection."""


class Mailbox:
    """Brings the messages of a mailbox to Kafka.

    Args:
        source: whose mailbox it is.
        folder: that is read.
        errors: what its methods raise.
        writer: writes records.
        metrics: where messages are counted.
        most_bytes: of an e-mail.
    """

    def __init__(
        self,
        source: IntakeSourceModel,
        folder: MailFolder,
        errors: tuple[type[Exception], ...],
        writer: RecordWriter,
        metrics: IntakeMetrics,
        most_bytes: int,
    ) -> None:
        assert source.mailbox is not None
        self._source = source
        self._poll_s = source.mailbox.poll_s
        self._folder = folder
        self._errors: tuple[type[Exception], ...] = (*errors, NotWrittenError)
        self._writer = writer
        self._metrics = metrics
        self._most_bytes = most_bytes
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"mailbox-{source.name}")

    async def run(self) -> None:
        """Read until cancelled; after an error, with a new connection."""
        failures = 0
        try:
            while True:
                try:
                    await self._in_thread(self._folder.connect)
                    log.info(
                        "Reading a mailbox", extra={"source": self._source.name, "marks": self._folder.keeps_marks}
                    )
                    self._metrics.mailbox(self._source.name, up=True)
                    while True:
                        await self._read_new()
                        failures = 0
                        await asyncio.sleep(self._poll_s)
                except self._errors as error:
                    failures += 1
                    mine = isinstance(error, NotWrittenError)
                    self._metrics.mailbox(self._source.name, up=mine)
                    extra = {"source": self._source.name, "error": _describe(error), "failures": failures}
                    log.warning("A mailbox is not read at present", extra=extra)
                    await asyncio.sleep(RETRY.delay_s(failures))
        finally:
            self._thread.submit(self._folder.close)
            self._thread.shutdown(wait=False)

    async def _read_new(self) -> None:
        uids = await self._in_thread(self._folder.new)
        for start in range(0, len(uids), TOGETHER):
            batch = uids[start : start + TOGETHER]
            found = [(uid, await self._in_thread(partial(self._folder.fetch, uid, self._most_bytes))) for uid in batch]
            written = await asyncio.gather(*(self._write(uid, email) for uid, email in found))
            await self._in_thread(partial(self._folder.mark, batch))
            self._metrics.received(self._source.name, sum(written), 0)

    async def _write(self, uid: int, email: bytes | None) -> bool:
        """Write an e-mail; one that is too large for Kafka without its end, which is where attachments are."""
        while email:
            try:
                await self._writer.write([email_record(self._source, self._folder.key(uid), email)])
            except TooLargeError:
                if len(email) <= LEAST_BYTES:
                    log.error("An e-mail is left out: Kafka does not take it", extra={"source": self._source.name})  # noqa: TRY400
                    return False
                email = email[: len(email) // 4]
            else:
                return True
        return False

    async def _in_thread(self, step: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, step)


def make_mailbox(
    source: IntakeSourceModel, settings: Settings, writer: RecordWriter, metrics: IntakeMetrics
) -> Mailbox:
    """Make the reader of a source's mailbox.

    Raises:
        ConfigError: a secret is missing, or the package that reads mailboxes.
    """
    try:
        from triage_worker.intake.imap_mailbox import MAILBOX_ERRORS, ImapMailbox  # noqa: PLC0415 (an extra)
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"The intake's source {source.name} needs the package {error.name}: install Triage with its [imap] extra, "
            "in a clone by `pip install '.[imap]'`."
        ) from None
    assert source.mailbox is not None
    folder = ImapMailbox(
        source.mailbox, SourceSecrets(source).current, settings.intake_window_s, lambda: datetime.now(UTC)
    )
    return Mailbox(source, folder, MAILBOX_ERRORS, writer, metrics, settings.max_message_bytes)


def _describe(error: Exception) -> str:
    """Describe an error of a mail server, which may answer bytes."""
    said = error.args[0] if error.args else ""
    return f"{type(error).__name__}: {said.decode('utf-8', 'replace') if isinstance(said, bytes) else said}"

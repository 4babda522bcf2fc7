"""Mailboxes: each mail comes once, stays where it is, and is marked; the connection may break at any time."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from triage_schemas.input.email_format import decode_email
from triage_schemas.messages.message import CustomerMessage, InputShape, Source
from triage_worker.config.intake_sources import IntakeSourceModel
from triage_worker.intake import mailbox as module
from triage_worker.intake.imap_mailbox import MAILBOX_ERRORS, ImapMailbox
from triage_worker.intake.mailbox import Mailbox
from triage_worker.intake.metrics import IntakeMetrics
from triage_worker.intake.records import IntakeRecord
from triage_worker.intake.writer import NotWrittenError, TooLargeError
from triage_worker.observability.metrics import Metrics
from triage_worker.resilience.backoff import RetryPolicy
from triage_worker.resilience.tasks import wait_until

from tests.worker.intake.dovecot import Dovecot
from tests.worker.intake.imap_server import KEYWORD, PASSWORD, USER, ImapServer

MOST_BYTES = 50_000


def mail(number: int, size: int = 0) -> bytes:
    head = f"From: ana@example.com\r\nMessage-ID: <m-{number}@example.com>\r\nSubject: Order {number}\r\n\r\n"
    return f"{head}where is my parcel?\r\n{'x' * size}".encode()


class FakeWriter:
    """Keeps records; fails as often as it is told."""

    def __init__(self) -> None:
        self.records: list[IntakeRecord] = []
        self.fails = 0
        self.most_bytes = 10**9

    async def write(self, records: Sequence[IntakeRecord]) -> None:
        if self.fails:
            self.fails -= 1
            raise NotWrittenError("away")
        if any(len(record.value) > self.most_bytes for record in records):
            raise TooLargeError
        self.records += records

    @property
    def keys(self) -> list[str]:
        return [dict(record.headers)["intake-key"].decode() for record in self.records]


def source(port: int, **more: Any) -> IntakeSourceModel:
    given = {"host": "127.0.0.1", "port": port, "tls": "none", "user": USER, "poll_s": 0.02} | more
    return IntakeSourceModel.model_validate(
        {"name": "help", "kind": "imap", "secrets": [{"env": "A"}], "topic": "mail", "mailbox": given}
    )


@asynccontextmanager
async def reading(port: int, writer: FakeWriter, *, window_s: float = 86_400, **more: Any) -> AsyncIterator[Mailbox]:
    model = source(port, **more)
    assert model.mailbox is not None
    folder = ImapMailbox(model.mailbox, lambda: [b"before", PASSWORD.encode()], window_s)
    metrics = IntakeMetrics(Metrics().registry)
    box = Mailbox(model, folder, MAILBOX_ERRORS, writer, metrics, MOST_BYTES)  # type: ignore[arg-type]
    running = asyncio.create_task(box.run())
    try:
        yield box
    finally:
        running.cancel()
        await asyncio.wait([running])


@pytest.fixture
async def server(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[ImapServer]:
    monkeypatch.setattr(module, "RETRY", RetryPolicy(0.02, 0.05))
    async with ImapServer().running() as started:
        yield started


async def until(writer: FakeWriter, count: int) -> None:
    async with asyncio.timeout(20):
        await wait_until(lambda: len(writer.records) >= count)
    await asyncio.sleep(0.1)
    assert len(writer.records) == count


async def test_mails_come_as_they_are_and_are_marked(server: ImapServer) -> None:
    for number in range(3):
        server.add(mail(number))
    writer = FakeWriter()
    async with reading(server.port, writer):
        await until(writer, 3)
        server.add(mail(3))
        await until(writer, 4)
    assert [record.value for record in writer.records] == [mail(number) for number in range(4)]
    assert writer.keys == [f"INBOX-7-{uid}" for uid in (1, 2, 3, 4)]
    assert all(one.flags == {KEYWORD} for one in server.mails.values())
    assert not [command for command in server.commands if "BODY[" in command], "only PEEK leaves mails unread"


async def test_the_format_email_reads_them(server: ImapServer) -> None:
    server.add(mail(4711))
    writer = FakeWriter()
    async with reading(server.port, writer):
        await until(writer, 1)
    message = decode_email(writer.records[0].value, Source("mail", 0, 0), InputShape(format="email"))
    assert isinstance(message, CustomerMessage)
    assert (message.message_id, message.customer_id) == ("m-4711@example.com", "ana@example.com")


async def test_a_mail_that_kafka_did_not_take_is_read_again(server: ImapServer) -> None:
    server.add(mail(1))
    writer = FakeWriter()
    writer.fails = 2
    async with reading(server.port, writer):
        await until(writer, 1)
    assert server.mails[1].flags == {KEYWORD}


async def test_after_a_broken_connection_it_connects_again(server: ImapServer) -> None:
    server.add(mail(1))
    writer = FakeWriter()
    async with reading(server.port, writer):
        await until(writer, 1)
        server.disconnect()
        server.add(mail(2))
        await until(writer, 2)


async def test_marked_and_old_mails_are_left_alone(server: ImapServer) -> None:
    server.add(mail(1), datetime.now(UTC) - timedelta(days=8))
    server.mails[server.add(mail(2))].flags.add(KEYWORD)
    server.add(mail(3), datetime.now(UTC) - timedelta(days=6))
    writer = FakeWriter()
    async with reading(server.port, writer):
        await until(writer, 1)
    assert writer.keys == ["INBOX-7-3"]


async def test_a_server_without_keywords_is_read_by_time(server: ImapServer) -> None:
    server.takes_keywords = False
    server.add(mail(1), datetime.now(UTC) - timedelta(hours=2))
    server.add(mail(2), datetime.now(UTC) - timedelta(minutes=5))
    writer = FakeWriter()
    async with reading(server.port, writer, window_s=3_600):
        await until(writer, 1)
        server.add(mail(3))
        await until(writer, 2)
        server.disconnect()
        server.add(mail(4))
        await until(writer, 3)
    assert writer.keys == ["INBOX-7-2", "INBOX-7-3", "INBOX-7-4"]
    assert not any(one.flags for one in server.mails.values())


async def test_a_mailbox_that_was_made_anew_has_other_keys(server: ImapServer) -> None:
    server.takes_keywords = False
    server.add(mail(1))
    writer = FakeWriter()
    async with reading(server.port, writer):
        await until(writer, 1)
        server.validity = 8
        server.disconnect()
        await until(writer, 2)
    assert writer.keys == ["INBOX-7-1", "INBOX-8-1"]


async def test_large_mails_lose_their_end(server: ImapServer) -> None:
    server.add(mail(1, size=100_000))
    writer = FakeWriter()
    writer.most_bytes = 20_000
    async with reading(server.port, writer):
        await until(writer, 1)
    assert writer.records[0].value == mail(1, size=100_000)[: MOST_BYTES // 4]


async def test_a_wrong_password_is_tried_later(server: ImapServer, caplog: pytest.LogCaptureFixture) -> None:
    model = source(server.port)
    assert model.mailbox is not None
    passwords = [b"wrong"]
    folder = ImapMailbox(model.mailbox, lambda: passwords, 60)
    writer = FakeWriter()
    box = Mailbox(model, folder, MAILBOX_ERRORS, writer, IntakeMetrics(Metrics().registry), MOST_BYTES)  # type: ignore[arg-type]
    running = asyncio.create_task(box.run())
    server.add(mail(1))
    await wait_until(lambda: "A mailbox is not read at present" in caplog.text)
    assert "wrong" not in caplog.text.replace("wrong password", "")
    passwords[0] = PASSWORD.encode()
    await until(writer, 1)
    running.cancel()
    await asyncio.wait([running])


@pytest.mark.skipif(shutil.which("dovecot") is None, reason="needs Dovecot (Debian: apt-get install dovecot-imapd)")
async def test_with_dovecot(tmp_path_factory: pytest.TempPathFactory) -> None:
    """The same against a real server: mails stay unread, carry our keyword, and come once, also after a new start."""
    with Dovecot(tmp_path_factory.mktemp("dovecot")) as dovecot:
        for number in range(40):
            dovecot.deliver(mail(number))
        dovecot.deliver(mail(40, size=200_000))
        writer = FakeWriter()
        async with reading(dovecot.port, writer):
            await until(writer, 41)
            dovecot.restart()
            dovecot.deliver(mail(41))
            await until(writer, 42)
        again = FakeWriter()
        async with reading(dovecot.port, again):
            dovecot.deliver(mail(42))
            await until(again, 1)
        assert len(set(writer.keys + again.keys)) == 43
        assert max(len(record.value) for record in writer.records) == MOST_BYTES
        flags = dovecot.flags()
        assert len(flags) == 43
        assert all(KEYWORD.encode() in one and b"\\Seen" not in one for one in flags.values())

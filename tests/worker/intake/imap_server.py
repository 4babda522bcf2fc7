"""A mail server that speaks as much IMAP as the intake needs: one folder, in memory, one connection at a time."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

USER = "help@shop.example"
PASSWORD = "right"
KEYWORD = "$TriageIntake"


@dataclass
class Mail:
    content: bytes
    received: datetime
    flags: set[str] = field(default_factory=set)


class ImapServer:
    """A folder that is served.

    Attributes:
        mails: by UID.
        takes_keywords: whether clients may make flags of their own.
        validity: of the UIDs.
        commands: what was asked for, without tags.
    """

    def __init__(self) -> None:
        self.mails: dict[int, Mail] = {}
        self.takes_keywords = True
        self.validity = 7
        self.commands: list[str] = []
        self.port = 0
        self._connections: set[asyncio.StreamWriter] = set()

    def add(self, content: bytes, received: datetime | None = None) -> int:
        """Receive a mail; returns its UID."""
        uid = max(self.mails, default=0) + 1
        self.mails[uid] = Mail(content, received or datetime.now(UTC))
        return uid

    def disconnect(self) -> None:
        """Cut all connections."""
        for writer in self._connections:
            writer.close()

    @asynccontextmanager
    async def running(self) -> AsyncIterator["ImapServer"]:
        """Serve while the context is open."""
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            self.disconnect()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections.add(writer)
        writer.write(b"* OK ready\r\n")
        try:
            while line := await reader.readline():
                tag, _, command = line.decode().strip().partition(" ")
                self.commands.append(command)
                writer.write(self._answer(tag, command))
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            self._connections.discard(writer)
            writer.close()

    def _answer(self, tag: str, command: str) -> bytes:
        name, _, rest = command.partition(" ")
        done = f"{tag} OK done\r\n".encode()
        match name.upper():
            case "CAPABILITY":
                return b"* CAPABILITY IMAP4rev1\r\n" + done
            case "LOGIN":
                right = f'"{PASSWORD}"' in rest or rest.endswith(f" {PASSWORD}")
                return done if right else f"{tag} NO wrong password\r\n".encode()
            case "SELECT":
                flags = r"\Seen \*" if self.takes_keywords else r"\Seen"
                lines = [
                    f"* {len(self.mails)} EXISTS",
                    f"* OK [PERMANENTFLAGS ({flags})] flags",
                    f"* OK [UIDVALIDITY {self.validity}] valid",
                ]
                return "".join(f"{one}\r\n" for one in lines).encode() + f"{tag} OK [READ-WRITE] open\r\n".encode()
            case "UID":
                return self._uid(*rest.split(" ", 1)) + done
        return done

    def _uid(self, name: str, rest: str) -> bytes:
        match name.upper():
            case "SEARCH":
                unmarked = "UNKEYWORD" in rest
                found = [uid for uid, mail in self.mails.items() if not (unmarked and KEYWORD in mail.flags)]
                return f"* SEARCH {' '.join(map(str, found))}\r\n".encode()
            case "FETCH":
                uids, items = rest.split(" ", 1)
                return b"".join(self._fetch(int(uid), items) for uid in uids.split(",") if int(uid) in self.mails)
            case "STORE":
                uids, _, flags = rest.partition(" ")
                for uid in uids.split(","):
                    self.mails[int(uid)].flags |= set(re.findall(r"[$\\]\w+", flags))
        return b""

    def _fetch(self, uid: int, items: str) -> bytes:
        mail = self.mails[uid]
        if "INTERNALDATE" in items:
            return f'* {uid} FETCH (UID {uid} INTERNALDATE "{mail.received:%d-%b-%Y %H:%M:%S +0000}")\r\n'.encode()
        most = int(items.rpartition(".")[2].rstrip(">)"))
        content = mail.content[:most]
        head = f"* {uid} FETCH (UID {uid} BODY[]<0> {{{len(content)}}}\r\n".encode()
        return head + content + b")\r\n"

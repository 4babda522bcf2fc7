"""Sessions: a random id in a cookie, and the rest in the state. Only the hash of the id is stored."""

import hmac
import secrets
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from time import time
from typing import cast

from starlette.requests import Request
from starlette.responses import Response

from triage_worker.config.console_values import ROLES, Role
from triage_worker.console.signing_in.roles import Person
from triage_worker.console.state.database import Database

COOKIE = "triage_console"
SECURE_COOKIE = f"__Host-{COOKIE}"
"""Browsers accept a cookie of such a name only over https, from this host, for all paths."""

IDLE_MS = 8 * 3_600_000
LONGEST_MS = 24 * 3_600_000
SEEN_EVERY_MS = 60_000


@dataclass(frozen=True, slots=True)
class Session:
    """A signed-in browser.

    Attributes:
        id_hash: of the id in the cookie.
        person: who signed in.
        csrf: the token that forms carry.
    """

    id_hash: str
    person: Person
    csrf: str


class Sessions:
    """The sessions of a console.

    Args:
        database: where they are stored.
        secure: whether people come over https.
        clock: seconds since the epoch.
    """

    def __init__(self, database: Database, *, secure: bool, clock: Callable[[], float] = time) -> None:
        self._database = database
        self._secure = secure
        self._clock = clock
        self.cookie = SECURE_COOKIE if secure else COOKIE

    def _now(self) -> int:
        return int(self._clock() * 1000)

    async def begin(self, person: Person, response: Response) -> None:
        """Sign somebody in: a new id, whatever the browser had before."""
        session_id, now = secrets.token_urlsafe(32), self._now()
        row = (_hash(session_id), person.name, person.role, person.by, secrets.token_urlsafe(24), now, now)
        sql = "INSERT INTO sessions (id_hash, who, role, by, csrf, created, seen) VALUES (?, ?, ?, ?, ?, ?, ?)"
        await self._database.write(lambda connection: connection.execute(sql, row))
        response.set_cookie(
            self.cookie, session_id, max_age=LONGEST_MS // 1000, httponly=True, samesite="lax", secure=self._secure
        )

    async def find(self, request: Request) -> Session | None:
        """Return the session of a request; None if there is none, or it has ended."""
        session_id = request.cookies.get(self.cookie)
        if not session_id:
            return None
        id_hash, now = _hash(session_id), self._now()
        row = await self._database.read(lambda connection: _row(connection, id_hash))
        if row is None or now - row["created"] > LONGEST_MS or now - row["seen"] > IDLE_MS or row["role"] not in ROLES:
            return None
        if now - row["seen"] > SEEN_EVERY_MS:
            sql = "UPDATE sessions SET seen = ? WHERE id_hash = ?"
            await self._database.write(lambda connection: connection.execute(sql, (now, id_hash)))
        person = Person(row["who"], cast("Role", row["role"]), row["by"])
        return Session(id_hash, person, row["csrf"])

    async def discard(self, session: Session) -> None:
        """End a session, whoever still has its cookie."""
        sql = "DELETE FROM sessions WHERE id_hash = ?"
        await self._database.write(lambda connection: connection.execute(sql, (session.id_hash,)))

    async def end(self, session: Session, response: Response) -> None:
        """Sign somebody out."""
        await self.discard(session)
        response.delete_cookie(self.cookie, httponly=True, samesite="lax", secure=self._secure)

    async def notice(self, session: Session, text: str) -> None:
        """Keep a sentence that the next page shows."""
        sql = "UPDATE sessions SET notice = ? WHERE id_hash = ?"
        await self._database.write(lambda connection: connection.execute(sql, (text, session.id_hash)))

    async def take_notice(self, session: Session) -> str | None:
        """Return that sentence, and forget it."""
        row = await self._database.read(lambda connection: _row(connection, session.id_hash))
        if row is None or row["notice"] is None:
            return None
        sql = "UPDATE sessions SET notice = NULL WHERE id_hash = ?"
        await self._database.write(lambda connection: connection.execute(sql, (session.id_hash,)))
        return str(row["notice"])


def token_fits(session: Session, given: str) -> bool:
    """Whether a form carries the token of its session."""
    return hmac.compare_digest(session.csrf.encode(), given.encode("utf-8", "surrogateescape"))


def _hash(session_id: str) -> str:
    return sha256(session_id.encode("utf-8", "surrogateescape")).hexdigest()


def _row(connection: sqlite3.Connection, id_hash: str) -> sqlite3.Row | None:
    found = connection.execute("SELECT * FROM sessions WHERE id_hash = ?", (id_hash,)).fetchone()
    return cast("sqlite3.Row | None", found)

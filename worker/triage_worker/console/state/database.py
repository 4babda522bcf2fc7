"""The file of the state: one connection that writes, several that read, and all of them in threads."""

import asyncio
import logging
import queue
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

from triage_worker.config.errors import ConfigError
from triage_worker.console.state.schema import TABLES, VERSION

log = logging.getLogger(__name__)

T = TypeVar("T")

READERS = 4
BUSY_S = 10.0
CACHE_KIB = 16_384


class Database:
    """The state in a file, or in a temporary one.

    Args:
        path: of the file; None makes a temporary one. It belongs to one console.

    Attributes:
        generation: how often what comes from topics was deleted.

    Raises:
        ConfigError: it cannot be opened or written.
    """

    def __init__(self, path: Path | None) -> None:
        self._folder = None if path else tempfile.TemporaryDirectory(prefix="triage-console-")
        self.path: Path = path or Path(self._folder.name if self._folder else "") / "state.sqlite"
        self._write_lock = asyncio.Lock()
        self.generation = 0
        try:
            self._writer = self._open()
            self._readers: queue.LifoQueue[sqlite3.Connection] = queue.LifoQueue()
            for _ in range(READERS):
                self._readers.put(_connect(self.path, read_only=True))
        except (sqlite3.Error, OSError) as error:
            raise ConfigError(
                f"The state of the console, {self.path}, cannot be opened ({error}): set TRIAGE_CONSOLE_STATE to a "
                "file in a folder that can be written, or delete the file, which is read from the topics again."
            ) from error

    def _open(self) -> sqlite3.Connection:
        """Open the file; one of another version, or a damaged one, is replaced."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with suppress(sqlite3.DatabaseError):
            writer = _connect(self.path)
            found = int(writer.execute("PRAGMA user_version").fetchone()[0])
            empty = writer.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0
            if found == VERSION or empty:
                return _prepared(writer, empty=empty)
            writer.close()
        log.info("The state is of another version and is read from the topics again", extra={"state": str(self.path)})
        self._delete()
        return _prepared(_connect(self.path), empty=True)

    def _delete(self) -> None:
        for suffix in ("", "-wal", "-shm"):
            self.path.with_name(self.path.name + suffix).unlink(missing_ok=True)

    async def read(self, query: Callable[[sqlite3.Connection], T]) -> T:
        """Run a query in a thread, and return its result. It sees the state after a whole number of batches."""
        return await asyncio.to_thread(self.read_now, query)

    def read_now(self, query: Callable[[sqlite3.Connection], T]) -> T:
        """Run a query in this thread."""
        connection = self._readers.get()
        try:
            connection.execute("BEGIN")
            try:
                return query(connection)
            finally:
                connection.execute("ROLLBACK")
        finally:
            self._readers.put(connection)

    async def write(self, change: Callable[[sqlite3.Connection], T]) -> T:
        """Run a change in a thread, as one transaction."""
        async with self._write_lock:
            # It goes on if this is cancelled, and nobody else may write before it has ended.
            return await asyncio.shield(asyncio.to_thread(self._write_now, change))

    def _write_now(self, change: Callable[[sqlite3.Connection], T]) -> T:
        with transaction(self._writer):
            return change(self._writer)

    async def vacuum(self, give_back: Callable[[sqlite3.Connection], None]) -> None:
        """Give free pages back, outside a transaction."""
        async with self._write_lock:
            await asyncio.shield(asyncio.to_thread(give_back, self._writer))

    async def forget_topics(self) -> None:
        """Delete all rows that come from topics; people stay signed in. All readers have to begin anew then."""
        self.generation += 1
        await self.write(_forget_topics)

    def close(self) -> None:
        """Close all connections, and delete a temporary file."""
        while not self._readers.empty():
            self._readers.get().close()
        self._writer.close()
        if self._folder is not None:
            self._folder.cleanup()


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Commit what is done within the context, or nothing."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def _forget_topics(connection: sqlite3.Connection) -> None:
    for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
        if name != "sessions" and not name.startswith(("sqlite_", "label_words_")):
            connection.execute(f"DELETE FROM {name}")


def _connect(path: Path, *, read_only: bool = False) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
    connection.row_factory = sqlite3.Row
    if read_only:
        connection.execute("PRAGMA query_only = ON")
    return connection


def _prepared(writer: sqlite3.Connection, *, empty: bool) -> sqlite3.Connection:
    writer.execute("PRAGMA auto_vacuum = INCREMENTAL")
    writer.execute("PRAGMA journal_mode = WAL")
    # A power cut may cost the last transactions, with their offsets: they are read again.
    writer.execute("PRAGMA synchronous = NORMAL")
    writer.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
    if empty:
        writer.executescript(f"BEGIN; {TABLES} PRAGMA user_version = {VERSION}; COMMIT;")
    return writer

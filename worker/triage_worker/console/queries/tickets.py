"""Tickets: by queue, by what is searched, and one of them."""

import sqlite3
from dataclasses import dataclass
from typing import Any

import orjson

PAGE_ROWS = 50
LIKE_SPECIAL = str.maketrans({"\\": "\\\\", "%": "\\%", "_": "\\_"})


@dataclass(frozen=True)
class QueueRow:
    """A queue: its open tickets, those that are late, and when the next one is due."""

    queue: str
    open: int
    late: int
    next_due: int | None


def queues(connection: sqlite3.Connection, now: int) -> list[QueueRow]:
    """Return all queues that have open tickets, the most urgent first."""
    sql = (
        "SELECT queue, count(*), SUM(COALESCE(due < ?, 0)), MIN(CASE WHEN due >= ? THEN due END) FROM tickets "
        "WHERE status = 'open' GROUP BY queue ORDER BY 3 DESC, 4 IS NULL, 4"
    )
    return [QueueRow(*row) for row in connection.execute(sql, (now, now))]


@dataclass(frozen=True)
class Search:
    """What tickets are looked for.

    Attributes:
        words: all of them are in the ticket: ids, intents, tags, fields.
        queue: of the ticket; None for all.
        status: open or closed; None for both.
        page: from 0, of `PAGE_ROWS` tickets each.
    """

    words: str = ""
    queue: str | None = None
    status: str | None = "open"
    page: int = 0


@dataclass(frozen=True)
class TicketRow:
    """A ticket in a list."""

    ticket_id: str
    customer_id: str | None
    status: str
    queue: str
    priority: str
    intent: str
    due: int | None
    updated: int | None
    messages: int


def search(connection: sqlite3.Connection, wanted: Search) -> tuple[list[TicketRow], bool]:
    """Return the tickets of a page, the most urgent first, and whether there are more."""
    where = ["(:queue IS NULL OR queue = :queue)", "(:status IS NULL OR status = :status)"]
    values: dict[str, Any] = {"queue": wanted.queue, "status": wanted.status}
    for number, word in enumerate(wanted.words.casefold().split()[:8]):
        where.append(f"searched LIKE :word{number} ESCAPE '\\'")
        values[f"word{number}"] = f"%{word.translate(LIKE_SPECIAL)}%"
    sql = (
        "SELECT ticket_id, customer_id, status, queue, priority, intent, due, updated, messages FROM tickets "
        f"WHERE {' AND '.join(where)} ORDER BY status = 'closed', due IS NULL, due, updated DESC "
        "LIMIT :most OFFSET :first"
    )
    values |= {"most": PAGE_ROWS + 1, "first": wanted.page * PAGE_ROWS}
    rows = [TicketRow(*row) for row in connection.execute(sql, values)]
    return rows[:PAGE_ROWS], len(rows) > PAGE_ROWS


def ticket(connection: sqlite3.Connection, ticket_id: str) -> dict[str, Any] | None:
    """Return the fields of a ticket's newest event, with its times in milliseconds; None if there is no such ticket."""
    row = connection.execute("SELECT * FROM tickets WHERE ticket_id = ?", (ticket_id,)).fetchone()
    if row is None:
        return None
    fields: dict[str, Any] = orjson.loads(row["event"])
    return fields | {name: row[name] for name in ("due", "opened", "updated")}


def tickets_of(connection: sqlite3.Connection, conversation_id: str) -> list[TicketRow]:
    """Return all tickets of a conversation, the newest first."""
    sql = (
        "SELECT ticket_id, customer_id, status, queue, priority, intent, due, updated, messages FROM tickets "
        "WHERE conversation_id = ? ORDER BY opened DESC LIMIT 50"
    )
    return [TicketRow(*row) for row in connection.execute(sql, (conversation_id,))]

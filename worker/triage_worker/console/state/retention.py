"""Deletes what is older than the console shows, and the oldest rows where there are too many."""

import sqlite3

from triage_worker.console.state.values import HOUR_MS, MINUTE_MS

DAY_MS = 24 * HOUR_MS
SESSION_MS = 14 * DAY_MS
FREED_PAGES = 2_000


def prune(connection: sqlite3.Connection, now: int, days: int, rows: int) -> None:
    """Delete old rows, within a transaction.

    Args:
        connection: of the transaction.
        now: milliseconds since the epoch.
        days: that are kept.
        rows: most rows of a table.
    """
    since = now - days * DAY_MS
    connection.execute("DELETE FROM minutes WHERE minute < ?", (since // MINUTE_MS,))
    for table in ("hours", "samples"):
        connection.execute(f"DELETE FROM {table} WHERE hour < ?", (since // HOUR_MS,))
    # A block keeps its answers together, so that the sum of all messages still holds.
    old = "SELECT topic, partition, stage, block FROM counted WHERE seen_at < ?"
    connection.execute(f"DELETE FROM counted_bits WHERE (topic, partition, stage, block) IN ({old})", (since,))
    connection.execute("DELETE FROM counted WHERE seen_at < ?", (since,))
    for table in ("decisions", "labels", "acts"):
        connection.execute(f"DELETE FROM {table} WHERE at < ?", (since,))
        connection.execute(f"DELETE FROM {table} WHERE id <= (SELECT MAX(id) FROM {table}) - ?", (rows,))
    connection.execute("DELETE FROM label_words WHERE rowid < COALESCE((SELECT MIN(id) FROM labels), 1 << 62)")
    connection.execute(
        "DELETE FROM reviews WHERE COALESCE(MAX(arrived, answered), arrived, answered, reopened, 0) < ?", (since,)
    )
    over = connection.execute("SELECT MAX(0, count(*) - ?) FROM reviews", (rows,)).fetchone()[0]
    if over:
        connection.execute(
            "DELETE FROM reviews WHERE key IN (SELECT key FROM reviews ORDER BY open, COALESCE(arrived, 0) LIMIT ?)",
            (over,),
        )
    connection.execute("DELETE FROM tickets WHERE status = 'closed' AND COALESCE(updated, 0) < ?", (since,))
    over = connection.execute("SELECT MAX(0, count(*) - ?) FROM tickets", (rows,)).fetchone()[0]
    if over:
        oldest = "SELECT ticket_id FROM tickets ORDER BY status = 'open', COALESCE(updated, 0) LIMIT ?"
        connection.execute(f"DELETE FROM tickets WHERE ticket_id IN ({oldest})", (over,))
    connection.execute("DELETE FROM claims WHERE until < ?", (now - DAY_MS,))
    connection.execute("DELETE FROM skips WHERE at < ?", (since,))
    connection.execute("DELETE FROM alerts WHERE COALESCE(window_end, 0) < ?", (since,))
    connection.execute("DELETE FROM sessions WHERE seen < ?", (now - SESSION_MS,))


def give_back(connection: sqlite3.Connection) -> None:
    """Return some of the pages that deleted rows have left to the file system; outside a transaction."""
    connection.execute(f"PRAGMA incremental_vacuum({FREED_PAGES})").fetchall()

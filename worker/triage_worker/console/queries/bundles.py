"""Which bundles decided on messages."""

import sqlite3
from dataclasses import dataclass

from triage_worker.console.state.values import HOUR_MS


@dataclass(frozen=True)
class DecidedBy:
    """A bundle, by name and version, and the messages that it decided on; ``last`` is the hour of the last one."""

    bundle: str
    messages: int
    accepted: int
    last: int

    @property
    def share(self) -> float:
        """Share of the messages that it accepted, 0 to 1."""
        return self.accepted / self.messages


def decided(connection: sqlite3.Connection, since: int) -> list[DecidedBy]:
    """Return the bundles that decided on messages since a time in milliseconds since the epoch, the last one first."""
    sql = (
        "SELECT model, SUM(messages), SUM(CASE WHEN reason = '' THEN messages ELSE 0 END), MAX(hour) FROM hours "
        "WHERE hour >= ? AND model <> '' GROUP BY model ORDER BY MAX(hour) DESC, SUM(messages) DESC"
    )
    rows = connection.execute(sql, (since // HOUR_MS,))
    return [DecidedBy(row[0], row[1], row[2], row[3] * HOUR_MS) for row in rows]

"""A sample of the intents of each hour, on which rules are tried before they are saved.

The latest decisions are all kept, and where there are many, those are a few minutes. A week of hours needs a sample: of
each hour, the intents with the smallest draws, and a draw comes from the place of a message and always is the same.
"""

import heapq
import sqlite3
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from triage_worker.console.state.values import HOUR_MS, fraction

EACH_HOUR = 200
"""Intents that are kept; of an hour with fewer, all are."""

LIMIT = "SELECT draw FROM samples WHERE hour = ? ORDER BY draw LIMIT 1 OFFSET ?"
INSERT = "INSERT OR REPLACE INTO samples VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
COLUMNS = (0, 1, 2, 3, 4, 6, 7, 8, 9, 11, 12, 15, 16)
"""Of a row of decisions, without what rules cannot match on."""


def add_samples(connection: sqlite3.Connection, rows: Iterable[tuple[Any, ...]]) -> None:
    """Add rows of decisions, within a transaction, if they belong to the sample."""
    drawn: defaultdict[int, list[tuple[float, tuple[Any, ...]]]] = defaultdict(list)
    for row in rows:
        draw = fraction(f"{row[1]}:{row[2]}:{row[3]}:{row[9]}:{row[14]}", "sample")
        drawn[row[0] // HOUR_MS].append((draw, row))
    for hour, found in drawn.items():
        limit = connection.execute(LIMIT, (hour, EACH_HOUR - 1)).fetchone()
        near = [one for one in found if limit is None or one[0] < limit[0]]
        few = heapq.nsmallest(EACH_HOUR, near, key=lambda one: one[0])
        if not few:
            continue
        connection.executemany(INSERT, [(hour, draw, *(row[column] for column in COLUMNS)) for draw, row in few])
        connection.execute(f"DELETE FROM samples WHERE hour = ? AND draw > ({LIMIT})", (hour, hour, EACH_HOUR - 1))

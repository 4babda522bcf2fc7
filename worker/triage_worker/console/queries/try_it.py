"""What the state knows that helps to judge a text which somebody tries."""

import sqlite3
from dataclasses import dataclass

from triage_worker.console.queries.review import Labelled, similar
from triage_worker.console.queries.similarity import similarities
from triage_worker.console.state.values import HOUR_MS

CANDIDATES = 200
"""By words in common; many say the same, and each text is compared and shown once."""

SHOWN = 5
LEAST_ALIKE = 0.1
"""Texts that are less alike have only a common word or two."""

RECENT_HOURS = 24


@dataclass(frozen=True)
class Nearest:
    """The decided messages that are most like a text.

    Attributes:
        found: with how alike each is, 0 to 1; the most alike first.
        people: answers of people that the state has.
        llm: answers of LLMs that it has.
    """

    found: list[tuple[float, Labelled]]
    people: int
    llm: int


def nearest(connection: sqlite3.Connection, text: str) -> Nearest:
    """Return the answers of people and LLMs to messages that are most like a text."""
    candidates = list({one.text: one for one in reversed(similar(connection, text, "", CANDIDATES))}.values())
    alike = zip(similarities(text, [one.text for one in candidates]), candidates, strict=True)
    found = sorted((pair for pair in alike if pair[0] >= LEAST_ALIKE), key=lambda pair: -pair[0])
    counted = dict(connection.execute("SELECT decided_by, count(*) FROM labels GROUP BY decided_by").fetchall())
    return Nearest(found[:SHOWN], counted.get("human", 0), counted.get("llm", 0))


def serving(connection: sqlite3.Connection, now: int) -> list[str]:
    """Return name and version of the bundles that decided in the last day, the newest first."""
    sql = "SELECT model FROM hours WHERE hour >= ? AND model != '' GROUP BY model ORDER BY MAX(hour) DESC"
    return [row[0] for row in connection.execute(sql, (now // HOUR_MS - RECENT_HOURS,))]


def raised_threshold(connection: sqlite3.Connection, name: str, version: str) -> float | None:
    """Return the threshold that an audit has decided for a bundle; None if it has decided none."""
    sql = "SELECT threshold FROM thresholds WHERE model = ? AND version = ?"
    row = connection.execute(sql, (name, version)).fetchone()
    return None if row is None else row[0]

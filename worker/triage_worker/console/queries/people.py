"""What people did in the console."""

import sqlite3
from dataclasses import dataclass

import orjson

SHOWN = 200


@dataclass(frozen=True)
class ActRow:
    """An act, as the page lists it."""

    at: int
    act: str
    subject: str
    who: str
    role: str
    details: dict[str, object]


def acts(connection: sqlite3.Connection, who: str | None, act: str | None) -> list[ActRow]:
    """Return the latest acts, newest first."""
    sql = (
        "SELECT at, act, subject, who, role, details FROM acts WHERE (:who IS NULL OR who = :who) "
        "AND (:act IS NULL OR act = :act) ORDER BY at DESC, id DESC LIMIT :most"
    )
    rows = connection.execute(sql, {"who": who, "act": act, "most": SHOWN})
    return [
        ActRow(row["at"], row["act"], row["subject"], row["who"], row["role"], orjson.loads(row["details"]))
        for row in rows
    ]


def names(connection: sqlite3.Connection) -> list[str]:
    """Return the names of all people who did something."""
    return [row[0] for row in connection.execute("SELECT DISTINCT who FROM acts ORDER BY who LIMIT 500")]

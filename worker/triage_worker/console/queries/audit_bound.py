"""How much of what is accepted is right, by people's answers in the audit."""

import sqlite3
from dataclasses import dataclass, replace

import orjson
from triage_models.audit.confidence_sequence import ErrorBound
from triage_models.audit.events import AuditedEvent, AuditedEvents

MOST_ANSWERS = 20_000
FIRST_AND_LAST = "SELECT (SELECT MIN(id) FROM labels), (SELECT MAX(id) FROM labels)"
"""Apart: SQLite reads all of an index for both at once."""

MANY, KEPT_MS = 1_000, 30_000
"""The bound of more answers than that is kept for so long."""


@dataclass(frozen=True)
class LiveBound:
    """What the answers about the newest bundle, at its newest threshold, say.

    Attributes:
        model: name and version of the bundle.
        answers: of people, about messages that were accepted.
        wrong: those of them that contradict the bundle.
        least: at least this share of what is accepted is right, 0 to 1, with 95 % confidence at any time.
        most: at most this share is.
        waiting: requests of the audit that nobody has answered.
    """

    model: str | None
    answers: int
    wrong: int
    least: float
    most: float
    waiting: int


def live_bound(connection: sqlite3.Connection) -> LiveBound:
    """Compute the bound of the answers that the state has. The first answer about a message counts."""
    where = "audited IS NOT NULL AND decided_by = 'human'"
    sql = f"SELECT message_id, audited FROM labels WHERE {where} ORDER BY at DESC, id DESC LIMIT ?"
    answers = [(row[0], orjson.loads(row[1])) for row in connection.execute(sql, (MOST_ANSWERS,))][::-1]
    waiting = _waiting(connection)
    if not answers:
        return LiveBound(None, 0, 0, 0.0, 1.0, waiting)
    newest = answers[-1][1]
    version = newest["threshold_version"]
    first: dict[str, AuditedEvent] = {}
    for message_id, one in answers:
        same = one["model"] == newest["model"] and one["threshold_version"] == version
        if same and one["accepted"] and message_id not in first:
            first[message_id] = AuditedEvent(
                message_id, one["confidence"], one["intent"], wrong=not one["agreed"], weight=one["weight"]
            )
    events = list(first.values())
    if not events:
        return LiveBound(_named(newest), 0, 0, 0.0, 1.0, waiting)
    intents = sorted({event.intent for event in events})
    largest = max(1.0, *(event.weight for event in events))
    bound = ErrorBound(largest_weight=largest).extend(AuditedEvents.of(events, intents)).bound()
    return LiveBound(_named(newest), bound.answers, bound.errors, 1.0 - bound.upper, 1.0 - bound.lower, waiting)


class KeptBound:
    """Computes the bound again only when there are other answers, and not too often when there are many.

    20,000 answers take a third of a second, and every open page Now asks for the bound every five seconds.
    """

    def __init__(self) -> None:
        self._bound: LiveBound | None = None
        self._newest: tuple[int | None, int | None] = None, None
        self._until = 0

    def of(self, connection: sqlite3.Connection, now: int) -> LiveBound:
        """Return the bound.

        Args:
            connection: of the state.
            now: milliseconds since the epoch.
        """
        first, last = connection.execute(FIRST_AND_LAST).fetchone()
        kept, newest = self._bound, (first, last)
        if kept is not None and (newest == self._newest or now < self._until):
            return replace(kept, waiting=_waiting(connection))
        found = live_bound(connection)
        self._bound, self._newest = found, newest
        self._until = now + KEPT_MS if found.answers > MANY else 0
        return found


def _waiting(connection: sqlite3.Connection) -> int:
    return int(connection.execute("SELECT count(*) FROM reviews WHERE open = 1 AND audit = 1").fetchone()[0])


def _named(audited: dict[str, dict[str, str]]) -> str:
    return f"{audited['model']['name']} {audited['model']['version']}"

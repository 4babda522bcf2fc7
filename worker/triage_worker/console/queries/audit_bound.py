"""How much of what is accepted is right, by people's answers in the audit."""

import sqlite3
from dataclasses import dataclass

import orjson
from triage_models.audit.confidence_sequence import ErrorBound
from triage_models.audit.events import AuditedEvent, AuditedEvents

MOST_ANSWERS = 20_000


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
    sql = f"SELECT message_id, audited FROM labels WHERE {where} ORDER BY at, id LIMIT ?"
    answers = [(row[0], orjson.loads(row[1])) for row in connection.execute(sql, (MOST_ANSWERS,))]
    (waiting,) = connection.execute("SELECT count(*) FROM reviews WHERE open = 1 AND audit = 1").fetchone()
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


def _named(audited: dict[str, dict[str, str]]) -> str:
    return f"{audited['model']['name']} {audited['model']['version']}"

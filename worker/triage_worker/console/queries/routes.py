"""Intents of the last days, on which rules are tried."""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from triage_worker.console.queries.conversations import answered_text
from triage_worker.console.state.values import HOUR_MS

SAMPLES = "SELECT * FROM samples WHERE hour = ? ORDER BY draw LIMIT ?"
INTENTS = """
SELECT minute / 60, SUM(messages) FROM minutes WHERE minute >= ? AND outcome IN ('accepted', 'corrected') GROUP BY 1
"""


@dataclass(frozen=True)
class SampledIntent:
    """An intent of the sample, and what rules can match on.

    Attributes:
        weight: how many intents of its hour it stands for.
        at: when, in milliseconds since the epoch.
        place: topic, partition and offset of the message.
        message_id: its id.
        customer_id: who wrote it.
        channel: where it came from.
        language: what it is written in.
        decided_by: model, llm or human.
        intent: what was decided.
        confidence: 0 to 1.
        text: what the message says, if the event has it; the router sees no other text.
        more: metadata, entities, intents.
    """

    weight: float
    at: int
    place: tuple[str, int, int]
    message_id: str | None
    customer_id: str | None
    channel: str | None
    language: str | None
    decided_by: str
    intent: str
    confidence: float | None
    text: str | None
    more: dict[str, Any]


def sampled(connection: sqlite3.Connection, since: int, most: int) -> list[SampledIntent]:
    """Return a sample of the intents since a time in milliseconds since the epoch, newest first.

    Args:
        connection: of the state.
        since: milliseconds since the epoch.
        most: intents that are returned, about; the same number of each hour that has enough.
    """
    totals = connection.execute(INTENTS, (since // HOUR_MS * 60,)).fetchall()
    each_hour = max(1, most // max(1, len(totals)))
    found = []
    for hour, total in totals:
        rows = connection.execute(SAMPLES, (hour, each_hour)).fetchall()
        found += [_sampled(row, total, len(rows)) for row in rows]
    return sorted(found, key=lambda one: one.at, reverse=True)


def _sampled(row: sqlite3.Row, total: int, drawn: int) -> SampledIntent:
    return SampledIntent(
        weight=max(1.0, total / drawn),
        at=row["at"],
        place=(row["topic"], row["partition"], row["offset"]),
        message_id=row["message_id"],
        customer_id=row["customer_id"],
        channel=row["channel"],
        language=row["language"],
        decided_by=row["decided_by"],
        intent=row["intent"],
        confidence=row["confidence"],
        text=row["text"],
        more=orjson.loads(row["event"]),
    )


def texts(connection: sqlite3.Connection, intents: Sequence[SampledIntent]) -> list[str | None]:
    """Return the texts of messages, as far as any event about them has it."""
    return [one.text or answered_text(connection, one.place) for one in intents]

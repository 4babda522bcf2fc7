"""What is known about a conversation: its messages, and each decision about them."""

import sqlite3
from dataclasses import dataclass, field
from typing import Any

import orjson

MOST_DECISIONS = 200


@dataclass(frozen=True)
class Decision:
    """A decision about a message: the model's, the LLM's or a person's.

    Attributes:
        at: when, in milliseconds since the epoch.
        decided_by: model, llm or human.
        outcome: accepted, refused or corrected.
        intent: what was decided, or what the model thought.
        confidence: 0 to 1.
        reason: why the model refused.
        corrects: the intent that was published before.
        text: what the message says, if the event of this decision has it.
        more: what else the event says: scores, threshold, metadata, entities, intents.
    """

    at: int
    decided_by: str
    outcome: str
    intent: str
    confidence: float | None
    reason: str | None
    corrects: str | None
    text: str | None
    more: dict[str, Any]


@dataclass
class Message:
    """A message of a conversation.

    Attributes:
        place: topic, partition and offset.
        message_id: its id.
        channel: where it came from.
        language: what it is written in.
        customer_id: who wrote it.
        text: what it says; None if no event about it has its text.
        decisions: about it, oldest first.
    """

    place: tuple[str, int, int]
    message_id: str | None
    channel: str | None
    language: str | None
    customer_id: str | None
    text: str | None
    decisions: list[Decision] = field(default_factory=list)

    @property
    def at(self) -> int:
        """When it was first decided."""
        return self.decisions[0].at

    @property
    def last(self) -> Decision:
        """The last decision."""
        return self.decisions[-1]


def conversation(connection: sqlite3.Connection, conversation_id: str | None) -> list[Message]:
    """Return the messages of a conversation that the state still has, oldest first."""
    if not conversation_id:
        return []
    sql = "SELECT * FROM decisions WHERE conversation_id = ? ORDER BY at DESC, id DESC LIMIT ?"
    rows = connection.execute(sql, (conversation_id, MOST_DECISIONS)).fetchall()
    found: dict[tuple[str, int, int], Message] = {}
    for row in reversed(rows):
        place = row["topic"], row["partition"], row["offset"]
        about = (row["message_id"], row["channel"], row["language"], row["customer_id"])
        message = found.setdefault(place, Message(place, *about, row["text"]))
        message.text = message.text or row["text"] or answered_text(connection, place)
        message.decisions.append(_decision(row))
    return list(found.values())


def _decision(row: sqlite3.Row) -> Decision:
    return Decision(
        at=row["at"],
        decided_by=row["decided_by"],
        outcome=row["outcome"],
        intent=row["intent"],
        confidence=row["confidence"],
        reason=row["reason"],
        corrects=row["corrects"],
        text=row["text"],
        more=orjson.loads(row["event"]),
    )


def answered_text(connection: sqlite3.Connection, place: tuple[str, int, int]) -> str | None:
    """Return the text from a request of the review, which also audits of accepted messages have."""
    keys = [f"{kind}:{place[0]}:{place[1]}:{place[2]}" for kind in ("review", "audit")]
    row = connection.execute("SELECT event FROM reviews WHERE key IN (?, ?) AND event IS NOT NULL", keys).fetchone()
    return None if row is None else str(orjson.loads(row[0]).get("text"))

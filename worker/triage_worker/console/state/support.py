"""Tickets, alerts about surges, and thresholds."""

import sqlite3
from collections.abc import Sequence
from typing import Any

import orjson

from triage_worker.console.state.projection import ReadRecord
from triage_worker.console.state.values import milliseconds, number, short, text_of

TICKET = """
INSERT INTO tickets (ticket_id, conversation_id, customer_id, status, queue, priority, intent, due, opened, updated,
  messages, searched, event) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT DO UPDATE SET conversation_id = excluded.conversation_id, customer_id = excluded.customer_id,
  status = excluded.status, queue = excluded.queue, priority = excluded.priority, intent = excluded.intent,
  due = excluded.due, opened = excluded.opened, updated = excluded.updated, messages = excluded.messages,
  searched = excluded.searched, event = excluded.event
"""
ALERT = """
INSERT INTO alerts (alert_id, ended, intent, count, usual, window_start, window_end, examples)
VALUES (?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT DO UPDATE SET ended = MAX(ended, excluded.ended), count = MAX(count, excluded.count),
  window_end = MAX(window_end, excluded.window_end)
"""
THRESHOLD = "INSERT OR REPLACE INTO thresholds VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
LONGEST_SEARCHED = 2_000


class Tickets:
    """The topic of tickets: the newest event of a ticket is its state, and one without a value deletes it."""

    setting = "tickets_topic"

    def apply(self, connection: sqlite3.Connection, records: Sequence[ReadRecord]) -> None:
        """Keep the newest state of each ticket."""
        newest = {record.key: record for record in records if record.key is not None}
        gone = [(key.decode("utf-8", "replace"),) for key, record in newest.items() if not record.fields]
        connection.executemany("DELETE FROM tickets WHERE ticket_id = ?", gone)
        connection.executemany(
            TICKET, [row for record in newest.values() if (row := _ticket(record.fields)) is not None]
        )


def _ticket(fields: dict[str, Any]) -> tuple[Any, ...] | None:
    ticket_id = text_of(fields.get("ticket_id"))
    if ticket_id is None:
        return None
    return (
        ticket_id,
        text_of(fields.get("conversation_id")),
        text_of(fields.get("customer_id")),
        short(fields.get("status")),
        short(fields.get("queue")),
        short(fields.get("priority")),
        short(fields.get("intent")),
        milliseconds(fields.get("due_at")),
        milliseconds(fields.get("opened_at")),
        milliseconds(fields.get("updated_at")),
        fields.get("messages"),
        _searched(ticket_id, fields),
        orjson.dumps(fields),
    )


def _searched(ticket_id: str, fields: dict[str, Any]) -> str:
    """Return all that a search looks through, in small letters."""
    words = [ticket_id, fields.get("conversation_id"), fields.get("customer_id"), fields.get("queue")]
    words += [*_listed(fields.get("intents")), *_listed(fields.get("tags"))]
    named = fields.get("fields")
    words += list(named.values()) if isinstance(named, dict) else []
    words += [one.get("value") for one in _listed(fields.get("entities")) if isinstance(one, dict)]
    return " ".join(text_of(word) or "" for word in words if word)[:LONGEST_SEARCHED].casefold()


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


class SurgeAlerts:
    """The topic of alerts."""

    setting = "alerts_topic"

    def apply(self, connection: sqlite3.Connection, records: Sequence[ReadRecord]) -> None:
        """Keep each alert, and whether it has ended."""
        for fields in (record.fields for record in records):
            if text_of(fields.get("alert_id")) is None:
                continue
            connection.execute(
                ALERT,
                (
                    text_of(fields["alert_id"]),
                    fields.get("event") == "ended",
                    short(fields.get("intent")),
                    fields.get("count"),
                    number(fields.get("usual")),
                    milliseconds(fields.get("window_start")),
                    milliseconds(fields.get("window_end")),
                    orjson.dumps(_listed(fields.get("examples"))).decode(),
                ),
            )


class Thresholds:
    """The control topic: the last record of a bundle counts, and one without a value takes the decision back."""

    setting = "control_topic"

    def apply(self, connection: sqlite3.Connection, records: Sequence[ReadRecord]) -> None:
        """Keep the last decision for each bundle."""
        for record in records:
            fields = record.fields
            model = fields.get("model")
            if not isinstance(model, dict):
                name, _, version = (record.key or b"").decode("utf-8", "replace").rpartition(":")
                connection.execute("DELETE FROM thresholds WHERE model = ? AND version = ?", (name, version))
                continue
            numbers = [number(fields.get(name)) for name in ("threshold", "previous")]
            bounds = [number(fields.get(name)) for name in ("estimate", "lower", "upper")]
            connection.execute(
                THRESHOLD,
                (
                    short(model.get("name")),
                    short(model.get("version")),
                    fields.get("version"),
                    *numbers,
                    text_of(fields.get("reason")),
                    text_of(fields.get("alarm")),
                    *bounds,
                    fields.get("answers"),
                    milliseconds(fields.get("decided_at")),
                ),
            )

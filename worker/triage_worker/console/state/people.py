"""What people are asked and answer: requests of the review, labels, and acts in the console."""

import hashlib
import sqlite3
from collections.abc import Sequence
from typing import Any

import orjson
from triage_schemas.cloudevents import trace_headers

from triage_worker.console.state.projection import ReadRecord, header
from triage_worker.console.state.values import fraction, milliseconds, number, place_of, short, text_of

REQUESTED = """
INSERT INTO reviews (key, arrived, audit, message_id, conversation_id, channel, language, intent, confidence, event,
  record_key, trace, labels)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT DO UPDATE SET arrived = MAX(COALESCE(arrived, 0), excluded.arrived), audit = excluded.audit,
  message_id = excluded.message_id, conversation_id = excluded.conversation_id, channel = excluded.channel,
  language = excluded.language, intent = excluded.intent, confidence = excluded.confidence, event = excluded.event,
  record_key = excluded.record_key, trace = excluded.trace, labels = excluded.labels
"""
ANSWERED = """
INSERT INTO reviews (key, answered, label, answers, answer_ids) VALUES (?, ?, ?, 1, ?)
ON CONFLICT DO UPDATE SET
  label = CASE WHEN excluded.answered >= COALESCE(answered, 0) THEN excluded.label ELSE label END,
  answered = MAX(COALESCE(answered, 0), excluded.answered), answers = answers + 1,
  answer_ids = answer_ids || excluded.answer_ids
"""
LABEL = """
INSERT INTO labels (event_id, at, message_id, topic, partition, offset, channel, language, text, label, decided_by,
  audited) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT DO NOTHING
"""


def review_key(place: tuple[str, int, int], *, audit: bool) -> str:
    """Return what identifies a request: the message, and whether it is an audit; a message can have both kinds."""
    return f"{'audit' if audit else 'review'}:{place[0]}:{place[1]}:{place[2]}"


class Requests:
    """The review topic."""

    setting = "review_topic"

    def apply(self, connection: sqlite3.Connection, records: Sequence[ReadRecord]) -> None:
        """Add requests; one that was postponed at a terminal comes again, and goes to the end of the queue."""
        rows = []
        for record in records:
            place = place_of(record.fields)
            labels = record.fields.get("labels")
            if place is None or not isinstance(labels, dict):
                continue
            written = orjson.dumps(labels).decode()
            labels_id = hashlib.blake2b(written.encode(), digest_size=8).hexdigest()
            connection.execute("INSERT OR IGNORE INTO label_sets VALUES (?, ?)", (labels_id, written))
            rows.append(_request(record, place, labels_id))
        connection.executemany(REQUESTED, rows)


def _request(record: ReadRecord, place: tuple[str, int, int], labels_id: str) -> tuple[Any, ...]:
    fields = record.fields
    audit = fields.get("audit") is True
    without_labels = {name: value for name, value in fields.items() if name != "labels"}
    trace = [[name, value.decode("latin-1")] for name, value in trace_headers(record.headers)]
    return (
        review_key(place, audit=audit),
        record.at,
        audit,
        text_of(fields.get("message_id")),
        text_of(fields.get("conversation_id")),
        short(fields.get("channel")) or None,
        short(fields.get("language")) or None,
        short(fields.get("intent")),
        number(fields.get("confidence")),
        orjson.dumps(without_labels),
        record.key,
        orjson.dumps(trace),
        labels_id,
    )


class Labels:
    """The labels topic. A person's label closes the request that it answers, wherever it was given."""

    setting = "labels_topic"

    def apply(self, connection: sqlite3.Connection, records: Sequence[ReadRecord]) -> None:
        """Add labels; one that was sent twice counts once, by its event's id."""
        for record in records:
            fields, place = record.fields, place_of(record.fields)
            label = text_of(fields.get("label"))
            if place is None or label is None:
                continue
            audited = fields.get("audited")
            at = milliseconds(fields.get("labelled_at")) or record.at
            event_id = header(record.headers, "ce_id") or f"{record.topic}:{record.partition}:{record.offset}"
            row = (
                event_id,
                at,
                text_of(fields.get("message_id")),
                *place,
                short(fields.get("channel")) or None,
                short(fields.get("language")) or None,
                text_of(fields.get("text")),
                label,
                short(fields.get("decided_by")),
                orjson.dumps(audited) if isinstance(audited, dict) else None,
            )
            added = connection.execute(LABEL, row)
            if added.rowcount < 1:
                continue
            connection.execute("INSERT INTO label_words (rowid, text) VALUES (?, ?)", (added.lastrowid, row[8]))
            if fields.get("decided_by") == "human":
                key = review_key(place, audit=isinstance(audited, dict))
                connection.execute(ANSWERED, (key, at, label, f"{event_id}\n"))


class Acts:
    """The topic of acts: the record of what people did, and who has which message of the review.

    The first claim of a message counts, by the order of its partition, so that all consoles agree.
    """

    setting = "acts_topic"

    def apply(self, connection: sqlite3.Connection, records: Sequence[ReadRecord]) -> None:
        """Add acts, and apply those that change the queue."""
        for record in records:
            fields = record.fields
            details = fields.get("details")
            details = details if isinstance(details, dict) else {}
            at = milliseconds(fields.get("acted_at")) or record.at
            row = [text_of(fields.get(name)) for name in ("act_id", "act", "subject", "who", "role", "console")]
            if None in row:
                continue
            act_id, act, subject, who, role, console = row
            new = connection.execute(
                "INSERT INTO acts (act_id, at, act, subject, who, role, console, details) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
                (act_id, at, act, subject, who, role, console, orjson.dumps(details).decode()),
            ).rowcount
            change = _CHANGES.get(str(act))
            if new and change is not None:
                change(
                    connection, {"key": subject, "who": who, "act_id": act_id, "console": console, "at": at}, details
                )


def _claim(connection: sqlite3.Connection, act: dict[str, Any], details: dict[str, Any]) -> None:
    until = details.get("until")
    connection.execute(
        "INSERT INTO claims (key, who, console, act_id, since, until) "
        "VALUES (:key, :who, :console, :act_id, :at, :until) "
        "ON CONFLICT DO UPDATE SET who = excluded.who, console = excluded.console, act_id = excluded.act_id, "
        "since = excluded.since, until = excluded.until "
        "WHERE claims.until <= excluded.since OR claims.who = excluded.who",
        {**act, "until": until if isinstance(until, int) else act["at"]},
    )


def _release(connection: sqlite3.Connection, act: dict[str, Any], _: dict[str, Any]) -> None:
    connection.execute("DELETE FROM claims WHERE key = :key AND who = :who", act)


def _skip(connection: sqlite3.Connection, act: dict[str, Any], details: dict[str, Any]) -> None:
    _release(connection, act, details)
    connection.execute("INSERT OR REPLACE INTO skips (key, who, at) VALUES (:key, :who, :at)", act)


def _answer(connection: sqlite3.Connection, act: dict[str, Any], details: dict[str, Any]) -> None:
    _release(connection, act, details)
    draw = fraction(str(act["key"]), "second")
    connection.execute(
        "INSERT INTO reviews (key, first_reader, published, second_draw) VALUES (:key, :who, :published, :draw) "
        "ON CONFLICT DO UPDATE SET first_reader = excluded.first_reader, second_draw = excluded.second_draw, "
        "published = COALESCE(excluded.published, published)",
        {**act, "published": text_of(details.get("published")), "draw": draw},
    )


def _second_answer(connection: sqlite3.Connection, act: dict[str, Any], details: dict[str, Any]) -> None:
    _release(connection, act, details)
    connection.execute(
        "INSERT INTO reviews (key, second_reader, second_label) VALUES (:key, :who, :label) ON CONFLICT DO UPDATE SET "
        "second_reader = excluded.second_reader, second_label = excluded.second_label WHERE second_reader IS NULL",
        {**act, "label": text_of(details.get("label"))},
    )


def _undo(connection: sqlite3.Connection, act: dict[str, Any], _: dict[str, Any]) -> None:
    connection.execute(
        "INSERT INTO reviews (key, reopened) VALUES (:key, :at) ON CONFLICT DO UPDATE SET "
        "reopened = MAX(COALESCE(reopened, 0), excluded.reopened)",
        act,
    )


_CHANGES = {
    "claim": _claim,
    "release": _release,
    "skip": _skip,
    "answer": _answer,
    "second_answer": _second_answer,
    "undo": _undo,
}

"""What the worker, the LLM and people decided: counts in each minute and hour, and the latest decisions."""

import sqlite3
from collections import Counter
from collections.abc import Sequence
from typing import Any

import orjson
from triage_schemas.dead_letters import read_dead_letter

from triage_worker.console.state.counted import CountedMessages
from triage_worker.console.state.projection import ReadRecord
from triage_worker.console.state.samples import add_samples
from triage_worker.console.state.values import HOUR_MS, MINUTE_MS, FewNames, number, place_of, short, text_of

MODEL, LLM, HUMAN = "model", "llm", "human"
MOST_CHANNELS, MOST_LANGUAGES = 30, 60
STEPS = 200
"""Steps of confidence in the counts of an hour."""

KEPT_FIELDS = ("scores", "intents", "threshold", "familiarity", "metadata", "entities", "model", "labels")

INSERT_DECISION = """
INSERT INTO decisions (at, topic, partition, offset, message_id, conversation_id, customer_id, channel, language,
  decided_by, outcome, intent, confidence, reason, corrects, text, event)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
COUNT_MINUTE = """
INSERT INTO minutes (minute, stage, outcome, label, messages) VALUES (?, ?, ?, ?, ?)
ON CONFLICT DO UPDATE SET messages = messages + excluded.messages
"""
COUNT_HOUR = """
INSERT INTO hours (hour, model, intent, reason, channel, language, confidence, messages) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT DO UPDATE SET messages = messages + excluded.messages
"""


class Decisions:
    """The topic of intents, or that of fallback requests.

    Args:
        setting: names the topic.
        counted: shared by all projections that count messages.
        refused: whether its events are about messages that the model refused.
        keep: most decisions of a batch that become rows; all are counted.
    """

    def __init__(self, setting: str, counted: CountedMessages, *, refused: bool, keep: int) -> None:
        self.setting = setting
        self._counted = counted
        self._refused = refused
        self._keep = keep
        self._channels, self._languages = FewNames(MOST_CHANNELS), FewNames(MOST_LANGUAGES)

    def apply(self, connection: sqlite3.Connection, records: Sequence[ReadRecord]) -> None:
        """Count the records that are new, and keep the latest ones."""
        minutes: Counter[tuple[int, str, str, str]] = Counter()
        hours: Counter[tuple[Any, ...]] = Counter()
        rows = []
        for record in records:
            fields = record.fields
            place = place_of(fields)
            if place is None:
                continue
            stage = MODEL if self._refused else str(fields.get("decided_by", MODEL))
            corrects = fields.get("corrects")
            counted_as = stage if corrects is None else f"{stage} corrected"
            outcome = "refused" if self._refused else "accepted" if corrects is None else "corrected"
            if not self._counted.add(connection, place, counted_as, record.at, outcome):
                continue
            intent, reason = short(fields.get("intent")), short(fields.get("reason"))
            minutes[record.at // MINUTE_MS, stage, outcome, reason if self._refused else intent] += 1
            if stage == MODEL and corrects is None:
                hours[self._hour(record.at, fields, intent, reason)] += 1
            rows.append(_row(record, place, stage, outcome))
        connection.executemany(COUNT_MINUTE, [(*key, count) for key, count in minutes.items()])
        connection.executemany(COUNT_HOUR, [(*key, count) for key, count in hours.items()])
        connection.executemany(INSERT_DECISION, rows[-self._keep :])
        if not self._refused:  # the router acts on intents
            add_samples(connection, rows)
        self._counted.flush(connection)

    def _hour(self, at: int, fields: dict[str, Any], intent: str, reason: str) -> tuple[Any, ...]:
        """Return the group of a decision in the counts of its hour."""
        model = fields.get("model")
        name = f"{model.get('name')} {model.get('version')}" if isinstance(model, dict) else ""
        step = min(int((number(fields.get("confidence")) or 0.0) * STEPS), STEPS)
        channel, language = self._channels.of(fields.get("channel")), self._languages.of(fields.get("language"))
        return at // HOUR_MS, name, intent, reason, channel, language, step


class DeadLetters:
    """The topic of dead letters. Their values are never read: only the headers say what went wrong."""

    setting = "dead_letter_topic"

    def __init__(self, counted: CountedMessages, input_topics: frozenset[str] | None) -> None:
        self._counted = counted
        self._input_topics = input_topics

    def apply(self, connection: sqlite3.Connection, records: Sequence[ReadRecord]) -> None:
        """Count the records that are new. Those that other services could not read are no customers' messages."""
        minutes: Counter[tuple[int, str, str, str]] = Counter()
        for record in records:
            info = read_dead_letter(record.headers)
            if info is None:
                continue
            place = info.source.topic, info.source.partition, info.source.offset
            is_message = self._input_topics is None or info.source.topic in self._input_topics
            stage = MODEL if is_message else "other"
            if self._counted.add(connection, place, stage, record.at, "dead_letter"):
                minutes[record.at // MINUTE_MS, stage, "dead_letter", short(info.code)] += 1
        connection.executemany(COUNT_MINUTE, [(*key, count) for key, count in minutes.items()])
        self._counted.flush(connection)


def _row(record: ReadRecord, place: tuple[str, int, int], stage: str, outcome: str) -> tuple[Any, ...]:
    fields = record.fields
    more = {name: fields[name] for name in KEPT_FIELDS if name in fields and name != "labels"}
    return (
        record.at,
        *place,
        text_of(fields.get("message_id")),
        text_of(fields.get("conversation_id")),
        text_of(fields.get("customer_id")),
        short(fields.get("channel")) or None,
        short(fields.get("language")) or None,
        stage,
        outcome,
        short(fields.get("intent")),
        number(fields.get("confidence")),
        short(fields.get("reason")) or None,
        text_of(fields.get("corrects")),
        text_of(fields.get("text")),
        orjson.dumps(more),
    )

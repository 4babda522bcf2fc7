"""What people's answers say about the model's decisions, and what it decided: of one bundle, in the last days."""

import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import orjson

from triage_worker.console.state.traffic import STEPS
from triage_worker.console.state.values import HOUR_MS

DAY_HOURS = 24
WEEK_HOURS = 7 * DAY_HOURS
MOST_ANSWERS = 20_000
MOST_REVIEWS = 5_000
DECISIONS_LOOKED_AT = 300
BY_CONFIDENCE = ("low_confidence", "ambiguous")
"""Why a message is refused that a lower threshold would accept."""


@dataclass(frozen=True)
class Answer:
    """A person's answer to a message that the model decided.

    Attributes:
        key: of the message in the review.
        text: the message.
        label: the answer.
        intent: the model's.
        confidence: the model's, 0 to 1.
        accepted: whether the intent was published.
        audit: whether the message was selected at random among the accepted ones, or refused and then asked about.
        weight: what the answer counts for.
        channel: of the message; empty if it gives none.
        language: of the message; empty if it gives none.
        scores: probabilities of the likeliest intents; empty if they are not known.
    """

    key: str
    text: str
    label: str
    intent: str
    confidence: float
    accepted: bool
    audit: bool
    weight: float = 1.0
    channel: str = ""
    language: str = ""
    scores: dict[str, float] = field(default_factory=dict)

    @property
    def right(self) -> bool:
        """Whether the model's intent is the answer."""
        return self.label == self.intent

    @property
    def step(self) -> int:
        """The step of the confidence in the counts of messages."""
        return min(int(self.confidence * STEPS), STEPS)


@dataclass
class Decided:
    """How many messages a bundle decided on.

    Attributes:
        accepted: by step of confidence.
        refused: those that a lower threshold would accept, by step of confidence.
        otherwise: those refused for another reason, whatever the threshold, by step of confidence.
        by: all messages, and those accepted, by kind (intent, language, channel) and value.
    """

    accepted: list[int] = field(default_factory=lambda: [0] * (STEPS + 1))
    refused: list[int] = field(default_factory=lambda: [0] * (STEPS + 1))
    otherwise: list[int] = field(default_factory=lambda: [0] * (STEPS + 1))
    by: dict[str, dict[str, list[int]]] = field(default_factory=lambda: {"intent": {}, "language": {}, "channel": {}})

    @property
    def messages(self) -> int:
        """All messages."""
        return sum(self.accepted) + sum(self.refused) + sum(self.otherwise)

    def add(self, values: dict[str, str], reason: str, step: int, messages: int) -> None:
        """Count messages; an empty reason means that they were accepted."""
        counts = self.refused if reason in BY_CONFIDENCE else self.otherwise if reason else self.accepted
        counts[step] += messages
        for kind, value in values.items():
            counted = self.by[kind].setdefault(value, [0, 0])
            counted[0] += messages
            counted[1] += 0 if reason else messages


def models(connection: sqlite3.Connection, now: int) -> list[str]:
    """Return name and version of the bundles that decided in the last week; the one that decided last comes first."""
    sql = (
        "SELECT model FROM hours WHERE hour > ? AND model != '' GROUP BY model "
        "ORDER BY MAX(hour) DESC, SUM(messages) DESC LIMIT 20"
    )
    return [row[0] for row in connection.execute(sql, (now // HOUR_MS - WEEK_HOURS,))]


def decided(connection: sqlite3.Connection, now: int, model: str) -> Decided:
    """Count what a bundle decided in the last week."""
    sql = (
        "SELECT intent, language, channel, reason, confidence, SUM(messages) FROM hours "
        "WHERE hour > ? AND model = ? GROUP BY 1, 2, 3, 4, 5"
    )
    counted = Decided()
    for intent, language, channel, reason, step, messages in connection.execute(
        sql, (now // HOUR_MS - WEEK_HOURS, model)
    ):
        values = {"intent": intent, "language": language, "channel": channel}
        counted.add(values, reason, min(max(step, 0), STEPS), messages)
    return counted


def threshold_in_force(connection: sqlite3.Connection, model: str) -> float | None:
    """Return the threshold of a bundle: that of most of its latest decisions, or a higher one that an audit decided."""
    sql = "SELECT event FROM decisions WHERE decided_by = 'model' ORDER BY id DESC LIMIT ?"
    events = (orjson.loads(row[0]) for row in connection.execute(sql, (DECISIONS_LOOKED_AT,)))
    known = Counter(event["threshold"] for event in events if _named(event) == model and "threshold" in event)
    raised = connection.execute("SELECT threshold FROM thresholds WHERE model || ' ' || version = ?", (model,))
    found = [row[0] for row in raised if row[0] is not None] + [one for one, _ in known.most_common(1)]
    return max(found, default=None)


def answers(connection: sqlite3.Connection, model: str) -> list[Answer]:
    """Return people's answers about a bundle's decisions, that the state has.

    Of an audit the first answer about a message counts, as for the audit itself; otherwise the last one.
    """
    return [*_audited(connection, model), *_reviewed(connection, model)]


def known_labels(connection: sqlite3.Connection) -> set[str]:
    """Return the intents that the requests of the review name: a model does not know other ones."""
    return {name for (labels,) in connection.execute("SELECT labels FROM label_sets") for name in orjson.loads(labels)}


def _audited(connection: sqlite3.Connection, model: str) -> Iterator[Answer]:
    sql = (
        "SELECT message_id, topic, partition, offset, channel, language, text, label, audited FROM labels "
        "WHERE audited IS NOT NULL AND decided_by = 'human' ORDER BY at DESC, id DESC LIMIT ?"
    )
    seen = set()
    for row in reversed(connection.execute(sql, (MOST_ANSWERS,)).fetchall()):
        about = orjson.loads(row["audited"])
        if _named(about) != model or row["message_id"] in seen:
            continue
        seen.add(row["message_id"])
        key = f"audit:{row['topic']}:{row['partition']}:{row['offset']}"
        asked = connection.execute("SELECT event FROM reviews WHERE key = ? AND event IS NOT NULL", (key,)).fetchone()
        yield Answer(
            key, row["text"] or "", row["label"], about["intent"], about["confidence"], about["accepted"], True,
            about["weight"], row["channel"] or "", row["language"] or "",
            {} if asked is None else orjson.loads(asked[0]).get("scores", {}),
        )  # fmt: skip


def _reviewed(connection: sqlite3.Connection, model: str) -> Iterator[Answer]:
    sql = (
        "SELECT key, channel, language, label, intent, confidence, event FROM reviews WHERE answered IS NOT NULL "
        "AND event IS NOT NULL AND audit = 0 AND label IS NOT NULL AND confidence IS NOT NULL "
        "ORDER BY answered DESC LIMIT ?"
    )
    for row in connection.execute(sql, (MOST_REVIEWS,)):
        event = orjson.loads(row["event"])
        if _named(event) == model:
            yield Answer(
                row["key"], event.get("text") or "", row["label"], row["intent"], row["confidence"], False, False, 1.0,
                row["channel"] or "", row["language"] or "", event.get("scores", {}),
            )  # fmt: skip


@dataclass
class Traffic:
    """Messages of all bundles in a time.

    Attributes:
        hours: how long it is.
        intents: by likeliest intent.
        languages: by language.
        confidence: by step of confidence.
        accepted: how many were accepted.
    """

    hours: int
    intents: Counter[str] = field(default_factory=Counter)
    languages: Counter[str] = field(default_factory=Counter)
    confidence: Counter[int] = field(default_factory=Counter)
    accepted: int = 0

    @property
    def messages(self) -> int:
        """All of them."""
        return sum(self.confidence.values())


def traffic(connection: sqlite3.Connection, now: int, days: int) -> tuple[Traffic, Traffic]:
    """Return the messages before, and the recent ones: of a week, or of a day where fewer than two weeks are kept."""
    last = now // HOUR_MS
    recent_hours = WEEK_HOURS if days >= 14 else DAY_HOURS
    begin = last - recent_hours
    (first,) = connection.execute("SELECT MIN(hour) FROM hours").fetchone()
    before, recent = Traffic(max(0, begin - (begin if first is None else first) + 1)), Traffic(recent_hours)
    sql = "SELECT hour > ?, intent, language, confidence, reason = '', SUM(messages) FROM hours GROUP BY 1, 2, 3, 4, 5"
    for is_recent, intent, language, step, accepted, messages in connection.execute(sql, (begin,)):
        own = recent if is_recent else before
        own.intents[intent] += messages
        own.languages[language] += messages
        own.confidence[step] += messages
        own.accepted += messages if accepted else 0
    return before, recent


def grouped(answers: Iterable[Answer], value: Callable[[Answer], str]) -> dict[str, list[Answer]]:
    """Return answers by a value of theirs."""
    groups: dict[str, list[Answer]] = {}
    for answer in answers:
        groups.setdefault(value(answer), []).append(answer)
    return groups


def _named(event: dict[str, Any]) -> str:
    model = event.get("model")
    return f"{model.get('name')} {model.get('version')}" if isinstance(model, dict) else ""

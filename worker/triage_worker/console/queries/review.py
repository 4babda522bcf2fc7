"""The review queue: what waits, who has what, and one message with all that helps to decide it."""

import re
import sqlite3
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import orjson

from triage_worker.console.state.values import fraction

SIMILAR = 3
WORD = re.compile(r"\w{3,}")
MOST_WORDS = 12
CANDIDATES = 20
SECOND_WITHIN_MS = 14 * 86_400_000

FREE = """
  key NOT IN (SELECT key FROM claims WHERE until > :now AND who != :who)
  AND (:skipped OR key NOT IN (SELECT key FROM skips WHERE who = :who))
"""


@dataclass(frozen=True)
class Overview:
    """How the review stands for somebody.

    Attributes:
        waiting: messages that nobody has decided.
        oldest: when the oldest of them arrived, in milliseconds since the epoch.
        held: how many of them others have at present.
        skipped: how many of them this person has skipped.
        own: answers of this person that the state knows.
    """

    waiting: int
    oldest: int | None
    held: int
    skipped: int
    own: int


def overview(connection: sqlite3.Connection, who: str, now: int) -> Overview:
    """Return how the review stands."""
    waiting, oldest = connection.execute("SELECT count(*), MIN(arrived) FROM reviews WHERE open = 1").fetchone()
    count = "SELECT count(*) FROM {} CROSS JOIN reviews USING (key) WHERE open = 1 AND "
    held = connection.execute(count.format("claims") + "until > ? AND who != ?", (now, who)).fetchone()[0]
    skipped = connection.execute(count.format("skips") + "who = ?", (who,)).fetchone()[0]
    sql = "SELECT count(*) FROM acts WHERE who = ? AND act IN ('answer', 'second_answer')"
    return Overview(waiting, oldest, held, skipped, connection.execute(sql, (who,)).fetchone()[0])


def held_by(connection: sqlite3.Connection, who: str, now: int, excluded: Collection[str]) -> str | None:
    """Return the message that somebody has opened and not answered."""
    sql = (
        "SELECT key FROM claims CROSS JOIN reviews USING (key) WHERE who = ? AND until > ? "
        "AND (open OR (first_reader != who AND second_reader IS NULL))"
    )
    found = (row[0] for row in connection.execute(sql, (who, now)))
    return next((key for key in found if key not in excluded), None)


def next_open(
    connection: sqlite3.Connection, who: str, now: int, excluded: Collection[str], *, skipped: bool
) -> list[str]:
    """Return the messages that have waited longest, and that nobody has at present, the oldest first."""
    sql = f"SELECT key FROM reviews WHERE open = 1 AND {FREE} ORDER BY arrived LIMIT :most"
    rows = connection.execute(sql, {"who": who, "now": now, "skipped": skipped, "most": len(excluded) + CANDIDATES})
    return [row[0] for row in rows if row[0] not in excluded]


def next_second(
    connection: sqlite3.Connection, who: str, now: int, excluded: Collection[str], share: float
) -> str | None:
    """Return an answered message that this person should answer, too; the message's id decides which those are."""
    sql = f"""
SELECT key FROM reviews WHERE first_reader IS NOT NULL AND second_reader IS NULL AND answered > :since AND open = 0
  AND NOT audit AND event IS NOT NULL AND first_reader != :who AND second_draw < :share AND {FREE}
ORDER BY answered LIMIT :most
"""
    since, most = now - SECOND_WITHIN_MS, len(excluded) + 1
    values = {"who": who, "now": now, "skipped": False, "since": since, "share": share, "most": most}
    return next((row[0] for row in connection.execute(sql, values) if row[0] not in excluded), None)


@dataclass(frozen=True)
class Item:
    """A message of the review.

    Attributes:
        key: identifies it.
        fields: of its request, without the labels.
        labels: every intent with its description.
        record_key: of the request's record.
        trace: the trace context of the request's record.
        arrived: when it was asked, in milliseconds since the epoch.
        is_open: whether nobody has decided it.
        answers: how often it was answered.
        label: the last answer.
        published: the intent that an answer of a person has published.
        first_reader: who answered it here.
        second_reader: who answered it as the second one.
    """

    key: str
    fields: dict[str, Any]
    labels: dict[str, str]
    record_key: bytes | None
    trace: list[tuple[str, bytes]]
    arrived: int
    is_open: bool
    answers: int
    label: str | None
    published: str | None
    first_reader: str | None
    second_reader: str | None

    @property
    def text(self) -> str:
        """The message."""
        return str(self.fields["text"])

    @property
    def audit(self) -> bool:
        """Whether the audit asks."""
        return self.fields.get("audit") is True

    @property
    def blind(self) -> bool:
        """Whether the person does not see what the model thinks.

        Audits are blind. So is every second other message: otherwise a message without the model's opinion would be
        known to be an audit.
        """
        return self.audit or fraction(self.key, "blind") < 0.5


def item(connection: sqlite3.Connection, key: str) -> Item | None:
    """Return a message; None if the state does not have it."""
    row = connection.execute(
        "SELECT reviews.*, label_sets.labels AS known FROM reviews JOIN label_sets ON label_sets.id = reviews.labels "
        "WHERE key = ? AND event IS NOT NULL",
        (key,),
    ).fetchone()
    if row is None:
        return None
    return Item(
        key,
        orjson.loads(row["event"]),
        orjson.loads(row["known"]),
        row["record_key"],
        [(name, value.encode("latin-1")) for name, value in orjson.loads(row["trace"])],
        row["arrived"],
        bool(row["open"]),
        row["answers"],
        row["label"],
        row["published"],
        row["first_reader"],
        row["second_reader"],
    )


def holder(connection: sqlite3.Connection, key: str) -> str | None:
    """Return who has claimed a message last; None if nobody has."""
    row = connection.execute("SELECT who FROM claims WHERE key = ?", (key,)).fetchone()
    return None if row is None else str(row[0])


def has_act(connection: sqlite3.Connection, act_id: str) -> bool:
    """Whether the state has an act."""
    return connection.execute("SELECT 1 FROM acts WHERE act_id = ?", (act_id,)).fetchone() is not None


@dataclass(frozen=True)
class LastAnswer:
    """The last answer of somebody: what it was about, and what it was."""

    key: str
    label: str
    at: int
    can_undo: bool


def last_answer(connection: sqlite3.Connection, who: str, since: int) -> LastAnswer | None:
    """Return the last answer of somebody, unless they took it back, or it is older than a time."""
    sql = (
        "SELECT act, subject, at, details FROM acts WHERE who = ? AND at >= ? "
        "AND act IN ('answer', 'second_answer', 'undo') ORDER BY at DESC, id DESC LIMIT 1"
    )
    row = connection.execute(sql, (who, since)).fetchone()
    if row is None or row["act"] == "undo":
        return None
    details = orjson.loads(row["details"])
    can_undo = row["act"] == "answer" and not details.get("audit")
    return LastAnswer(row["subject"], str(details.get("label", "")), row["at"], can_undo)


@dataclass(frozen=True)
class Labelled:
    """A message that was decided before."""

    text: str
    label: str
    decided_by: str
    at: int


def similar(connection: sqlite3.Connection, text: str, message_id: str, most: int = SIMILAR) -> list[Labelled]:
    """Return decided messages that share rare words with a text, the most similar one first."""
    words = list(dict.fromkeys(WORD.findall(text.casefold())))[:MOST_WORDS]
    if not words:
        return []
    sql = (
        "SELECT labels.text, label, decided_by, at FROM label_words JOIN labels ON labels.id = label_words.rowid "
        "WHERE label_words MATCH ? AND message_id != ? ORDER BY bm25(label_words) LIMIT ?"
    )
    matched = " OR ".join(f'"{word}"' for word in words)
    return [Labelled(*row) for row in connection.execute(sql, (matched, message_id, most))]


@dataclass(frozen=True)
class Agreement:
    """How often two people say the same.

    Attributes:
        both: messages that two people answered.
        same: those where they said the same.
        disputed: those where they did not: key, first and second answer, and who gave them.
    """

    both: int
    same: int
    disputed: list[tuple[str, str, str, str, str]]

    @property
    def share(self) -> float | None:
        """Of the messages that two people answered, those where they said the same; None if there are none."""
        return self.same / self.both if self.both else None


def agreement(connection: sqlite3.Connection) -> Agreement:
    """Compare the answers of two people."""
    where = "second_reader IS NOT NULL AND label IS NOT NULL"
    both, same = connection.execute(
        f"SELECT count(*), COALESCE(SUM(label = second_label), 0) FROM reviews WHERE {where}"
    ).fetchone()
    rows = connection.execute(
        f"SELECT key, label, second_label, COALESCE(first_reader, ''), second_reader FROM reviews "
        f"WHERE {where} AND label != second_label AND answers < 2 ORDER BY answered DESC LIMIT 100"
    )
    return Agreement(both, same, [tuple(row) for row in rows])

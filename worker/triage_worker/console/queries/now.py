"""What is happening now, by the topics: messages a minute, the sum of all messages, surges, the audit."""

import sqlite3
from collections import Counter
from dataclasses import dataclass, field

from triage_worker.console.state.counted import OUTCOMES
from triage_worker.console.state.values import MINUTE_MS


@dataclass(frozen=True)
class Minute:
    """Messages in one minute.

    Attributes:
        at: when it begins, in milliseconds since the epoch.
        outcomes: the worker's, by `OUTCOMES`.
        decided: by the LLM and by people.
    """

    at: int
    outcomes: dict[str, int] = field(default_factory=dict)
    decided: dict[str, int] = field(default_factory=dict)

    @property
    def messages(self) -> int:
        """All messages of the worker."""
        return sum(self.outcomes.values())


def minutes(connection: sqlite3.Connection, now: int, count: int = 60) -> list[Minute]:
    """Return the last minutes, oldest first, also those without messages; the last one is not over."""
    last = now // MINUTE_MS
    found = {number: Minute(number * MINUTE_MS) for number in range(last - count + 1, last + 1)}
    sql = "SELECT minute, stage, outcome, SUM(messages) FROM minutes WHERE minute > ? GROUP BY 1, 2, 3"
    for minute, stage, outcome, messages in connection.execute(sql, (last - count,)):
        if minute not in found:
            continue
        if stage == "model" and outcome in OUTCOMES:
            found[minute].outcomes[outcome] = messages
        elif stage in {"llm", "human"}:
            found[minute].decided[stage] = found[minute].decided.get(stage, 0) + messages
    return list(found.values())


def labels(connection: sqlite3.Connection, now: int, count: int = 60) -> dict[str, Counter[str]]:
    """Return messages by intent, reason or code of the last minutes, for each outcome."""
    since = now // MINUTE_MS - count
    sql = "SELECT outcome, label, SUM(messages) FROM minutes WHERE minute > ? AND stage = 'model' GROUP BY 1, 2"
    found: dict[str, Counter[str]] = {outcome: Counter() for outcome in OUTCOMES}
    for outcome, label, messages in connection.execute(sql, (since,)):
        found.setdefault(outcome, Counter())[label] = messages
    return found


@dataclass(frozen=True)
class Account:
    """The sum of all messages that the state knows.

    Attributes:
        offsets: from the first message that was answered to the last one, in every partition.
        answered: how many of these have exactly one answer of the worker.
        outcomes: the answers in the time that is shown, by outcome.
    """

    offsets: int
    answered: int
    outcomes: dict[str, int]

    @property
    def open(self) -> int:
        """Offsets without an answer: messages in work, skipped changes of rows, and marks of transactions."""
        return self.offsets - self.answered

    @property
    def holds(self) -> bool:
        """Whether the outcomes are the answers: none is missing, and none is counted twice."""
        return sum(self.outcomes.values()) == self.answered


def account(connection: sqlite3.Connection) -> Account:
    """Count all messages that the state knows, by blocks of offsets."""
    (offsets,) = connection.execute(
        "SELECT COALESCE(SUM(last - first + 1), 0) FROM (SELECT MIN(first) AS first, MAX(last) AS last FROM counted "
        "WHERE stage = 'model' GROUP BY topic, partition)"
    ).fetchone()
    names = ("messages", *OUTCOMES)
    sums = ", ".join(f"COALESCE(SUM({name}), 0)" for name in names)
    answered, *counts = connection.execute(f"SELECT {sums} FROM counted WHERE stage = 'model'").fetchone()
    return Account(offsets, answered, dict(zip(OUTCOMES, counts, strict=True)))


@dataclass(frozen=True)
class Queue:
    """The review queue.

    Attributes:
        waiting: messages that nobody has decided.
        oldest: when the oldest arrived, in milliseconds since the epoch; None if none waits.
        answered: answers of people in the last hour.
    """

    waiting: int
    oldest: int | None
    answered: int


def queue(connection: sqlite3.Connection, now: int) -> Queue:
    """Return how the review stands."""
    waiting, oldest = connection.execute("SELECT count(*), MIN(arrived) FROM reviews WHERE open = 1").fetchone()
    sql = "SELECT count(*) FROM labels WHERE decided_by = 'human' AND at > ?"
    (answered,) = connection.execute(sql, (now - 60 * MINUTE_MS,)).fetchone()
    return Queue(waiting, oldest, answered)


@dataclass(frozen=True)
class Surge:
    """An intent that is asked for more often than usual."""

    intent: str
    count: int
    usual: float
    since: int | None


def surges(connection: sqlite3.Connection) -> list[Surge]:
    """Return the surges that have not ended."""
    sql = "SELECT intent, count, usual, window_start FROM alerts WHERE NOT ended ORDER BY window_start DESC LIMIT 20"
    return [Surge(*row) for row in connection.execute(sql)]

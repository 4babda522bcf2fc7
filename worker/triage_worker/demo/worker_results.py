"""Collects the worker's results: each message with its outcome, and the check that they account for one another."""

from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from triage_worker.demo.accounting_check import AccountingCheck
from triage_worker.terminal.decision_table import Row

OutcomeKind = Literal["accepted", "fallback", "dead letter"]
SourceOffset = tuple[int, int]
"""The partition and the offset of a message on the input topic, which identify it."""

RECENT = 2_000
"""Messages whose latency is shown: enough for a 99th percentile, few enough to sort for every frame."""


class Outcome(NamedTuple):
    """What the worker made of a message; ``at`` is the record's time, in seconds since the epoch."""

    kind: OutcomeKind
    intent: str
    confidence: float | None
    reason: str | None
    at: float


@dataclass
class WorkerResults:
    """Joins messages and outcomes by their offset, in whichever order they are read.

    Attributes:
        messages: text, and time in seconds since the epoch, of each message.
        outcomes: the first outcome of each message.
        rows: messages with their outcomes that have not been shown yet.
        latencies: seconds from produced to decided, one per message.
        counts: outcomes by kind.
        repeats: further outcomes of messages that had one.
    """

    messages: dict[SourceOffset, tuple[str, float]] = field(default_factory=dict)
    outcomes: dict[SourceOffset, Outcome] = field(default_factory=dict)
    rows: deque[Row] = field(default_factory=deque)
    latencies: list[float] = field(default_factory=list)
    counts: Counter[OutcomeKind] = field(default_factory=Counter)
    repeats: int = 0

    def add_message(self, offset: SourceOffset, text: str, at: float) -> None:
        """Add a message of the input topic, produced at ``at``."""
        self.messages[offset] = text, at
        if offset in self.outcomes:
            self._join(offset)

    def add_outcome(self, offset: SourceOffset, outcome: Outcome) -> None:
        """Add the outcome of a message."""
        if offset in self.outcomes:
            self.repeats += 1
            return
        self.outcomes[offset] = outcome
        self.counts[outcome.kind] += 1
        if offset in self.messages:
            self._join(offset)

    @property
    def done(self) -> int:
        """Messages that have an outcome."""
        return len(self.latencies)

    def check(self) -> AccountingCheck:
        """The check that each message has one outcome, by the present counts."""
        return AccountingCheck(
            {"read": len(self.messages)},
            {
                "accepted": self.counts["accepted"],
                "fallback": self.counts["fallback"],
                "dead letters": self.counts["dead letter"],
            },
            {"unknown": len(self.outcomes.keys() - self.messages.keys()), "answered twice": self.repeats},
        )

    def latency(self, share: float, *, first: int | None = None) -> float:
        """A quantile of the latencies, in seconds.

        Args:
            share: the quantile, from 0 to 1.
            first: of so many messages from the beginning; None takes the latest `RECENT` ones.
        """
        ordered = sorted(self.latencies[-RECENT:] if first is None else self.latencies[:first])
        if not ordered:
            return 0.0
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]

    def rate_after(self, first: int) -> float:
        """Messages per second, by the records' times, without the ``first`` messages that were produced."""
        produced = sorted(at for _, at in self.messages.values())[first:]
        if not produced:
            return 0.0
        return len(produced) / max(max(outcome.at for outcome in self.outcomes.values()) - produced[0], 0.001)

    def _join(self, offset: SourceOffset) -> None:
        text, since = self.messages[offset]
        outcome = self.outcomes[offset]
        self.latencies.append(outcome.at - since)
        self.rows.append(Row(text, outcome.intent, outcome.confidence, outcome.kind == "accepted", outcome.reason))

"""The worker's part of the demo's books: what went in, what came out, and whether the one accounts for the other."""

from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from triage_worker.demo.law import Law
from triage_worker.terminal.decision_table import Row

Kind = Literal["accepted", "fallback", "dead letter"]
Place = tuple[int, int]
"""Partition and offset on the input topic."""


RECENT = 2_000
"""Messages whose latency is shown: enough for a 99th percentile, few enough to sort for every frame."""


class Answer(NamedTuple):
    """What became of a message."""

    kind: Kind
    intent: str
    confidence: float | None
    reason: str | None
    at: float


@dataclass
class Tally:
    """Joins messages and answers by their place, in whichever order they are seen.

    Attributes:
        rows: messages with their answers that nobody has shown yet.
        latencies: seconds from produced to answered, one a message.
    """

    messages: dict[Place, tuple[str, float]] = field(default_factory=dict)
    answers: dict[Place, Answer] = field(default_factory=dict)
    rows: deque[Row] = field(default_factory=deque)
    latencies: list[float] = field(default_factory=list)
    counts: Counter[Kind] = field(default_factory=Counter)
    repeats: int = 0

    def read(self, place: Place, text: str, at: float) -> None:
        """A message is on the input topic since ``at``."""
        self.messages[place] = text, at
        if place in self.answers:
            self._join(place)

    def answer(self, place: Place, answer: Answer) -> None:
        """A message has been answered."""
        if place in self.answers:
            self.repeats += 1
            return
        self.answers[place] = answer
        self.counts[answer.kind] += 1
        if place in self.messages:
            self._join(place)

    @property
    def done(self) -> int:
        """Messages that have been answered."""
        return len(self.latencies)

    def law(self) -> Law:
        """The conservation law, as it stands."""
        return Law(
            {"read": len(self.messages)},
            {
                "accepted": self.counts["accepted"],
                "fallback": self.counts["fallback"],
                "dead letters": self.counts["dead letter"],
            },
            {"unknown": len(self.answers.keys() - self.messages.keys()), "answered twice": self.repeats},
        )

    def latency(self, share: float, *, first: int | None = None) -> float:
        """The latency, in seconds, that this share of the last messages kept to, or of the ``first`` so many."""
        ordered = sorted(self.latencies[-RECENT:] if first is None else self.latencies[:first])
        if not ordered:
            return 0.0
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]

    def rate_after(self, first: int) -> float:
        """Messages answered a second, by the topics' times, once the first so many had been produced."""
        produced = sorted(at for _, at in self.messages.values())[first:]
        if not produced:
            return 0.0
        return len(produced) / max(max(answer.at for answer in self.answers.values()) - produced[0], 0.001)

    def _join(self, place: Place) -> None:
        text, since = self.messages[place]
        answer = self.answers[place]
        self.latencies.append(answer.at - since)
        self.rows.append(Row(text, answer.intent, answer.confidence, answer.kind == "accepted", answer.reason))

"""Putting the rows to a larger model, several at once, until all are answered or there is a reason to stop."""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from triage_worker.fallback import prompt
from triage_worker.fallback.answer import Answer
from triage_worker.fallback.cost import Prices
from triage_worker.fallback.llm import Llm, NoAnswer
from triage_worker.llm_evaluation.kept import Kept
from triage_worker.llm_evaluation.meter import Meter, Said

PATIENCE = 10
"""Questions in a row without an answer from the endpoint, at the least, after which it counts as away."""

PASSING = ("unavailable", "deadline")
"""What says nothing of the question: it is not kept, and asked again the next time."""

Stop = Literal["max_money", "no_answer"]


@dataclass(frozen=True, slots=True)
class Question:
    """A `triage_worker.fallback.prompt.Subject`."""

    text: str
    labels: Mapping[str, str]
    scores: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Row:
    """The questions of one row: to the LLM by itself, and the fallback's, where that would be asked."""

    alone: Question
    refused: Question | None


@dataclass(frozen=True, slots=True)
class Heard:
    """What came of a row's questions."""

    alone: Said
    refused: Said | None


@dataclass(slots=True)
class Standing:
    """How far it is.

    Attributes:
        rows: that are done.
        to_ask: questions without an answer from before.
        asked: questions that were asked in this run.
        reused: answers that were there already.
        spent: money, in this run.
    """

    rows: int = 0
    to_ask: int = 0
    asked: int = 0
    reused: int = 0
    spent: float = 0.0

    @property
    def to_spend(self) -> float | None:
        """About what the rest will cost; None before the first answer."""
        return self.spent / self.asked * (self.to_ask - self.asked) if self.asked else None


class _OverBudget(Exception):  # noqa: N818 (a signal, not an error)
    """A row cannot be finished."""


class Interview:
    """One run over rows.

    Args:
        llm: who is asked, by way of ``meter``.
        meter: notes the calls.
        kept: answers of earlier runs, and where those of this one go.
        name: the hash of a question.
        prices: what tokens cost.
    """

    def __init__(
        self, llm: Llm, meter: Meter, kept: Kept, name: Callable[[list[prompt.Message]], str], prices: Prices
    ) -> None:
        self.standing = Standing()
        self.stopped: Stop | None = None
        self._llm = llm
        self._meter = meter
        self._kept = kept
        self._name = name
        self._prices = prices
        self._unanswered = 0
        self._patience = PATIENCE
        self._in_flight = 0
        self._settled = asyncio.Condition()

    @property
    def problem(self) -> str:
        """What the endpoint's last failure was."""
        return self._llm.problem or "it refuses every request"

    async def hold(
        self, rows: Mapping[int, Row], *, concurrency: int, progress: Callable[[Standing], None] = lambda standing: None
    ) -> dict[int, Heard]:
        """Ask about rows in their order; what was heard of those that were finished, by their keys."""
        heard: dict[int, Heard] = {}
        waiting = iter(rows.items())
        self._patience = max(PATIENCE, 2 * concurrency)
        self.standing.to_ask = len({name for name in map(self._hash, _questions(rows)) if name not in self._kept})

        async def work() -> None:
            for place, row in waiting:
                try:
                    heard[place] = await self._row(row)
                except _OverBudget:
                    self.stopped = self.stopped or "max_money"
                if self.stopped is not None:
                    return
                self.standing.rows += 1
                progress(self.standing)

        await asyncio.gather(*(work() for _ in range(concurrency)))
        return heard

    async def _row(self, row: Row) -> Heard:
        alone = await self._ask(row.alone)
        return Heard(alone, None if row.refused is None else await self._ask(row.refused))

    async def _ask(self, question: Question) -> Said:
        turns = prompt.messages(question)
        name = self._name(turns)
        known = self._kept.get(name)
        if known is not None:
            self.standing.reused += 1
            return known
        with self._meter.noting() as calls:
            answer = await self._answer(question, turns)
        said = Said(answer, tuple(calls))
        self.standing.asked += 1
        self.standing.spent += said.money(self._prices)
        if answer == "over_budget":
            raise _OverBudget
        if answer in PASSING:
            self._missed()
        else:
            self._unanswered = 0
            self._kept.add(name, said)
        return said

    async def _answer(self, question: Question, turns: list[prompt.Message]) -> Answer | NoAnswer:
        """Ask; what is over budget waits for the calls in flight, for which far more is set aside than they take."""
        while True:
            self._in_flight += 1
            try:
                answer = await self._llm.answer(question, turns)
            finally:
                self._in_flight -= 1
            async with self._settled:
                self._settled.notify_all()
                if answer != "over_budget" or not self._in_flight or self.stopped is not None:
                    return answer
                await self._settled.wait()

    def _missed(self) -> None:
        """Notice an endpoint that is away, before every row has waited for it."""
        self._unanswered += 1
        if self._unanswered >= self._patience and self.stopped is None:
            self.stopped = "no_answer"

    def _hash(self, question: Question) -> str:
        return self._name(prompt.messages(question))


def _questions(rows: Mapping[int, Row]) -> Iterator[Question]:
    for row in rows.values():
        yield row.alone
        if row.refused is not None:
            yield row.refused

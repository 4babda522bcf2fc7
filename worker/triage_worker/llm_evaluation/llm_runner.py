"""Asks an LLM about the rows of a data set, several at once, until all are answered or there is a reason to stop."""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

from triage_worker.fallback import prompt
from triage_worker.fallback.answer import Answer
from triage_worker.fallback.cost import Prices
from triage_worker.fallback.llm import Llm
from triage_worker.fallback.llm_calls import NoAnswerReason
from triage_worker.llm_evaluation.answer_cache import AnswerCache
from triage_worker.llm_evaluation.metered_endpoint import MeteredEndpoint, QuestionResult

FAILURE_LIMIT = 10
"""Questions in a row without an answer, at least, after which the endpoint counts as unavailable."""

UNUSABLE_LIMIT = 20
"""Questions in a row without a usable answer after which the run ends, unless the endpoint answers a known-good one.
They are more than in the fallback: that a model cannot do the task is a result, too."""

TRANSIENT = ("unavailable", "deadline")
"""Results that depend on the endpoint and not on the question. They are not stored, and asked again in the next run."""

StopReason = Literal["max_money", "no_answer"]


@dataclass(frozen=True, slots=True)
class Question:
    """A question about one text; a `triage_worker.fallback.prompt.Subject`.

    Attributes:
        text: the customer's text.
        labels: all intents with their descriptions.
        scores: the bundle's most likely intents; empty if the LLM should get no hint.
    """

    text: str
    labels: Mapping[str, str]
    scores: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class RowQuestions:
    """The questions about one row.

    Attributes:
        alone: to the LLM by itself.
        fallback: as the fallback asks it, with the bundle's guesses; None if the fallback would not be asked.
    """

    alone: Question
    fallback: Question | None


@dataclass(frozen=True, slots=True)
class RowResult:
    """The results of a row's questions; ``fallback`` is None if there was no such question."""

    alone: QuestionResult
    fallback: QuestionResult | None


@dataclass(slots=True)
class RunProgress:
    """How far a run is.

    Attributes:
        rows: rows that are done.
        to_ask: questions that have no stored answer.
        asked: questions that were asked in this run.
        reused: answers that came from the cache.
        spent: money that this run has spent.
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


class _UnfinishedError(Exception):
    """A row cannot be finished in this run."""


class LlmRunner:
    """One run over rows.

    Args:
        llm: the LLM to ask; its endpoint must be ``meter``.
        meter: records the calls.
        cache: has the answers of earlier runs, and stores those of this one.
        key: makes the cache's key of a question.
        prices: prices of tokens.

    Attributes:
        progress: how far the run is.
        stopped: why the run stopped early; None if it did not.
    """

    def __init__(
        self,
        llm: Llm,
        meter: MeteredEndpoint,
        cache: AnswerCache,
        key: Callable[[list[prompt.Message]], str],
        prices: Prices,
    ) -> None:
        self.progress = RunProgress()
        self.stopped: StopReason | None = None
        self._llm = llm
        self._meter = meter
        self._cache = cache
        self._key = key
        self._prices = prices
        self._failures = 0
        self._failure_limit = FAILURE_LIMIT
        self._in_flight = 0
        self._answered = asyncio.Condition()

    @property
    def last_error(self) -> str:
        """The endpoint's last failure."""
        return self._llm.last_error or "it rejects every request"

    async def run(
        self,
        rows: Mapping[int, RowQuestions],
        *,
        concurrency: int,
        on_progress: Callable[[RunProgress], None] = lambda progress: None,
    ) -> dict[int, RowResult]:
        """Ask about the rows in their order.

        Args:
            rows: the questions, by row number.
            concurrency: how many rows are asked about at once.
            on_progress: called after each row.

        Returns:
            The results of the rows that were finished, by row number.
        """
        results: dict[int, RowResult] = {}
        waiting = iter(rows.items())
        self._failure_limit = max(FAILURE_LIMIT, 2 * concurrency)
        self.progress.to_ask = len({key for key in map(self._key_of, _questions(rows)) if key not in self._cache})

        async def work() -> None:
            for number, row in waiting:
                with suppress(_UnfinishedError):
                    results[number] = await self._ask_row(row)
                if self.stopped is not None:
                    return
                self.progress.rows += 1
                on_progress(self.progress)

        await asyncio.gather(*(work() for _ in range(concurrency)))
        return results

    async def _ask_row(self, row: RowQuestions) -> RowResult:
        alone = await self._ask(row.alone)
        return RowResult(alone, None if row.fallback is None else await self._ask(row.fallback))

    async def _ask(self, question: Question) -> QuestionResult:
        messages = prompt.messages(question)
        key = self._key(messages)
        cached = self._cache.get(key)
        if cached is not None:
            self.progress.reused += 1
            return cached
        with self._meter.recording() as calls:
            answer = await self._answer(question, messages)
        self.progress.spent += sum(call.money(self._prices) for call in calls)
        if answer is None or answer == "over_budget":
            self.stopped = self.stopped or ("no_answer" if answer is None else "max_money")
            raise _UnfinishedError
        result = QuestionResult(answer, tuple(calls))
        self.progress.asked += 1
        if answer in TRANSIENT:
            self._record_failure()
        else:
            self._failures = 0
            self._cache.add(key, result)
        return result

    async def _answer(self, question: Question, messages: list[prompt.Message]) -> Answer | NoAnswerReason | None:
        """Ask one question; None if the endpoint is at fault.

        A question over budget waits for the calls in flight: they have reserved far more money than they take.
        """
        while True:
            await self._llm.wait_for_negotiation()
            if self._llm.fault is not None:
                return None
            self._in_flight += 1
            try:
                answer = await self._llm.answer(question, messages)
            finally:
                self._in_flight -= 1
            async with self._answered:
                self._answered.notify_all()
                if answer is None:
                    continue
                if answer != "over_budget" or not self._in_flight or self.stopped is not None:
                    return answer
                await self._answered.wait()

    def _record_failure(self) -> None:
        """Stop the run if the endpoint is unavailable, before every row has waited for it."""
        self._failures += 1
        if self._failures >= self._failure_limit and self.stopped is None:
            self.stopped = "no_answer"

    def _key_of(self, question: Question) -> str:
        return self._key(prompt.messages(question))


def _questions(rows: Mapping[int, RowQuestions]) -> Iterator[Question]:
    for row in rows.values():
        yield row.alone
        if row.fallback is not None:
            yield row.fallback

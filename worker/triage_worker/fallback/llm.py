"""A question put to the LLM until there is an answer, or a reason to stop: retries, budget, breaker and deadline."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from time import monotonic
from typing import Any, Literal, Protocol

from triage_worker.fallback import cost, prompt, retry
from triage_worker.fallback.answer import Answer, Unusable, read
from triage_worker.fallback.breaker import Breaker
from triage_worker.fallback.budget import Budget, Spending
from triage_worker.fallback.client import NoCompletion, Refused, Reply, Unavailable
from triage_worker.fallback.cost import Prices, Tokens
from triage_worker.fallback.dialect import Asked, Dialect
from triage_worker.fallback.metrics import LlmMetrics

log = logging.getLogger(__name__)

LEAST_TIMEOUT_S = 0.01
"""aiohttp takes 0 for no time-out at all."""

NoAnswer = Unusable | Literal["refused", "over_budget", "unavailable", "deadline"]


class Endpoint(Protocol):
    """What is needed of a `triage_worker.fallback.client.Client`."""

    async def ask(self, body: dict[str, Any], timeout_s: float) -> Reply: ...


@dataclass(frozen=True, slots=True)
class Limits:
    """What one question may take: seconds of a call, seconds in all, tokens of an answer."""

    timeout_s: float
    deadline_s: float
    max_tokens: int


class _Stop(Exception):  # noqa: N818 (a signal, not an error)
    """No answer comes, and why."""

    def __init__(self, why: NoAnswer) -> None:
        super().__init__(why)
        self.why: NoAnswer = why


class Llm:
    """One endpoint and one model there.

    Args:
        endpoint: makes the calls.
        model: its name.
        limits: of a question.
        prices: what tokens cost.
        budget: what may be spent.
        metrics: where calls are counted.
        clock: seconds that only rise.
        sleep: waits for seconds of that clock.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        model: str,
        limits: Limits,
        prices: Prices,
        budget: Budget,
        metrics: LlmMetrics,
        *,
        clock: Callable[[], float] = monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.dialect = Dialect(model, limits.max_tokens)
        self.breaker = Breaker()
        self.problem: str | None = None
        self._endpoint = endpoint
        self._limits = limits
        self._prices = prices
        self._budget = budget
        self._metrics = metrics
        self._clock = clock
        self._sleep = sleep
        metrics.watch(self.breaker)

    @property
    def down(self) -> str | None:
        """What keeps it from being asked; None when nothing does."""
        if self._budget.problem is not None:
            return self._budget.problem
        if self.breaker.state == "closed":
            return None
        return f"the LLM does not answer ({self.problem})"

    async def answer(self, subject: prompt.Subject, turns: list[prompt.Message]) -> Answer | NoAnswer:
        """Ask what a message wants; ``turns`` are the question about it."""
        try:
            return await self._ask(subject, turns)
        except _Stop as stop:
            return stop.why

    async def _ask(self, subject: prompt.Subject, turns: list[prompt.Message]) -> Answer | Unusable:
        deadline = self._clock() + self._limits.deadline_s
        schema = prompt.schema(list(subject.labels))
        estimated = cost.estimate(turns, self._limits.max_tokens)
        failures = 0
        while True:
            await self._let_through(deadline)
            asked = self.dialect.ask(turns, schema)
            try:
                reply = await self._call(asked, estimated, deadline)
            except Refused as refusal:
                if not self.dialect.refused(asked, refusal.said):
                    raise _Stop("refused") from refusal
            except Unavailable as problem:
                if isinstance(problem, NoCompletion):
                    self.dialect.missed(asked)  # some servers say in this way that they do not understand
                failures += 1
                if failures >= retry.TRIES:
                    raise _Stop("unavailable") from problem
                await self._pause(retry.pause_s(failures), deadline)
            else:
                said = read(reply.content, subject.labels)
                if isinstance(said, Answer):
                    self.dialect.understood(asked)
                    return said
                if not self.dialect.missed(asked):
                    log.warning("An answer of the LLM cannot be used", extra={"problem": said})
                    return said

    async def _let_through(self, deadline: float) -> None:
        """Wait for the breaker, as long as the deadline lets us.

        Waiting, and not giving up at once, keeps an outage of minutes from sending the whole stream to people.
        """
        while (wait_s := self.breaker.wait_s(self._clock())) > 0:
            await self._pause(wait_s, deadline)

    async def _pause(self, seconds: float, deadline: float) -> None:
        left = deadline - self._clock()
        await self._sleep(max(0.0, min(seconds, left)))
        if seconds >= left:
            raise _Stop("deadline")

    async def _call(self, asked: Asked, estimated: Tokens, deadline: float) -> Reply:
        try:
            spending = await self._reserve(self._prices.of(estimated), deadline)
        except (_Stop, asyncio.CancelledError):
            self.breaker.withdrawn(self._clock())
            raise
        started = self._clock()
        try:
            reply = await self._endpoint.ask(
                asked.body, max(LEAST_TIMEOUT_S, min(self._limits.timeout_s, deadline - started))
            )
        except Refused:
            self._budget.settle(spending, 0.0)
            self.breaker.succeeded()
            self._metrics.called("refused", self._clock() - started)
            raise
        except Unavailable as problem:
            if not problem.charged:
                self._budget.settle(spending, 0.0)
            self._metrics.called("unavailable", self._clock() - started)
            self._failed(problem)
            raise
        except asyncio.CancelledError:
            self.breaker.withdrawn(self._clock())
            raise
        self.breaker.succeeded()
        tokens = cost.billed(reply, estimated)
        money = self._prices.of(tokens)
        self._budget.settle(spending, money)
        self._metrics.billed(tokens.read, tokens.written, money)
        self._metrics.called("answered", self._clock() - started)
        return reply

    async def _reserve(self, cost: float, deadline: float) -> Spending:
        """Set aside what a call may cost, as soon as the budget says that it may be made."""
        try:
            async with asyncio.timeout(max(0.0, deadline - self._clock())):
                spending = await self._budget.reserve(cost)
        except TimeoutError:
            raise _Stop("deadline") from None
        if spending is None:
            raise _Stop("over_budget")
        return spending

    def _failed(self, problem: Unavailable) -> None:
        before = self.breaker.state
        self.breaker.failed(self._clock(), problem.retry_after_s)
        self.problem = str(problem)
        if self.breaker.state == "open" and before != "open":
            log.warning("The LLM keeps failing and is left alone for a while", extra={"error": self.problem})

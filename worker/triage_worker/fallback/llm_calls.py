"""Makes the calls to an endpoint: each one within the deadline, the circuit breaker and the budget, and counted."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from triage_worker.fallback import cost, prompt
from triage_worker.fallback.answer import UnusableReason
from triage_worker.fallback.budget import Budget, Reservation
from triage_worker.fallback.circuit_breaker import CircuitBreaker
from triage_worker.fallback.completion import Completion
from triage_worker.fallback.cost import Prices, Tokens
from triage_worker.fallback.errors import NotACompletionError, RejectedError, UnavailableError
from triage_worker.fallback.metrics import LlmMetrics
from triage_worker.fallback.request_profile import RequestProfile

log = logging.getLogger(__name__)

SHORTEST_TIMEOUT_S = 0.01
"""aiohttp takes a time-out of 0 for none at all."""

NoAnswerReason = UnusableReason | Literal["refused", "over_budget", "unavailable", "deadline"]


class Endpoint(Protocol):
    """An endpoint that completes prompts; a `triage_worker.fallback.client.LlmClient` is one."""

    async def complete(self, body: dict[str, Any], timeout_s: float) -> Completion:
        """Request one completion.

        Raises:
            UnavailableError: the endpoint does not answer, or not with a completion.
            RejectedError: the endpoint refuses the request.
        """
        ...


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of one question.

    Attributes:
        timeout_s: the longest time for one call, in seconds.
        deadline_s: the longest time for the question with all its retries, in seconds.
        max_tokens: the longest answer, in tokens.
    """

    timeout_s: float
    deadline_s: float
    max_tokens: int


@dataclass(frozen=True, slots=True)
class Timer:
    """A monotonic clock, in seconds, and how to wait by it."""

    clock: Callable[[], float]
    sleep: Callable[[float], Awaitable[None]]


class NoAnswerError(Exception):
    """Ends a question without an answer."""

    def __init__(self, reason: NoAnswerReason) -> None:
        super().__init__(reason)
        self.reason: NoAnswerReason = reason


class LlmCalls:
    """The calls to one model at one endpoint.

    Args:
        endpoint: makes the calls.
        model: the model's name there.
        limits: limits of a question.
        prices: prices of tokens.
        budget: decides whether a call may be made.
        metrics: counts the calls.
        timer: a clock.

    Attributes:
        breaker: the circuit breaker of the endpoint.
        last_error: the last failure of the endpoint; None before the first.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        model: str,
        limits: Limits,
        prices: Prices,
        budget: Budget,
        metrics: LlmMetrics,
        timer: Timer,
    ) -> None:
        self.breaker = CircuitBreaker()
        self.last_error: str | None = None
        self._endpoint = endpoint
        self._model = model
        self._limits = limits
        self._prices = prices
        self._budget = budget
        self._metrics = metrics
        self._clock = timer.clock
        self._sleep = timer.sleep

    async def ask(
        self, profile: RequestProfile, messages: list[prompt.Message], labels: Mapping[str, str], deadline: float
    ) -> Completion:
        """Ask one question once, as soon as the circuit breaker allows it.

        Args:
            profile: the form of the request.
            messages: the question.
            labels: the intents that are allowed.
            deadline: the time by which there must be an answer.

        Raises:
            RejectedError: the endpoint refuses the request.
            UnavailableError: the endpoint does not answer, or not with a completion.
            NoAnswerError: the call was not made.
        """
        await self._wait_for_breaker(deadline)
        body = profile.body(self._model, self._limits.max_tokens, messages, prompt.schema(list(labels)))
        return await self._call(body, cost.highest(messages, self._limits.max_tokens), deadline)

    async def pause(self, seconds: float, deadline: float) -> None:
        """Wait before the next call.

        Raises:
            NoAnswerError: the deadline comes first.
        """
        left = deadline - self._clock()
        await self._sleep(max(0.0, min(seconds, left)))
        if seconds >= left:
            raise NoAnswerError("deadline")

    async def _wait_for_breaker(self, deadline: float) -> None:
        """Wait until the circuit breaker allows a call, up to the deadline.

        Messages wait and are not given up at once, so that an outage of minutes does not send the whole stream to
        people.
        """
        while (wait_s := self.breaker.wait_s(self._clock())) > 0:
            await self.pause(wait_s, deadline)

    async def _call(self, body: dict[str, Any], most: Tokens, deadline: float) -> Completion:
        """Make one call that the circuit breaker has allowed, and report it to breaker, budget and metrics."""
        try:
            reservation = await self._reserve(self._prices.cost(most), deadline)
        except (NoAnswerError, asyncio.CancelledError):
            self.breaker.record_cancellation()
            raise
        started = self._clock()
        timeout_s = max(SHORTEST_TIMEOUT_S, min(self._limits.timeout_s, deadline - started))
        try:
            completion = await self._endpoint.complete(body, timeout_s)
        except RejectedError:
            self._budget.cancel(reservation)
            self.breaker.record_success()
            self._metrics.record_call("refused", self._clock() - started)
            raise
        except UnavailableError as error:
            if not error.may_be_billed:
                self._budget.cancel(reservation)
            self._metrics.record_call("unavailable", self._clock() - started)
            self._record_failure(error)
            raise
        except asyncio.CancelledError:
            self.breaker.record_cancellation()
            raise
        self.breaker.record_success()
        tokens = cost.billed(completion, most)
        money = self._prices.cost(tokens)
        self._budget.record_actual_cost(reservation, money)
        self._metrics.record_usage(tokens.input, tokens.output, money)
        self._metrics.record_call("answered", self._clock() - started)
        return completion

    async def _reserve(self, money: float, deadline: float) -> Reservation:
        """Reserve what a call may cost; waits for the budget's decision, up to the deadline."""
        try:
            async with asyncio.timeout(max(0.0, deadline - self._clock())):
                reservation = await self._budget.reserve(money)
        except TimeoutError:
            raise NoAnswerError("deadline") from None
        if reservation is None:
            raise NoAnswerError("over_budget")
        return reservation

    def _record_failure(self, error: UnavailableError) -> None:
        if isinstance(error, NotACompletionError):
            self.breaker.record_success()  # it answers; whether it is at fault is found out otherwise
            return
        before = self.breaker.state
        self.breaker.record_failure(self._clock(), error.retry_after_s)
        self.last_error = str(error)
        if self.breaker.state == "open" and before != "open":
            log.warning("The LLM keeps failing: no calls for a while", extra={"error": self.last_error})

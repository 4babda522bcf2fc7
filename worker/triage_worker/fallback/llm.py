"""Asks the LLM a question until there is an answer or a reason to stop: retries, budget, circuit breaker, deadline."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from time import monotonic
from typing import Any, Literal, Protocol

from triage_worker.fallback import cost, prompt
from triage_worker.fallback.answer import Answer, UnusableAnswer, parse_answer
from triage_worker.fallback.budget import Budget, Reservation
from triage_worker.fallback.circuit_breaker import CircuitBreaker
from triage_worker.fallback.client import Completion, NotACompletionError, RejectedError, UnavailableError
from triage_worker.fallback.cost import Prices, Tokens
from triage_worker.fallback.metrics import LlmMetrics
from triage_worker.fallback.response_format import FormatNegotiator, FormattedRequest
from triage_worker.resilience.backoff import RetryPolicy

log = logging.getLogger(__name__)

MAX_FAILED_CALLS = 5
"""Failed calls about one message after which a person decides it."""

RETRY_POLICY = RetryPolicy(first_s=0.5, longest_s=8.0, jitter=1.0)

SHORTEST_TIMEOUT_S = 0.01
"""aiohttp takes a time-out of 0 for none at all."""

NoAnswerReason = UnusableAnswer | Literal["refused", "over_budget", "unavailable", "deadline"]


class Endpoint(Protocol):
    """An endpoint that completes prompts; a `triage_worker.fallback.client.LlmClient` is one."""

    async def complete(self, body: dict[str, Any], timeout_s: float) -> Completion:
        """Request one completion.

        Raises:
            UnavailableError: the endpoint does not answer, or not with a completion.
            RejectedError: the endpoint says that the request is bad.
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


class _NoAnswerError(Exception):
    """Ends a question without an answer."""

    def __init__(self, reason: NoAnswerReason) -> None:
        super().__init__(reason)
        self.reason: NoAnswerReason = reason


class Llm:
    """One model at one endpoint.

    Args:
        endpoint: makes the calls.
        model: the model's name there.
        limits: limits of a question.
        prices: prices of tokens.
        budget: decides whether a call may be made.
        metrics: counts the calls.
        clock: a monotonic clock, in seconds.
        sleep: waits for seconds of that clock.

    Attributes:
        formats: what is known about the response formats that the endpoint supports.
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
        *,
        clock: Callable[[], float] = monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.formats = FormatNegotiator(model, limits.max_tokens)
        self.breaker = CircuitBreaker()
        self.last_error: str | None = None
        self._endpoint = endpoint
        self._limits = limits
        self._prices = prices
        self._budget = budget
        self._metrics = metrics
        self._clock = clock
        self._sleep = sleep
        metrics.export_state(self.breaker)

    @property
    def problem(self) -> str | None:
        """Why the LLM cannot be asked at present; None if it can."""
        if self._budget.problem is not None:
            return self._budget.problem
        if self.breaker.state == "closed":
            return None
        return f"the LLM does not answer ({self.last_error})"

    async def answer(self, subject: prompt.Subject, messages: list[prompt.Message]) -> Answer | NoAnswerReason:
        """Ask what a customer's message wants.

        Args:
            subject: what the question is about.
            messages: the question, as `prompt.messages` makes it of the subject.

        Returns:
            The answer, or a code that says why there is none.
        """
        try:
            return await self._ask(subject, messages)
        except _NoAnswerError as stop:
            return stop.reason

    async def _ask(self, subject: prompt.Subject, messages: list[prompt.Message]) -> Answer | UnusableAnswer:
        deadline = self._clock() + self._limits.deadline_s
        schema = prompt.schema(list(subject.labels))
        most = cost.highest(messages, self._limits.max_tokens)
        failures = 0
        while True:
            await self._wait_for_breaker(deadline)
            request = self.formats.request(messages, schema)
            try:
                completion = await self._call(request, most, deadline)
            except RejectedError as error:
                if not self.formats.record_rejection(request, error.response_body):
                    raise _NoAnswerError("refused") from error
            except UnavailableError as error:
                if isinstance(error, NotACompletionError):
                    self.formats.record_unusable(request)  # some servers reject a format in this way
                failures += 1
                if failures >= MAX_FAILED_CALLS:
                    raise _NoAnswerError("unavailable") from error
                await self._pause(RETRY_POLICY.delay_s(failures), deadline)
            else:
                answer = parse_answer(completion.content, subject.labels)
                if isinstance(answer, Answer):
                    self.formats.record_usable(request)
                    return answer
                if not self.formats.record_unusable(request):
                    log.warning("The LLM's answer cannot be used", extra={"problem": answer})
                    return answer

    async def _wait_for_breaker(self, deadline: float) -> None:
        """Wait until the circuit breaker allows a call, up to the deadline.

        Messages wait and are not given up at once, so that an outage of minutes does not send the whole stream to
        people.
        """
        while (wait_s := self.breaker.wait_s(self._clock())) > 0:
            await self._pause(wait_s, deadline)

    async def _pause(self, seconds: float, deadline: float) -> None:
        left = deadline - self._clock()
        await self._sleep(max(0.0, min(seconds, left)))
        if seconds >= left:
            raise _NoAnswerError("deadline")

    async def _call(self, request: FormattedRequest, most: Tokens, deadline: float) -> Completion:
        """Make one call that the circuit breaker has allowed, and report it to breaker, budget and metrics."""
        try:
            reservation = await self._reserve(self._prices.cost(most), deadline)
        except (_NoAnswerError, asyncio.CancelledError):
            self.breaker.record_cancellation(self._clock())
            raise
        started = self._clock()
        timeout_s = max(SHORTEST_TIMEOUT_S, min(self._limits.timeout_s, deadline - started))
        try:
            completion = await self._endpoint.complete(request.body, timeout_s)
        except RejectedError:
            self._budget.record_actual_cost(reservation, 0.0)
            self.breaker.record_success()
            self._metrics.record_call("refused", self._clock() - started)
            raise
        except UnavailableError as error:
            if not error.may_be_billed:
                self._budget.record_actual_cost(reservation, 0.0)
            self._metrics.record_call("unavailable", self._clock() - started)
            self._record_failure(error)
            raise
        except asyncio.CancelledError:
            self.breaker.record_cancellation(self._clock())
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
            raise _NoAnswerError("deadline") from None
        if reservation is None:
            raise _NoAnswerError("over_budget")
        return reservation

    def _record_failure(self, error: UnavailableError) -> None:
        before = self.breaker.state
        self.breaker.record_failure(self._clock(), error.retry_after_s)
        self.last_error = str(error)
        if self.breaker.state == "open" and before != "open":
            log.warning("The LLM keeps failing: no calls for a while", extra={"error": self.last_error})

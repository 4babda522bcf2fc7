"""Asks an LLM about messages: how to ask, how often, and what to do while it cannot be asked."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from time import monotonic

from triage_worker.fallback import prompt
from triage_worker.fallback.attempt import Attempt, Question, Result, Tools
from triage_worker.fallback.budget import Budget
from triage_worker.fallback.circuit_breaker import State
from triage_worker.fallback.cost import Prices
from triage_worker.fallback.examiner import UNUSABLE_LIMIT, Examiner
from triage_worker.fallback.llm_calls import Endpoint, Limits, LlmCalls, NoAnswerError, Timer
from triage_worker.fallback.metrics import LlmMetrics
from triage_worker.fallback.negotiation import Negotiation, Signal

REMEMBERED_QUESTIONS = 10_000
"""The most questions without an answer whose calls are remembered."""


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
        unusable_limit: messages in a row without a usable answer after which the endpoint is examined.

    Attributes:
        negotiation: what is known about the requests that the endpoint takes.
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
        unusable_limit: int = UNUSABLE_LIMIT,
    ) -> None:
        timer, changed = Timer(clock, sleep), Signal()
        self.negotiation = Negotiation(changed)
        self._calls = LlmCalls(endpoint, model, limits, prices, budget, metrics, timer)
        self._examiner = Examiner(self._calls, self.negotiation, changed, limits, timer, unusable_limit)
        self._tools = Tools(self._calls, self.negotiation, self._examiner, metrics, timer)
        self._limits = limits
        self._budget = budget
        self._questions: OrderedDict[bytes, Question] = OrderedDict()
        """Questions that were asked and have no answer yet, by their hash."""
        metrics.export_state(lambda: self.state)

    @property
    def fault(self) -> str | None:
        """What is wrong with the endpoint, so that messages wait until that is over; None if nothing is."""
        return None if self._examiner.fault is None else self._examiner.fault.problem

    @property
    def last_error(self) -> str | None:
        """The endpoint's fault, or else its last failure; None if there was none."""
        return self.fault or self._calls.last_error

    @property
    def problem(self) -> str | None:
        """Why the LLM cannot be asked at present; None if it can."""
        if self._budget.problem is not None:
            return self._budget.problem
        if self.fault is not None:
            return self.fault
        if self._calls.breaker.state == "closed":
            return None
        return f"the LLM does not answer ({self._calls.last_error})"

    @property
    def state(self) -> State:
        """Whether calls are made: "closed" if so, "open" if not, "half_open" for a trial call."""
        if self._examiner.fault is None:
            return self._calls.breaker.state
        return "half_open" if self._examiner.trying else "open"

    async def available(self) -> None:
        """Wait until a message can be asked about.

        If the endpoint is at fault, calls about a known-good message try whether the fault is over, with pauses that
        grow to a minute. Several tasks may wait; one of them makes the calls.
        """
        await self._examiner.available()

    async def wait_for_negotiation(self) -> None:
        """Wait until a message can be asked about, or a fault of the endpoint is known."""
        await self._examiner.wait_for_negotiation()

    async def answer(self, subject: prompt.Subject, messages: list[prompt.Message]) -> Result:
        """Ask what a customer's message wants.

        Args:
            subject: what the question is about.
            messages: the question, as `prompt.messages` makes it of the subject.

        Returns:
            The answer; or a code that says why there is none; or None if the message cannot be asked about at present:
            wait until the LLM is `available`, then ask again.
        """
        if self._examiner.fault is not None:
            return None
        alone = not self.negotiation.confirmed
        if alone and not self.negotiation.begin():
            return None
        key = prompt.key(messages)
        attempt = Attempt(self._tools, self._question(key), subject, messages, self._limits.deadline_s, alone=alone)
        result: Result
        try:
            result = await attempt.run()
        except NoAnswerError as stop:
            result = stop.reason
        finally:
            if attempt.alone:
                self.negotiation.end()
        if result is not None:
            self._questions.pop(key, None)
        return result

    def _question(self, key: bytes) -> Question:
        question = self._questions.setdefault(key, Question())
        if len(self._questions) > REMEMBERED_QUESTIONS:
            self._questions.popitem(last=False)
        return question

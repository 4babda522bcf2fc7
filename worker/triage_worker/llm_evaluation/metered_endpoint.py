"""Records the calls behind each question: their results, durations and tokens."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from time import perf_counter
from typing import Annotated, Any, Literal

from pydantic import Field

from triage_worker.fallback import cost
from triage_worker.fallback.answer import Answer
from triage_worker.fallback.completion import Completion
from triage_worker.fallback.cost import Prices, Tokens
from triage_worker.fallback.errors import RejectedError, UnavailableError
from triage_worker.fallback.llm_calls import Endpoint, NoAnswerReason

CallResult = Literal["answered", "refused", "unavailable"]


@dataclass(frozen=True, slots=True)
class CallRecord:
    """One call. The aliases are the names in the file of cached answers.

    Attributes:
        result: how the call ended.
        seconds: its duration.
        input_tokens: tokens of the prompt; 0 if the call was not answered.
        output_tokens: tokens of the answer; 0 if the call was not answered.
        reported: whether the endpoint reported the tokens; otherwise they are estimated here.
    """

    result: CallResult
    seconds: float
    input_tokens: Annotated[int, Field(alias="read")] = 0
    output_tokens: Annotated[int, Field(alias="written")] = 0
    reported: bool = False

    def money(self, prices: Prices) -> float:
        """What the call cost."""
        return prices.cost(Tokens(self.input_tokens, self.output_tokens))


@dataclass(frozen=True, slots=True)
class QuestionResult:
    """The answer to one question, or why there is none, and the calls that it took."""

    answer: Answer | NoAnswerReason
    calls: tuple[CallRecord, ...] = ()

    def money(self, prices: Prices) -> float:
        """What the calls cost."""
        return sum(call.money(prices) for call in self.calls)


_recorded: ContextVar[list[CallRecord] | None] = ContextVar("recorded", default=None)


@dataclass(frozen=True, slots=True)
class MeteredEndpoint:
    """An endpoint that records its calls for the task that makes them.

    Attributes:
        endpoint: makes the calls.
        clock: a monotonic clock, in seconds.
    """

    endpoint: Endpoint
    clock: Callable[[], float] = perf_counter

    @contextmanager
    def recording(self) -> Iterator[list[CallRecord]]:
        """Collect the calls that this task makes within the context."""
        calls: list[CallRecord] = []
        token = _recorded.set(calls)
        try:
            yield calls
        finally:
            _recorded.reset(token)

    async def complete(self, body: dict[str, Any], timeout_s: float) -> Completion:
        """Request one completion and record the call; see `Endpoint.complete`."""
        started = self.clock()
        try:
            completion = await self.endpoint.complete(body, timeout_s)
        except RejectedError:
            self._record(CallRecord("refused", self.clock() - started))
            raise
        except UnavailableError:
            self._record(CallRecord("unavailable", self.clock() - started))
            raise
        tokens = cost.billed(completion, cost.estimated(body, completion.content))
        reported = completion.input_tokens is not None and completion.output_tokens is not None
        self._record(CallRecord("answered", self.clock() - started, tokens.input, tokens.output, reported))
        return completion

    def _record(self, call: CallRecord) -> None:
        calls = _recorded.get()
        if calls is not None:  # else the call is about no row
            calls.append(call)

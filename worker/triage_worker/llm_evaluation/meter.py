"""What was asked, what came of it, and what each call took."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from time import perf_counter
from typing import Any, Literal

from triage_worker.fallback import cost
from triage_worker.fallback.answer import Answer
from triage_worker.fallback.client import Refused, Reply, Unavailable
from triage_worker.fallback.cost import Prices, Tokens
from triage_worker.fallback.llm import Endpoint, NoAnswer

Result = Literal["answered", "refused", "unavailable"]


@dataclass(frozen=True, slots=True)
class Call:
    """One call.

    Attributes:
        read, written: the tokens that it is billed by; 0 where it was not answered.
        reported: whether the endpoint said so; else they are counted here.
    """

    result: Result
    seconds: float
    read: int = 0
    written: int = 0
    reported: bool = False


@dataclass(frozen=True, slots=True)
class Said:
    """What came of one question, and the calls that it took."""

    answer: Answer | NoAnswer
    calls: tuple[Call, ...] = ()

    def money(self, prices: Prices) -> float:
        """What the calls cost."""
        return sum(prices.of(Tokens(call.read, call.written)) for call in self.calls)


_noted: ContextVar[list[Call]] = ContextVar("noted")


@dataclass(frozen=True, slots=True)
class Meter:
    """An endpoint whose calls are noted, for the task that makes them."""

    endpoint: Endpoint
    clock: Callable[[], float] = perf_counter

    @contextmanager
    def noting(self) -> Iterator[list[Call]]:
        """The calls that this task makes within."""
        calls: list[Call] = []
        token = _noted.set(calls)
        try:
            yield calls
        finally:
            _noted.reset(token)

    async def ask(self, body: dict[str, Any], timeout_s: float) -> Reply:
        """`Endpoint.ask`."""
        started = self.clock()
        try:
            reply = await self.endpoint.ask(body, timeout_s)
        except Refused:
            self._note(Call("refused", self.clock() - started))
            raise
        except Unavailable:
            self._note(Call("unavailable", self.clock() - started))
            raise
        tokens = cost.billed(reply, cost.counted(body, reply.content))
        reported = reply.tokens_in is not None and reply.tokens_out is not None
        self._note(Call("answered", self.clock() - started, tokens.read, tokens.written, reported))
        return reply

    def _note(self, call: Call) -> None:
        _noted.get().append(call)

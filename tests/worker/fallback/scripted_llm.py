"""A scripted endpoint and a clock under the test's control, for tests of `Llm`."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from prometheus_client import CollectorRegistry
from triage_schemas.events import FallbackEvent
from triage_worker.fallback import prompt
from triage_worker.fallback.answer import Answer
from triage_worker.fallback.budget import Budget, BudgetWindow, LocalBudget
from triage_worker.fallback.completion import Completion
from triage_worker.fallback.cost import Prices
from triage_worker.fallback.errors import UnavailableError
from triage_worker.fallback.examiner import KNOWN_GOOD, UNUSABLE_LIMIT
from triage_worker.fallback.llm import Llm
from triage_worker.fallback.llm_calls import Endpoint, Limits, NoAnswerReason
from triage_worker.fallback.metrics import LlmMetrics

from tests.worker.fallback.events import event
from tests.worker.fallback.llm_server import message

Rule = Callable[[str, str], Awaitable[Completion]]
UNLIMITED = LocalBudget(BudgetWindow())
GOOD = Completion('{"intent": "WISMO", "confidence": 0.9}', 100, 10)


class FakeClock:
    """A clock that only advances when the code under test sleeps, or a call takes time."""

    def __init__(self) -> None:
        self.now = 1_000.0
        self.slept: list[float] = []
        self.held: asyncio.Event | None = None
        """Set by a test to keep those that sleep asleep."""

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
        if self.held is not None:
            await self.held.wait()


class ScriptedEndpoint:
    """An endpoint that follows a script, one step per call; a number is a call that hangs for so many seconds."""

    def __init__(self, clock: FakeClock, *script: Completion | BaseException | float) -> None:
        self.clock = clock
        self.script = list(script)
        self.asked: list[Any] = []
        self.timeouts: list[float] = []

    async def complete(self, body: dict[str, Any], timeout_s: float) -> Completion:
        self.asked.append(body)
        self.timeouts.append(timeout_s)
        step = self.script.pop(0)
        if isinstance(step, Completion):
            return step
        if isinstance(step, BaseException):
            raise step
        self.clock.now += min(step, timeout_s)
        raise UnavailableError("timed out", may_be_billed=True)


class RuledEndpoint:
    """An endpoint that answers by a rule: one for each text, in the form of the request."""

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        self.asked: list[tuple[str, str]] = []
        """Texts and formats of the calls; the text is "known-good" for that message."""
        self.timeouts: list[float] = []

    async def complete(self, body: dict[str, Any], timeout_s: float) -> Completion:
        text = message(body)
        text = "known-good" if text == KNOWN_GOOD else text
        form = body.get("response_format", {"type": "text"})
        self.asked.append((text, form["type"] + ("_with_schema" if "schema" in form else "")))
        self.timeouts.append(timeout_s)
        return await self.rule(*self.asked[-1])


class ScriptedLlm:
    """An `Llm` with a scripted endpoint, or another one."""

    def __init__(
        self,
        *script: Completion | BaseException | float,
        budget: Budget | None = None,
        endpoint: Endpoint | None = None,
        unusable_limit: int = UNUSABLE_LIMIT,
        **limits: Any,
    ) -> None:
        self.clock = FakeClock()
        self.endpoint = ScriptedEndpoint(self.clock, *script)
        self.registry = CollectorRegistry()
        self.metrics = LlmMetrics(self.registry)
        self.llm = Llm(
            endpoint or self.endpoint,
            "m",
            Limits(**({"timeout_s": 15.0, "deadline_s": 45.0, "max_tokens": 50} | limits)),
            Prices(1.0, 2.0),
            budget or UNLIMITED,
            self.metrics,
            clock=self.clock,
            sleep=self.clock.sleep,
            unusable_limit=unusable_limit,
        )

    async def ask(self, subject: FallbackEvent | None = None) -> Answer | NoAnswerReason | None:
        subject = subject or event()
        return await self.llm.answer(subject, prompt.messages(subject))

    def metric(self, name: str, **labels: str) -> float | None:
        return self.registry.get_sample_value(name, labels)

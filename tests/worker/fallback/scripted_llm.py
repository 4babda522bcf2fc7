"""A scripted endpoint and a clock under the test's control, for tests of `Llm`."""

from typing import Any

from prometheus_client import CollectorRegistry
from triage_schemas.events import FallbackEvent
from triage_worker.fallback import prompt
from triage_worker.fallback.answer import Answer
from triage_worker.fallback.budget import Budget, BudgetWindow, LocalBudget
from triage_worker.fallback.completion import Completion
from triage_worker.fallback.cost import Prices
from triage_worker.fallback.errors import UnavailableError
from triage_worker.fallback.llm import Llm
from triage_worker.fallback.llm_calls import Limits, NoAnswerReason
from triage_worker.fallback.metrics import LlmMetrics

from tests.worker.fallback.events import event

UNLIMITED = LocalBudget(BudgetWindow())
GOOD = Completion('{"intent": "WISMO", "confidence": 0.9}', 100, 10)


class FakeClock:
    """A clock that only advances when the code under test sleeps, or a call takes time."""

    def __init__(self) -> None:
        self.now = 1_000.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


class ScriptedEndpoint:
    """An endpoint that follows a script, one step per call; a number is a call that hangs for so many seconds."""

    def __init__(self, clock: FakeClock, *script: Completion | BaseException | float) -> None:
        self.clock = clock
        self.script = list(script)
        self.timeouts: list[float] = []

    async def complete(self, body: dict[str, Any], timeout_s: float) -> Completion:
        self.timeouts.append(timeout_s)
        step = self.script.pop(0)
        if isinstance(step, Completion):
            return step
        if isinstance(step, BaseException):
            raise step
        self.clock.now += min(step, timeout_s)
        raise UnavailableError("timed out", may_be_billed=True)


class ScriptedLlm:
    """An `Llm` with a scripted endpoint."""

    def __init__(
        self, *script: Completion | BaseException | float, budget: Budget | None = None, **limits: Any
    ) -> None:
        self.clock = FakeClock()
        self.endpoint = ScriptedEndpoint(self.clock, *script)
        self.registry = CollectorRegistry()
        self.metrics = LlmMetrics(self.registry)
        self.llm = Llm(
            self.endpoint,
            "m",
            Limits(**({"timeout_s": 15.0, "deadline_s": 45.0, "max_tokens": 50} | limits)),
            Prices(1.0, 2.0),
            budget or UNLIMITED,
            self.metrics,
            clock=self.clock,
            sleep=self.clock.sleep,
        )

    async def ask(self, subject: FallbackEvent | None = None) -> Answer | NoAnswerReason | None:
        subject = subject or event()
        return await self.llm.answer(subject, prompt.messages(subject))

    def metric(self, name: str, **labels: str) -> float | None:
        return self.registry.get_sample_value(name, labels)

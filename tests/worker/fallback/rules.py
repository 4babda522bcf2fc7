"""An endpoint with a rule for each text, for tests of what follows from its answers."""

import asyncio
from collections.abc import Callable

from triage_worker.fallback.answer import Answer
from triage_worker.fallback.completion import Completion
from triage_worker.fallback.errors import RejectedError

from tests.worker.fallback.events import event
from tests.worker.fallback.scripted_llm import GOOD, RuledEndpoint, ScriptedLlm

WISMO = Answer("WISMO", 0.9)
PROSE = Completion("I cannot say.", 100, 10)
Step = Completion | Exception


def refusal(words: str = "", **more: object) -> RejectedError:
    return RejectedError("status 400", words, **more)  # type: ignore[arg-type]


class Rules:
    """What an endpoint does: the steps for each text, of which the last one is repeated, and gates to hold calls at."""

    def __init__(self, **steps: "Step | list[Step]") -> None:
        self.steps = {text: step if isinstance(step, list) else [step] for text, step in steps.items()}
        self.gates: dict[str, asyncio.Event] = {}
        self.meanwhile: Callable[[str], None] = lambda text: None
        self.endpoint = RuledEndpoint(self.rule)

    async def rule(self, text: str, _form: str) -> Completion:
        steps = self.steps[text.replace("-", "_")]
        step = steps.pop(0) if len(steps) > 1 else steps[0]
        if text in self.gates:
            await self.gates[text].wait()
        await turns(5)
        self.meanwhile(text)
        if isinstance(step, Exception):
            raise step
        return step

    @property
    def texts(self) -> list[str]:
        return [text for text, _ in self.endpoint.asked]


async def turns(count: int = 20) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def confirmed(rules: Rules, unusable_limit: int = 4) -> ScriptedLlm:
    """An LLM that has answered once."""
    rules.steps["first"] = [GOOD]
    scripted = ScriptedLlm(endpoint=rules.endpoint, unusable_limit=unusable_limit)
    assert await scripted.ask(event("first")) == WISMO
    rules.endpoint.asked.clear()
    return scripted


OTHER_FORM = "json_object_with_schema"
ABOUT_FORM = refusal("response_format of type json_schema is not supported")

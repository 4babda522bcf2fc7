"""The verdict on one message: an intent that the LLM stands by, or that a person must decide, and why."""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Literal

from triage_schemas.events import FallbackEvent

from triage_worker.fallback import prompt
from triage_worker.fallback.answer import Answer
from triage_worker.fallback.llm import Llm, NoAnswer
from triage_worker.fallback.metrics import LlmMetrics

CACHED_ANSWERS = 10_000

Why = NoAnswer | Literal["out_of_scope", "none_of_these", "unsure"]


@dataclass(frozen=True, slots=True)
class Decided:
    """An intent to act on."""

    intent: str
    confidence: float


@dataclass(frozen=True, slots=True)
class Undecided:
    """A person must decide, and why."""

    why: Why


def verdict(said: Answer | NoAnswer, min_confidence: float) -> Decided | Undecided:
    """What an answer is worth: it stands if it is a label, given at least ``min_confidence`` by the LLM itself."""
    if not isinstance(said, Answer):
        return Undecided(said)
    if said.intent is None:
        return Undecided("none_of_these")
    if said.confidence < min_confidence:
        return Undecided("unsure")
    return Decided(said.intent, said.confidence)


class Adviser:
    """Asks an LLM where that is of use, and never the same question twice while it remembers the answer.

    Args:
        llm: who is asked.
        min_confidence: what the LLM must give an answer itself for it to stand.
        ask_out_of_scope: ask about messages that the model recognised as having no intent, too.
        metrics: where cached answers are counted.
        remembered: how many answers are kept, the latest used ones.
    """

    def __init__(
        self,
        llm: Llm,
        *,
        min_confidence: float,
        ask_out_of_scope: bool,
        metrics: LlmMetrics,
        remembered: int = CACHED_ANSWERS,
    ) -> None:
        self._llm = llm
        self._min_confidence = min_confidence
        self._ask_out_of_scope = ask_out_of_scope
        self._metrics = metrics
        self._size = remembered
        self._answers: OrderedDict[bytes, Answer] = OrderedDict()

    @property
    def down(self) -> str | None:
        """What keeps the LLM from being asked; None when nothing does."""
        return self._llm.down

    async def decide(self, event: FallbackEvent) -> Decided | Undecided:
        """The verdict on a message."""
        if event.reason == "out_of_scope" and not self._ask_out_of_scope:
            return Undecided("out_of_scope")
        return verdict(await self._answer(event), self._min_confidence)

    async def _answer(self, event: FallbackEvent) -> Answer | NoAnswer:
        turns = prompt.messages(event)
        key = prompt.key(turns)
        remembered = self._answers.get(key)
        if remembered is not None:
            self._answers.move_to_end(key)
            self._metrics.cached()
            return remembered
        said = await self._llm.answer(event, turns)
        if isinstance(said, Answer):
            self._answers[key] = said
            if len(self._answers) > self._size:
                self._answers.popitem(last=False)
        return said

"""Decides one message with the LLM's answer: an intent to act on, or a reason why a person must decide."""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Literal

from triage_schemas.events import FallbackEvent

from triage_worker.config.text_settings import Redact
from triage_worker.fallback import prompt
from triage_worker.fallback.answer import Answer
from triage_worker.fallback.llm import Llm
from triage_worker.fallback.llm_calls import NoAnswerReason
from triage_worker.fallback.metrics import LlmMetrics
from triage_worker.streaming.async_processor import NotAvailableError

CACHED_ANSWERS = 10_000

READ_CHARACTERS = 2 * prompt.MAX_CHARACTERS
"""The part of a text in which personal data is looked for: more than what is sent, so that no value is cut in two."""

LONGEST_VALUE = 200
"""Characters of the longest personal data."""

UndecidedReason = NoAnswerReason | Literal["out_of_scope", "none_of_these", "unsure"]


@dataclass(frozen=True, slots=True)
class Decided:
    """An intent to act on, with the LLM's own confidence, from 0 to 1."""

    intent: str
    confidence: float


@dataclass(frozen=True, slots=True)
class Undecided:
    """A person must decide, for this reason."""

    reason: UndecidedReason


def decision(answer: Answer | NoAnswerReason, min_confidence: float) -> Decided | Undecided:
    """Decide by an answer: it must be a label, and the LLM must give it at least ``min_confidence``."""
    if not isinstance(answer, Answer):
        return Undecided(answer)
    if answer.intent is None:
        return Undecided("none_of_these")
    if answer.confidence < min_confidence:
        return Undecided("unsure")
    return Decided(answer.intent, answer.confidence)


def redacted(event: FallbackEvent, redact: Redact) -> FallbackEvent:
    """Return an event without the personal data of its text; all that is sent about the message is made of it.

    Of a very long text only the beginning stays, without the last words before the cut: they may be half a value.
    """
    text = redact(event.text[:READ_CHARACTERS]).text
    if len(event.text) > READ_CHARACTERS:
        text = text[:-LONGEST_VALUE]
    return event.model_copy(update={"text": text})


class LlmDecider:
    """Decides messages by asking an LLM, and caches its answers by question.

    Args:
        llm: the LLM to ask.
        min_confidence: the least confidence, from 0 to 1, that the LLM must give an answer.
        ask_out_of_scope: whether to ask about messages that the model found to have no intent, too.
        metrics: counts the answers that come from the cache.
        redact: replaces personal data in a text before the LLM gets it; None if it may have all of it.
        cached: how many answers the cache holds; the least recently used one is dropped first.
    """

    def __init__(
        self,
        llm: Llm,
        *,
        min_confidence: float,
        ask_out_of_scope: bool,
        metrics: LlmMetrics,
        redact: Redact | None = None,
        cached: int = CACHED_ANSWERS,
    ) -> None:
        self._llm = llm
        self._min_confidence = min_confidence
        self._ask_out_of_scope = ask_out_of_scope
        self._metrics = metrics
        self._redact = redact
        self._cache_size = cached
        self._cache: OrderedDict[bytes, Answer] = OrderedDict()

    @property
    def down(self) -> str | None:
        """Why the LLM cannot be asked at present; None if it can."""
        return self._llm.problem

    async def available(self) -> None:
        """Wait until messages can be decided."""
        await self._llm.available()

    async def decide(self, event: FallbackEvent) -> Decided | Undecided:
        """Decide one message.

        Raises:
            NotAvailableError: the LLM cannot be asked at present.
        """
        if event.reason == "out_of_scope" and not self._ask_out_of_scope:
            return Undecided("out_of_scope")
        answer = await self._answer(event if self._redact is None else redacted(event, self._redact))
        if answer is None:
            raise NotAvailableError
        return decision(answer, self._min_confidence)

    async def _answer(self, event: FallbackEvent) -> Answer | NoAnswerReason | None:
        messages = prompt.messages(event)
        key = prompt.key(messages)
        cached = self._cache.get(key)
        if cached is not None:
            self._cache.move_to_end(key)
            self._metrics.record_cache_hit()
            return cached
        answer = await self._llm.answer(event, messages)
        if isinstance(answer, Answer):
            self._cache[key] = answer
            if len(self._cache) > self._cache_size:
                self._cache.popitem(last=False)
        return answer

"""Parses the LLM's answer. Only a known label and a number come out of it, whatever else the answer contains."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Literal

import orjson

from triage_worker.fallback.prompt import NONE


@dataclass(frozen=True, slots=True)
class Answer:
    """The LLM's answer to one question.

    Attributes:
        intent: one of the labels; None if the LLM says that none of them applies.
        confidence: how sure the LLM says it is, from 0 to 1.
    """

    intent: str | None
    confidence: float


UnusableAnswer = Literal["unparsable", "not_a_label"]


def parse_answer(content: str, labels: Collection[str]) -> Answer | UnusableAnswer:
    """Parse the text of a completion.

    Args:
        content: the text.
        labels: the intents that are allowed; compared without regard to case.

    Returns:
        The answer, or a code that says why it cannot be used.
    """
    try:
        document = orjson.loads(_json_object_in(content))
    except ValueError:
        return "unparsable"
    intent, confidence = document.get("intent"), _number(document.get("confidence"))
    if not isinstance(intent, str) or confidence is None or not 0 <= confidence <= 1:
        return "unparsable"
    by_folded_name = {label.casefold(): label for label in labels}
    folded = intent.strip().casefold()
    if folded == NONE:
        return Answer(None, confidence)
    return Answer(by_folded_name[folded], confidence) if folded in by_folded_name else "not_a_label"


def _json_object_in(content: str) -> str:
    """The JSON object of an answer, which may follow thoughts or stand in a code fence or between sentences.

    Two objects are not valid JSON, so an answer with two is unusable.
    """
    visible = content.rpartition("</think>")[2]
    if "<think>" in visible:
        return ""  # the answer was cut off inside the thoughts
    return visible[visible.find("{") : visible.rfind("}") + 1]


def _number(value: Any) -> float | None:
    """A number; also one written as a string, as models without a constrained format write it."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        return float(value)
    except ValueError:
        return None

"""Reading the LLM's answer. Only a known label and a number come out of it, whatever it holds besides."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Literal

import orjson

from triage_worker.fallback.prompt import NONE


@dataclass(frozen=True, slots=True)
class Answer:
    """What the LLM says: one of the labels, or None for none of them; and how sure it says it is, 0 to 1."""

    intent: str | None
    confidence: float


Unusable = Literal["unparsable", "not_a_label"]


def read(content: str, labels: Collection[str]) -> Answer | Unusable:
    """Read an answer; a code says why it cannot be used."""
    try:
        document = orjson.loads(_object_in(content))
    except ValueError:
        return "unparsable"
    intent, confidence = document.get("intent"), _number(document.get("confidence"))
    if not isinstance(intent, str) or confidence is None or not 0 <= confidence <= 1:
        return "unparsable"
    known = {label.casefold(): label for label in labels}
    said = intent.strip().casefold()
    if said == NONE:
        return Answer(None, confidence)
    return Answer(known[said], confidence) if said in known else "not_a_label"


def _object_in(content: str) -> str:
    """The JSON object of an answer, which may stand after thoughts, in a fence or between sentences; two are none."""
    said = content.rpartition("</think>")[2]
    if "<think>" in said:
        return ""  # cut off while it thought
    return said[said.find("{") : said.rfind("}") + 1]


def _number(value: Any) -> float | None:
    """A number, also where it is written as a string, as models do whose answers nothing constrains."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        return float(value)
    except ValueError:
        return None

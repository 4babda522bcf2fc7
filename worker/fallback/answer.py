"""Reading the LLM's answer. Only a known label and a number come out of it, whatever it holds besides."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

import orjson

from worker.fallback.prompt import NONE

_FENCED = re.compile(r"\A\s*```(?:json)?\s*(.*?)\s*```\s*\Z", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Answer:
    """What the LLM says: one of the labels, or None for none of them; and how sure it says it is, 0 to 1."""

    intent: str | None
    confidence: float


Unusable = Literal["unparsable", "not_a_label"]


def read(content: str, labels: Collection[str]) -> Answer | Unusable:
    """Read an answer; a code says why it cannot be used."""
    fenced = _FENCED.match(content)
    try:
        document = orjson.loads(fenced[1] if fenced else content)
    except ValueError:
        return "unparsable"
    if not isinstance(document, dict):
        return "unparsable"
    intent, confidence = document.get("intent"), document.get("confidence")
    if not isinstance(intent, str) or not isinstance(confidence, int | float) or isinstance(confidence, bool):
        return "unparsable"
    if not 0 <= confidence <= 1:
        return "unparsable"
    known = {label.casefold(): label for label in labels}
    said = intent.strip().casefold()
    if said == NONE:
        return Answer(None, float(confidence))
    return Answer(known[said], float(confidence)) if said in known else "not_a_label"

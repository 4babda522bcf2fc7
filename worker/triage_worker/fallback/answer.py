"""Reads the LLM's answer where it stands. Only a known label and a number come out of it, whatever else it contains.

An answer is read only if it can be read in one way. Otherwise there is a cause, one of `CAUSES`.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from triage_worker.fallback.completion import Completion
from triage_worker.fallback.json_in_text import MOST_CHARACTERS, find_objects
from triage_worker.fallback.label_match import match_label
from triage_worker.fallback.prompt import NONE
from triage_worker.fallback.visible_text import visible_text

UnusableReason = Literal["unparsable", "not_a_label"]
"""Why a message with such an answer goes to review."""

Cause = Literal[
    "bad_confidence",
    "cut_off",
    "declined",
    "empty",
    "filtered",
    "invalid_json",
    "no_choice",
    "no_confidence",
    "no_intent",
    "no_json",
    "not_a_label",
    "only_thoughts",
    "several_answers",
]

CAUSES: dict[Cause, str] = {
    "bad_confidence": "its confidence is no number from 0 to 1",
    "cut_off": "it was cut off: raise TRIAGE_LLM_MAX_TOKENS; thoughts count towards it",
    "declined": "the model declines to answer",
    "empty": "it has no text",
    "filtered": "the endpoint's content filter removed it",
    "invalid_json": "its JSON is not valid",
    "no_choice": "the endpoint sent no answer",
    "no_confidence": "it has no confidence",
    "no_intent": "it has no intent",
    "no_json": "it has no JSON",
    "not_a_label": "its intent is none of the labels",
    "only_thoughts": "it has thoughts, and no answer: raise TRIAGE_LLM_MAX_TOKENS, or turn the thoughts off",
    "several_answers": "it has several answers",
}
"""All causes, and what they mean."""

CUT_OFF = {"length", "max_tokens", "model_length"}
"""Reasons for the end of an answer that is not complete."""

INTENT_NAMES = (
    *("intent", "label", "category", "class", "classification"),
    *("intentname", "intentlabel", "predictedintent", "predictedlabel"),
)
GENERAL_NAMES = ("prediction", "answer", "result", "response", "output")
"""Names of the label only in an object that has a confidence, too."""

CONFIDENCE_NAMES = ("confidence", "confidencescore", "confidencelevel", "score", "probability", "certainty", "conf")
NAMES_WITHIN = ("name", "label", "value")
"""Names of the label where the intent is an object of its own."""

DEEPEST = 4
"""How deep in other objects an answer may stand."""

NUMBER = r"\d+(?:[.,]\d+)?|[.,]\d+"
PERCENT = re.compile(rf"({NUMBER})\s*%")
FRACTION = re.compile(rf"({NUMBER})\s*/\s*({NUMBER})")
PLAIN = re.compile(rf"({NUMBER})(e[+-]?\d+)?", re.IGNORECASE)
LEAST_OF_PERCENTAGES = 10.0
"""A number from 1 to this might be of a scale of five or of ten as well as of a hundred."""

PAIR = r"""(?:<{0}>\s*([^<\n]+?)\s*</{0}>|\b{0}\b["'*`]*\s*[:=]\s*["'*`]*([^"'*`;\n]+?)(?=["'*`;\n]|,\s|$))"""
INTENT_PAIR, CONFIDENCE_PAIR = (re.compile(PAIR.format(name), re.IGNORECASE) for name in ("intent", "confidence"))


@dataclass(frozen=True, slots=True)
class Answer:
    """The LLM's answer to one question.

    Attributes:
        intent: one of the labels; None if the LLM says that none of them applies.
        confidence: how sure the LLM says it is, from 0 to 1.
    """

    intent: str | None
    confidence: float


@dataclass(frozen=True, slots=True)
class Unusable:
    """An answer that cannot be used, and why."""

    cause: Cause

    @property
    def reason(self) -> UnusableReason:
        """Why the message goes to review."""
        return "not_a_label" if self.cause == "not_a_label" else "unparsable"


def read_answer(completion: Completion, labels: Mapping[str, str]) -> Answer | Unusable:
    """Read the answer of a completion: its text, the arguments of a function, or its thoughts if there is nothing else.

    Args:
        completion: the completion.
        labels: the intents that are allowed, with their descriptions.

    Returns:
        The answer, or why it cannot be used.
    """
    if completion.refusal:
        return Unusable("declined")
    visible = visible_text(completion.content)
    texts = [text for text in (visible, *completion.arguments) if text.strip()]
    cut_off = completion.finish_reason in CUT_OFF
    if not texts and not cut_off:
        texts = [completion.reasoning] if completion.reasoning.strip() else []
    reading = _read(texts, labels, cut_off=cut_off)
    if isinstance(reading, Answer):
        return reading
    return Unusable(_cause(completion, reading, visible))


def _cause(completion: Completion, reading: Unusable, visible: str) -> Cause:
    """The cause that explains most: what the endpoint reports comes before what was found in the text."""
    if not completion.has_choice:
        return "no_choice"
    if completion.finish_reason in CUT_OFF:
        return "cut_off"
    if completion.finish_reason == "content_filter":
        return "filtered"
    thoughts = completion.content.strip() or completion.reasoning.strip()
    if not visible.strip() and not completion.arguments and thoughts:
        return "only_thoughts"
    return reading.cause


def _read(texts: Iterable[str], labels: Mapping[str, str], *, cut_off: bool) -> Answer | Unusable:
    readings: dict[Answer | Unusable, None] = {}
    cause: Cause = "empty"
    for text in texts:
        found = find_objects(text)
        if cut_off and found.unclosed:
            return Unusable("cut_off")
        candidates = [one for document in found.objects for one in _candidates(document)]
        if not candidates and not found.objects and not found.unclosed:
            candidates = list(_pairs(text))
        readings |= dict.fromkeys(_reading(one, labels) for one in candidates)
        cause = "no_intent" if found.objects else "invalid_json" if found.unclosed else "no_json"
    if len(readings) > 1:
        return Unusable("several_answers")
    return next(iter(readings), Unusable(cause))


def _candidates(value: Any, depth: int = DEEPEST) -> Iterator[dict[str, Any]]:
    """The objects with an intent in a document; what stands within such an object is no answer of its own."""
    if isinstance(value, dict):
        confidence = _field(value, CONFIDENCE_NAMES)
        intent = _field(value, INTENT_NAMES if confidence is None else (*INTENT_NAMES, *GENERAL_NAMES))
        if isinstance(intent, str):
            yield {"intent": intent, "confidence": confidence}
            return
        if isinstance(intent, dict) and isinstance(name := _field(intent, NAMES_WITHIN), str):
            within = _field(intent, CONFIDENCE_NAMES)
            yield {"intent": name, "confidence": confidence if within is None else within}
            return
    if depth and isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _candidates(inner, depth - 1)


def _pairs(text: str) -> Iterator[dict[str, Any]]:
    """An answer that is written as ``intent: …`` and ``confidence: …``, each of them once."""
    end = text[-MOST_CHARACTERS:]
    found = [{one[1] or one[2] for one in pair.finditer(end)} for pair in (INTENT_PAIR, CONFIDENCE_PAIR)]
    if [len(values) for values in found] == [1, 1]:
        yield {"intent": found[0].pop(), "confidence": found[1].pop()}


def _field(document: dict[str, Any], names: Iterable[str]) -> Any:
    """The value of the first of some names, whatever their case and the marks between their words."""
    by_name = {re.sub(r"[^a-z]", "", str(name).lower()): value for name, value in document.items()}
    return next((by_name[name] for name in names if by_name.get(name) is not None), None)


def _reading(candidate: dict[str, Any], labels: Mapping[str, str]) -> Answer | Unusable:
    if candidate["confidence"] is None:
        return Unusable("no_confidence")
    confidence = _confidence(candidate["confidence"])
    if confidence is None:
        return Unusable("bad_confidence")
    label = match_label(candidate["intent"], {**labels, NONE: ""})
    if label is None:
        return Unusable("not_a_label")
    return Answer(None if label == NONE and NONE not in labels else label, confidence)


def _confidence(value: Any) -> float | None:
    """A confidence from 0 to 1; also one that is written as text, as a percentage, or as a fraction."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return _scaled(value)
    if not isinstance(value, str):
        return None
    text = value.strip()
    if percent := PERCENT.fullmatch(text):
        share = _float(percent[1])
        return share / 100 if share == 0 or 1 <= share <= 100 else None
    if fraction := FRACTION.fullmatch(text):
        part, whole = _float(fraction[1]), _float(fraction[2])
        return part / whole if part <= whole and whole else None
    plain = PLAIN.fullmatch(text)
    return _scaled(float(plain[1].replace(",", ".") + (plain[2] or ""))) if plain else None


def _scaled(number: float) -> float | None:
    if 0 <= number <= 1:
        return float(number)
    return number / 100 if LEAST_OF_PERCENTAGES < number <= 100 else None


def _float(text: str) -> float:
    return float(text.replace(",", "."))

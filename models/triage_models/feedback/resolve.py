"""Resolves many answers to at most one per text, divided into rows to learn from and rows held out."""

import hashlib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace

from triage_models.data.labelled import means_out_of_scope, normalize_text
from triage_models.data.labels import LabelMatcher
from triage_models.feedback.answers import Answer

HELD_OUT_SHARE = 0.2
"""Share of people's answers that are never learned from. It is not a setting, because another share would hold out
other conversations, and some of those have been learned by earlier bundles."""

LLM_PER_HUMAN = 1.0
"""LLM answers to learn from, at most, per human answer: a model must not copy the habits of another model."""


@dataclass
class ResolvedLabels:
    """Answers with at most one per text, each with a label of the bundle.

    Attributes:
        human: answers by people to learn from.
        llm: answers by LLMs to learn from.
        held_out: answers by people to evaluate on; no text and no conversation of these is learned from.
        left_out: how many answers were left out, by reason.
    """

    human: list[Answer]
    llm: list[Answer]
    held_out: list[Answer]
    left_out: dict[str, int] = field(default_factory=dict)


def resolve_labels(
    answers: Iterable[Answer],
    labels: Collection[str],
    oos_label: str,
    *,
    excluded: Collection[str] = (),
    llm_per_human: float = LLM_PER_HUMAN,
) -> ResolvedLabels:
    """Resolve answers: people's take precedence, the last one about a message counts, contradictions are left out.

    Args:
        answers: oldest first.
        labels: the bundle's labels.
        oos_label: the bundle's name for out of scope.
        excluded: normalized texts to leave out, such as those of the test set.
        llm_per_human: LLM answers to learn from, at most, per human answer.
    """
    left_out: dict[str, int] = {}
    known = _with_known_label(answers, labels, oos_label, left_out)
    per_text = _one_per_text(_one_per_message(known), left_out)
    usable = [one for one in per_text if normalize_text(one.text) not in excluded]
    _count(left_out, "stand in the test set", len(per_text) - len(usable))
    held_out = [one for one in usable if one.decided_by == "human" and is_held_out(one)]
    conversations = {one.conversation_id for one in held_out if one.conversation_id}
    learned = [
        one
        for one in usable
        if not (is_held_out(one) and one.decided_by == "human") and one.conversation_id not in conversations
    ]
    _count(left_out, "belong to a conversation that is judged by", len(usable) - len(held_out) - len(learned))
    human = [one for one in learned if one.decided_by == "human"]
    llm = [one for one in learned if one.decided_by == "llm"]
    llm.sort(key=lambda one: _hash_to_unit(normalize_text(one.text)))
    limit = int(llm_per_human * len(human))
    _count(left_out, "are an LLM's beyond its share", len(llm) - limit)
    return ResolvedLabels(human, llm[:limit], held_out, left_out)


def is_held_out(answer: Answer) -> bool:
    """Whether an answer is held out: by a hash of its conversation, or else its text, so that this never changes."""
    return _hash_to_unit(answer.conversation_id or normalize_text(answer.text)) < HELD_OUT_SHARE


def _hash_to_unit(key: str) -> float:
    """Map a key to a number from 0 to 1, uniformly and always the same."""
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:6], "big") / float(1 << 48)


def _with_known_label(
    answers: Iterable[Answer], labels: Collection[str], oos_label: str, left_out: dict[str, int]
) -> list[Answer]:
    known: list[Answer] = []
    matcher = LabelMatcher([*labels, oos_label])
    for one in answers:
        label = matcher.find(one.label)
        if label is not None:
            known.append(replace(one, label=label))
        elif means_out_of_scope(one.label):
            known.append(replace(one, label=oos_label))
        else:
            _count(left_out, "have a label that the bundle lacks", 1)
    return known


def _one_per_message(answers: Sequence[Answer]) -> list[Answer]:
    """Return the last answer about each message, a person's rather than an LLM's."""
    last: dict[tuple[str, str], Answer] = {}
    for one in answers:
        key = ("id", one.message_id) if one.message_id else ("text", normalize_text(one.text))
        if key not in last or one.decided_by == "human" or last[key].decided_by == "llm":
            last[key] = one
    return list(last.values())


def _one_per_text(answers: Sequence[Answer], left_out: dict[str, int]) -> list[Answer]:
    """Return one answer per text, a person's rather than an LLM's; none if they disagree."""
    by_text: dict[str, list[Answer]] = {}
    for one in answers:
        by_text.setdefault(normalize_text(one.text), []).append(one)
    chosen: list[Answer] = []
    for same_text in by_text.values():
        preferred = [one for one in same_text if one.decided_by == "human"] or same_text
        if len({one.label for one in preferred}) > 1:
            _count(left_out, "contradict one another about the same text", len(same_text))
            continue
        chosen.append(preferred[0])
        _count(left_out, "repeat a text, or are an LLM's where a person answered", len(same_text) - 1)
    return chosen


def _count(left_out: dict[str, int], reason: str, number: int) -> None:
    if number > 0:
        left_out[reason] = left_out.get(reason, 0) + number

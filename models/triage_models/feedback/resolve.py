"""From many answers to rows to learn from and rows to judge by."""

import hashlib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

from triage_models.data.labelled import OUT_OF_SCOPE_NAMES, folded
from triage_models.feedback.answers import Answer

HELD_SHARE = 0.2
"""People's answers that are never learnt from. Another share would put other conversations among them, and what an
earlier bundle had learnt would then judge it: so it is no setting."""

LLM_PER_HUMAN = 1.0
"""Answers of LLMs learnt from, at most, for each of people's: a model must not copy another one's habits."""


@dataclass
class Settled:
    """Answers, settled: one a text, each with a label that the bundle has.

    Attributes:
        human: people's, to learn from.
        llm: LLMs', to learn from.
        held: people's, to judge by; texts and conversations of which none is learnt from.
        counts: what was left out, and why, in words.
    """

    human: list[Answer]
    llm: list[Answer]
    held: list[Answer]
    counts: dict[str, int] = field(default_factory=dict)


def settle(
    answers: Iterable[Answer],
    labels: Collection[str],
    scope: str,
    *,
    unwanted: Collection[str] = (),
    llm_per_human: float = LLM_PER_HUMAN,
) -> Settled:
    """Settle answers: people's beat LLMs', a person's last about a message counts, contradictions are left out.

    Args:
        answers: oldest first.
        labels: of the bundle.
        scope: the bundle's name for "none of these".
        unwanted: texts, folded, that are not to be learnt from nor judged by: those of the test set.
        llm_per_human: how many answers of LLMs may be learnt from for each of people's.
    """
    counts: dict[str, int] = {}
    known = _known(answers, labels, scope, counts)
    chosen = _one_a_text(_one_a_message(known), counts)
    fresh = [one for one in chosen if folded(one.text) not in unwanted]
    _count(counts, "stand in the test set", len(chosen) - len(fresh))
    human = [one for one in fresh if one.by == "human"]
    held = [one for one in human if is_held(one)]
    apart = {one.conversation_id for one in held if one.conversation_id}
    learnt = [one for one in fresh if not (is_held(one) and one.by == "human") and one.conversation_id not in apart]
    _count(counts, "belong to a conversation that is judged by", len(fresh) - len(held) - len(learnt))
    human = [one for one in learnt if one.by == "human"]
    llm = sorted((one for one in learnt if one.by == "llm"), key=lambda one: _draw(folded(one.text)))
    most = int(llm_per_human * len(human))
    _count(counts, "are an LLM's beyond its share", len(llm) - most)
    return Settled(human, llm[:most], held, counts)


def is_held(answer: Answer) -> bool:
    """Whether an answer is to judge by: told by its conversation, or else its text, so the same ones every week."""
    return _draw(answer.conversation_id or folded(answer.text)) < HELD_SHARE


def _draw(key: str) -> float:
    """A number from 0 to 1 that belongs to a key: by chance, and always the same."""
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:6], "big") / float(1 << 48)


def _known(answers: Iterable[Answer], labels: Collection[str], scope: str, counts: dict[str, int]) -> list[Answer]:
    kept: list[Answer] = []
    for one in answers:
        if one.label in labels or one.label == scope:
            kept.append(one)
        elif one.label.lower() in OUT_OF_SCOPE_NAMES:
            kept.append(Answer(one.text, scope, one.by, one.message_id, one.conversation_id))
        else:
            _count(counts, "have a label that the bundle lacks", 1)
    return kept


def _one_a_message(answers: Sequence[Answer]) -> list[Answer]:
    """The last answer about each message, a person's before an LLM's."""
    last: dict[tuple[str, str], Answer] = {}
    for one in answers:
        key = ("id", one.message_id) if one.message_id else ("text", folded(one.text))
        if key not in last or one.by == "human" or last[key].by == "llm":
            last[key] = one
    return list(last.values())


def _one_a_text(answers: Sequence[Answer], counts: dict[str, int]) -> list[Answer]:
    """One answer for each text: people's where there are any; none where they are not of one mind."""
    by_text: dict[str, list[Answer]] = {}
    for one in answers:
        by_text.setdefault(folded(one.text), []).append(one)
    chosen: list[Answer] = []
    for alike in by_text.values():
        best = [one for one in alike if one.by == "human"] or alike
        if len({one.label for one in best}) > 1:
            _count(counts, "contradict one another about the same text", len(alike))
            continue
        chosen.append(best[0])
        _count(counts, "repeat a text, or are an LLM's where a person answered", len(alike) - 1)
    return chosen


def _count(counts: dict[str, int], what: str, number: int) -> None:
    if number > 0:
        counts[what] = counts.get(what, 0) + number

"""Ranks the fields that can be the text of a message: words of people, which differ, under a name that says so."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from triage_worker.doctor.fields import Field
from triage_worker.doctor.names import (
    DESCRIPTION,
    HTML,
    NOT_TEXT,
    NOT_THE_CUSTOMERS,
    SUBJECT,
    TEXT,
    leaf_words,
    outer_words,
)
from triage_worker.doctor.values import is_html, is_natural, word_count

LEAST_NATURAL = 0.25
"""The share of values that read like a message, at least: customers also write "ok" and numbers of orders."""

LEAST_DIFFERENT = 0.2
"""The share of values that differ, at least: fewer are a choice from a list."""

FEW = 5
"""With so few values, it does not matter how many of them differ."""

LIKELY = 0.35
"""The score of a field that is proposed, at least. Titles of products have less, a text under any name more."""

MANY_WORDS = 8
SHOWN = 5


@dataclass(frozen=True, slots=True)
class Candidate:
    """A field that can be the text.

    Attributes:
        field: the field.
        score: 0 to 1; it only ranks.
        why: in one phrase.
    """

    field: Field
    score: float
    why: str


def rank_texts(fields: Sequence[Field], documents: int) -> list[Candidate]:
    """Return the fields that can be the text, the best first.

    Args:
        fields: of all documents.
        documents: how many there are.
    """
    found = [candidate for field in fields if (candidate := _candidate(field, documents)) is not None]
    # What has the same score is ranked by its path, the shorter first, so that the order is always the same.
    return sorted(found, key=lambda one: (-round(one.score, 3), len(one.field.path), one.field.name))[:SHOWN]


def _candidate(field: Field, documents: int) -> Candidate | None:
    strings = field.strings
    if not strings:
        return None
    natural = sum(map(is_natural, strings)) / len(strings)
    different = len(set(strings)) / len(strings)
    named, name_score = _name(field)
    if natural < LEAST_NATURAL and not (name_score > 0 and natural > 0):
        return None
    if different < LEAST_DIFFERENT and len(strings) >= FEW:
        return None
    words = median(map(word_count, strings))
    html = sum(map(is_html, strings)) / len(strings)
    share = len(strings) / documents
    score = 0.35 * natural + 0.15 * min(words / MANY_WORDS, 1.0) + 0.15 * different + 0.35 * name_score
    score *= 0.4 + 0.6 * share
    score -= 0.05 * html
    if score <= 0:
        return None
    return Candidate(field, score, _phrase(words, different, html, named, len(strings)))


def _name(field: Field) -> tuple[str, float]:
    """What the name says: a phrase, and a score from -1 to 1."""
    words, outer = leaf_words(field.path), outer_words(field.path)
    phrase, score = "", 0.0
    if any(word in TEXT for word in words):
        phrase, score = "named like a text", 1.0
        if any(word in NOT_TEXT - HTML for word in words):
            phrase, score = "", 0.0
    elif any(word in SUBJECT for word in words):
        phrase, score = "named like a subject", -0.3
    elif any(word in DESCRIPTION for word in words):
        phrase, score = "named like a description", 0.6
    elif any(word in NOT_TEXT for word in words):
        phrase, score = "named like no text", -0.7
    elif outer & TEXT:
        phrase, score = "below a field named like a text", 0.5
    if outer & NOT_THE_CUSTOMERS or any(word in NOT_THE_CUSTOMERS for word in words):
        score -= 0.6
        phrase = f"{phrase}, but not like a customer's" if phrase else "not named like a customer's"
    return phrase, score


def _phrase(words: float, different: float, html: float, named: str, count: int) -> str:
    parts = [f"median {words:.0f} word{'' if words == 1 else 's'}"]
    parts.append("only one value" if count == 1 else f"{different:.0%} different".replace("%", " %"))
    if html >= 0.05:
        parts.append(f"{html:.0%} HTML".replace("%", " %"))
    return ", ".join([*parts, named] if named else parts)

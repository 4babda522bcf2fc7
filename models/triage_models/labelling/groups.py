"""Describes groups of messages: a name by their most specific words, examples, and which groups overlap."""

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from triage_models.data.labelled import means_out_of_scope
from triage_models.data.labels import LIKE_MISSING, MISSING, lookalike_key
from triage_models.labelling.words import separate_words
from triage_models.serving.decision import Floats

NAME_WORDS, DESCRIPTION_WORDS, EXAMPLES = 3, 8, 5
RATIO = 2.0
"""A word is specific if it is so much more frequent in its group than in all messages."""

STEM = 4
"""Letters in which two words of a name differ."""

NEAREST = 5
"""Neighbours of a message that are looked at for overlaps."""

OVERLAP = 0.03
"""Two groups overlap if at least this share of the neighbours of each lies in the other."""

SHORTEST = 3
"""Letters of a word, at least."""

MAX_NAME = 60
"""Characters of a name, without the number that makes it unique."""

_DIGITS = re.compile(r"\d+")


@dataclass(frozen=True, slots=True)
class Group:
    """Messages that seem to want the same.

    Attributes:
        name: a name for a label.
        description: what its messages are about.
        rows: positions of the members, the most typical first.
        examples: texts of typical members that differ.
        overlaps: names of groups that may be the same.
    """

    name: str
    description: str
    rows: tuple[int, ...]
    examples: tuple[str, ...]
    overlaps: tuple[str, ...] = ()


def describe_groups(
    texts: Sequence[str], groups: NDArray[np.int64], vectors: Floats, typicality: Floats
) -> list[Group]:
    """Name and describe groups.

    Args:
        texts: ``[N]``
        groups: ``[N]`` the group of each message, -1 for none.
        vectors: ``[N, D]`` unit vectors.
        typicality: ``[N]`` similarity to the centre of the group.

    Returns:
        The groups in the order of their numbers.
    """
    count = int(groups.max(initial=-1)) + 1
    words = specific_words(texts, groups, count)
    names = unique_names(
        [
            label_name(" ".join(_different(own)[:NAME_WORDS])) or f"GROUP_{number + 1}"
            for number, own in enumerate(words)
        ]
    )
    overlapping = overlaps(vectors, groups, count)
    described = []
    for number in range(count):
        own = np.flatnonzero(groups == number)
        rows = [int(row) for row in own[np.argsort(-typicality[own], kind="stable")]]
        examples = tuple(dict.fromkeys(" ".join(texts[row].split()) for row in rows))[:EXAMPLES]
        others = tuple(names[other] for other in overlapping[number])
        about = f"Messages about {', '.join(words[number])}" if words[number] else f"Messages like “{examples[0]}”"
        described.append(Group(names[number], about, tuple(rows), examples, others))
    return described


def specific_words(texts: Sequence[str], groups: NDArray[np.int64], count: int) -> list[list[str]]:
    """Return the words of each group that are frequent in it and rare in other groups, the most specific first.

    The weight is the share of the group's messages that have the word, times the logarithm of how much more frequent
    the word is there than in all messages. It needs no list of stop words, so it works in any language.
    """
    counts = [Counter[str]() for _ in range(count)]
    total: Counter[str] = Counter()
    for text, number in zip(texts, groups.tolist(), strict=True):
        words = {word for word in separate_words(_DIGITS.sub(" ", text.casefold())).split() if len(word) >= SHORTEST}
        total.update(words)
        if number >= 0:
            counts[number].update(words)
    sizes = np.bincount(groups[groups >= 0], minlength=count)
    found = []
    for own, size in zip(counts, sizes.tolist(), strict=True):
        weights = {
            word: times / size * math.log(times / size * len(texts) / total[word])
            for word, times in own.items()
            if times >= max(2, 0.1 * size)
        }
        least = size * RATIO / len(texts)
        specific = [word for word in weights if own[word] >= least * total[word]]
        ordered = sorted(specific, key=lambda word: (-weights[word], word))
        found.append(ordered[:DESCRIPTION_WORDS])
    return found


def overlaps(vectors: Floats, groups: NDArray[np.int64], count: int) -> list[list[int]]:
    """Return for each group the others whose members are among its members' neighbours, and the other way round."""
    shares = np.zeros((count, count))
    inside = np.flatnonzero(groups >= 0)
    nearest = min(NEAREST + 1, len(inside))
    for start in range(0, len(inside), 1024):
        block = inside[start : start + 1024]
        similarity = vectors[block] @ vectors[inside].T
        top = np.argpartition(-similarity, nearest - 1, axis=1)[:, :nearest]
        for row, places in zip(block, top, strict=True):
            for other in inside[places]:
                if other != row:
                    shares[groups[row], groups[other]] += 1
    shares /= np.maximum(shares.sum(axis=1, keepdims=True), 1)
    mutual = np.minimum(shares, shares.T)
    np.fill_diagonal(mutual, 0.0)
    return [[int(other) for other in np.argsort(-row, kind="stable") if row[other] >= OVERLAP] for row in mutual]


def _different(words: Sequence[str]) -> list[str]:
    """Leave out words that begin like one before, such as “cancelling” after “cancel”."""
    found: list[str] = []
    for word in words:
        if not any(word[:STEM] == other[:STEM] for other in found):
            found.append(word)
    return found


def label_name(words: str) -> str:
    """Return a label of some words: capitals with underscores; empty if there is no letter or digit in them.

    A name that means out of scope, or no label at all, is none for a group.
    """
    name = separate_words(words).upper().replace(" ", "_")[:MAX_NAME].strip("_")
    return "" if means_out_of_scope(name) or name.casefold() in MISSING | LIKE_MISSING else name


def free_name(words: str, taken: Sequence[str]) -> str:
    """Return a label of some words; empty if there is none, or if it looks like one that is taken."""
    name = label_name(words)
    return "" if lookalike_key(name) in map(lookalike_key, taken) else name


def unique_names(names: Sequence[str]) -> list[str]:
    """Return the names with a number behind those that look like one before, so that no two are one label."""
    taken: set[str] = set()
    result = []
    for name in names:
        unique, number = name, 2
        while lookalike_key(unique) in taken:
            unique, number = f"{name}_{number}", number + 1
        taken.add(lookalike_key(unique))
        result.append(unique)
    return result

"""Chooses the messages that are worth a person's label: some at random, some uncertain, some unlike all others."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from triage_models.data.labelled import normalize_text
from triage_models.labelling.words import separate_words
from triage_models.serving.decision import Floats

if TYPE_CHECKING:  # it imports ONNX Runtime, which is slow
    from triage_models.labelling.profiles import Profiles

Part = Literal["random", "uncertain", "diverse"]

RANDOM_SHARE, UNCERTAIN_SHARE = 0.5, 0.3
"""Shares of the rows that are drawn at random, and because the bundle is uncertain; the rest is diverse."""

DISAGREEMENT = 0.25
"""A message whose neighbours have another label counts as so much closer to the threshold, in confidence."""

NEAR = 0.97
"""Cosine similarity from which on a message counts as a near-duplicate of one that was chosen already."""

_DIGITS = re.compile(r"\d+")


class Message(NamedTuple):
    """A message that may be labelled."""

    text: str
    message_id: str


@dataclass(frozen=True, slots=True)
class Drawn:
    """A message that was chosen.

    Attributes:
        row: its position in the pool.
        part: why it was chosen.
        count: for the random part, how many of the messages drawn at random have this text; for the others, how many
            messages of the pool are the same but for digits and punctuation.
    """

    row: int
    part: Part
    count: int


def near_key(text: str) -> str:
    """Return what near-duplicates have in common: the words, without case, punctuation and the value of numbers."""
    return separate_words(_DIGITS.sub("0", normalize_text(text))) or normalize_text(text)


def choose(
    texts: Sequence[str],
    profiles: "Profiles",
    threshold: float,
    rows: int,
    intent_thresholds: Mapping[str, float] | None = None,
) -> list[Drawn]:
    """Choose messages from a pool, no text twice.

    The random part is a beginning of the pool, so it is a uniform sample of what the pool was drawn from. Repetitions
    of a text there become one row with a count: to weigh each row by its count restores the sample.

    Args:
        texts: the pool's N texts in random order.
        profiles: of the same texts.
        threshold: the confidence from which the bundle accepts.
        rows: how many to choose; fewer come back where the pool has fewer different messages.
        intent_thresholds: the confidence that intents with a threshold of their own need.

    Returns:
        The random part, then the uncertain one (most uncertain first), then the diverse one (most remote first).
    """
    drawn = _random_part(texts, min(len(texts), round(rows * RANDOM_SHARE) or 1))
    keys = [near_key(text) for text in texts]
    copies = Counter(keys)
    taken = {keys[one.row] for one in drawn}
    chosen = [one.row for one in drawn]
    candidates = _Candidates(keys, taken, profiles.vectors, chosen)
    wanted = min(rows - len(drawn), round(rows * UNCERTAIN_SHARE))
    order = np.argsort(-uncertainty(profiles, threshold, intent_thresholds), kind="stable")
    uncertain = candidates.take([int(row) for row in order], wanted)
    diverse = candidates.take_most_remote(rows - len(drawn) - len(uncertain))
    more: list[tuple[Part, list[int]]] = [("uncertain", uncertain), ("diverse", diverse)]
    return drawn + [Drawn(row, part, copies[keys[row]]) for part, own in more for row in own]


def uncertainty(
    profiles: "Profiles", threshold: float, intent_thresholds: Mapping[str, float] | None = None
) -> NDArray[np.float64]:
    """Return how uncertain the bundle is about each of N texts, ``[N]``; higher is more uncertain.

    It is the closeness of the confidence to the threshold that counts for the intent, plus `DISAGREEMENT` where the
    nearest training messages have another label than the network gives.
    """
    own = intent_thresholds or {}
    confidence = np.array([decision.confidence for decision in profiles.decisions])
    needed = np.array([own.get(decision.intent, threshold) for decision in profiles.decisions])
    disagrees = np.array(
        [decision.intent != near for decision, near in zip(profiles.decisions, profiles.neighbours, strict=True)]
    )
    result: NDArray[np.float64] = DISAGREEMENT * disagrees - np.abs(confidence - needed)
    return result


def _random_part(texts: Sequence[str], rows: int) -> list[Drawn]:
    """Take the first rows of the pool, each text once with its count."""
    first: dict[str, int] = {}
    counts: Counter[str] = Counter()
    for row, text in enumerate(texts[:rows]):
        key = normalize_text(text)
        first.setdefault(key, row)
        counts[key] += 1
    return [Drawn(row, "random", counts[key]) for key, row in first.items()]


class _Candidates:
    """What is left of a pool: messages that are no near-duplicates of those chosen so far.

    Args:
        keys: `near_key` of each text.
        taken: keys of the chosen ones; changed.
        vectors: ``[N, D]`` unit vectors.
        chosen: positions of the chosen ones.
    """

    def __init__(self, keys: Sequence[str], taken: set[str], vectors: Floats, chosen: Sequence[int]) -> None:
        self._keys = keys
        self._taken = taken
        self._vectors = vectors
        self._nearest = np.full(len(keys), -1.0, dtype=np.float32)
        """Similarity of each message to the nearest chosen one."""
        for row in chosen:
            self._update(row)

    def take(self, order: Sequence[int], wanted: int) -> list[int]:
        """Take messages in a given order, leaving out near-duplicates."""
        found: list[int] = []
        for row in order:
            if len(found) == wanted:
                break
            if self._keys[row] not in self._taken and self._nearest[row] < NEAR:
                self._choose(row, found)
        return found

    def take_most_remote(self, wanted: int) -> list[int]:
        """Take the message that is the least similar to all chosen ones, again and again (greedy k-center)."""
        found: list[int] = []
        while len(found) < wanted:
            row = int(self._nearest.argmin()) if len(self._nearest) else 0
            if not len(self._nearest) or self._nearest[row] >= NEAR:
                break
            if self._keys[row] in self._taken:
                self._nearest[row] = 1.0
                continue
            self._choose(row, found)
        return found

    def _choose(self, row: int, found: list[int]) -> None:
        found.append(row)
        self._taken.add(self._keys[row])
        self._update(row)

    def _update(self, row: int) -> None:
        np.maximum(self._nearest, self._vectors @ self._vectors[row], out=self._nearest)
        self._nearest[row] = 1.0

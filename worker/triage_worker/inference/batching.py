"""Decides which waiting messages form a batch, from their lengths in tokens. No I/O.

All rows of a batch are padded to the longest one. On a CPU a token costs the same in a batch of one row as in a batch
of many, so only padding can be saved: a wave of waiting messages is sorted by length, and a batch ends where the next
length would add more padding than another batch costs. On a GPU another batch costs far more. There is no timer:
messages that wait are batched at once.

Here a message counts as one row, as long as all its windows together. When the batch runs, each window is a row of its
own, so for messages of several windows the padding is an estimate.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from triage_models.serving.engine import CPU_PADDING

LEAST_TOKENS = 64
"""A batch below this size is not divided among idle threads: that would cost more than it saves."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How batches are formed.

    Attributes:
        threads: batches that run at once.
        budget: most padded tokens in a batch: messages times the length of the longest.
        padding: tokens of padding in a batch that cost less than one more batch.
        wave: tokens for each thread that are sorted together. A larger wave pads less; a smaller one delays outputs
            less.
    """

    threads: int
    budget: int
    padding: int = CPU_PADDING
    wave: int = 8_192


def wave(lengths: Iterable[int], limits: Limits) -> int:
    """Return how many messages, oldest first, form the next wave: at least one if there are any."""
    room = limits.threads * max(limits.wave, limits.budget)
    taken = 0
    for length in lengths:
        room -= length
        if room < 0 and taken:
            break
        taken += 1
    return taken


def cut(lengths: Sequence[int], limits: Limits) -> list[list[int]]:
    """Divide a wave into batches, so that every thread gets a share.

    Args:
        lengths: the messages' lengths in tokens, those of all windows together; oldest message first.
        limits: how batches are formed; a message longer than the budget is a batch of its own.

    Returns:
        Positions in ``lengths``, each once: within a batch the shortest first. The batch with the oldest message comes
        first.
    """
    share = max(LEAST_TOKENS, -(-sum(lengths) // limits.threads))
    budget = min(limits.budget, share)
    batches: list[list[int]] = []
    tokens = 0
    for position in sorted(range(len(lengths)), key=lengths.__getitem__):
        length = lengths[position]
        padded = (len(batches[-1]) + 1) * length if batches else 0
        tokens += length
        if batches and padded <= budget and padded - tokens <= limits.padding:
            batches[-1].append(position)
        else:
            batches.append([position])
            tokens = length
    return sorted(batches, key=min)

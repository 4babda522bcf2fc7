"""Which of the waiting messages run together. Plain arithmetic on lengths, in tokens.

All rows of a batch are padded to its longest. On a CPU a token costs the same in a batch of one row and in one of
many, so padding is what there is to save: a wave of waiting messages is sorted by length, and a batch ends where the
next length would pad it by more than another batch costs. On a GPU another batch costs far more. There is no timer:
what waits goes.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

LEAST_TOKENS = 64
"""Below this a batch is not cut further to occupy idle threads: it would cost more than it saves."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How batches are cut.

    Attributes:
        threads: how many batches run at once.
        budget: padded tokens in a batch: rows times the longest row.
        padding: tokens of padding in a batch that are cheaper than one more batch.
        wave: tokens for each thread that are sorted together. More pads less; fewer holds outputs back for less long.
    """

    threads: int
    budget: int
    padding: int = 8
    wave: int = 8_192


def wave(lengths: Iterable[int], limits: Limits) -> int:
    """How many messages, oldest first, go into the next wave: at least one where there are any."""
    room = limits.threads * max(limits.wave, limits.budget)
    taken = 0
    for length in lengths:
        room -= length
        if room < 0 and taken:
            break
        taken += 1
    return taken


def cut(lengths: Sequence[int], limits: Limits) -> list[list[int]]:
    """Cut a wave into batches, so that every thread gets a share.

    Args:
        lengths: the messages' lengths, oldest message first.
        limits: a single message longer than the budget is a batch of its own.

    Returns:
        Positions in ``lengths``: each once, those of a batch shortest first, the batch of the oldest message first.
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

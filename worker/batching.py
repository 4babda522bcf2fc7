"""Which of the waiting messages run together. Plain arithmetic on lengths, in tokens.

A batch costs its rows times its longest row, since all rows are padded to that. Sorting by length keeps the padding
small; a budget of padded tokens keeps a batch in the processor's cache. There is no timer: what waits goes.
"""

from collections.abc import Iterable, Sequence

WAVE_BATCHES = 4
"""Batches a thread that are cut from one sorted wave. More pads less, fewer holds outputs back for less long."""

LEAST_TOKENS = 256
"""Below this a batch is not cut further to occupy idle threads: it would cost more than it saves."""


def wave(lengths: Iterable[int], budget: int, threads: int) -> int:
    """How many messages, oldest first, go into the next wave: at least one where there are any."""
    room = budget * threads * WAVE_BATCHES
    taken = 0
    for length in lengths:
        room -= length
        if room < 0 and taken:
            break
        taken += 1
    return taken


def cut(lengths: Sequence[int], budget: int, threads: int) -> list[list[int]]:
    """Cut a wave into batches of at most ``budget`` padded tokens, so that every thread gets a share.

    Args:
        lengths: the messages' lengths, oldest message first.
        budget: rows times the longest row of a batch; a single longer message is a batch of its own.
        threads: how many batches run at once.

    Returns:
        Positions in ``lengths``: each once, those of a batch shortest first, the batch of the oldest message first.
    """
    share = max(LEAST_TOKENS, -(-sum(lengths) // threads))
    limit = min(budget, share)
    batches: list[list[int]] = []
    for position in sorted(range(len(lengths)), key=lengths.__getitem__):
        if batches and (len(batches[-1]) + 1) * lengths[position] <= limit:
            batches[-1].append(position)
        else:
            batches.append([position])
    return sorted(batches, key=min)

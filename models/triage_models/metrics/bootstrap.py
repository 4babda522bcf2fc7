"""How far a figure could be off: percentile intervals by bootstrap."""

from collections.abc import Callable, Iterator

import numpy as np

from triage_models.metrics.outcomes import Floats

RESAMPLES = 1000
LEVEL = 0.95
CELLS = 2_000_000
"""Weights held at once: resamples come in blocks, so that 50,000 rows need no more memory than 5,000."""

Measure = Callable[[Floats], dict[str, Floats]]
"""Weights ``[R, N]`` to figures, each with R as its first axis."""


def weightings(rows: int, resamples: int, seed: int) -> Iterator[Floats]:
    """Blocks ``[R, N]`` of resamples: how often each of N rows was drawn when N were drawn with replacement."""
    random = np.random.default_rng(seed)
    block = max(1, CELLS // rows)
    for start in range(0, resamples, block):
        count = min(block, resamples - start)
        drawn = random.integers(rows, size=(count, rows)) + np.arange(count)[:, None] * rows
        yield np.bincount(drawn.ravel(), minlength=count * rows).reshape(count, rows).astype(np.float64)


def intervals(
    measure: Measure, rows: int, *, resamples: int = RESAMPLES, seed: int = 0
) -> dict[str, tuple[Floats, Floats]]:
    """Lower and upper ends of the 95 % interval of each figure; NaN where it is undefined in every resample."""
    blocks = [measure(weights) for weights in weightings(rows, resamples, seed)]
    return {name: _percentiles(np.concatenate([block[name] for block in blocks])) for name in blocks[0]}


def exact_share(share: float, of: float) -> tuple[float, float]:
    """Clopper-Pearson's interval of a share that came out as 0 or 1, where every resample agrees and says nothing.

    None wrong of 29 does not mean never wrong: the upper end is 1 - 0.025^(1/29) = 0.12.
    """
    near = ((1 - LEVEL) / 2) ** (1 / of)
    return (near, 1.0) if share == 1 else (0.0, 1 - near)


def _percentiles(values: Floats) -> tuple[Floats, Floats]:
    """Ends over the first axis, undefined values left out."""
    table = values.reshape(len(values), -1)
    low, high = np.full(table.shape[1], np.nan), np.full(table.shape[1], np.nan)
    defined = ~np.isnan(table).all(axis=0)
    if defined.any():
        tail = 50 * (1 - LEVEL)
        low[defined], high[defined] = np.nanpercentile(table[:, defined], [tail, 100 - tail], axis=0)
    return low.reshape(values.shape[1:]), high.reshape(values.shape[1:])

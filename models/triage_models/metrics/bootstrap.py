"""Confidence intervals of metrics: percentile bootstrap, and Clopper-Pearson for shares of 0 or 1."""

from collections.abc import Callable, Iterator

import numpy as np

from triage_models.metrics.outcomes import Floats

RESAMPLES = 1000
LEVEL = 0.95
MAX_BLOCK_CELLS = 2_000_000
"""Weights in memory at once: resamples are drawn in blocks, so that 50,000 rows need no more memory than 5,000."""

MetricFunction = Callable[[Floats], dict[str, Floats]]
"""Maps weights ``[R, N]`` to metrics by name, each with R as its first axis."""


def resample_weights(rows: int, resamples: int, seed: int) -> Iterator[Floats]:
    """Yield bootstrap resamples in blocks ``[R, N]``: how often each of N rows is drawn in N draws with replacement."""
    random = np.random.default_rng(seed)
    block = max(1, MAX_BLOCK_CELLS // rows)
    for start in range(0, resamples, block):
        count = min(block, resamples - start)
        drawn = random.integers(rows, size=(count, rows)) + np.arange(count)[:, None] * rows
        yield np.bincount(drawn.ravel(), minlength=count * rows).reshape(count, rows).astype(np.float64)


def bootstrap_intervals(
    compute: MetricFunction, rows: int, *, resamples: int = RESAMPLES, seed: int = 0
) -> dict[str, tuple[Floats, Floats]]:
    """Compute the 95 % percentile interval of each metric.

    Args:
        compute: computes the metrics of weighted rows.
        rows: N.
        resamples: number of bootstrap resamples.
        seed: seed of the resamples.

    Returns:
        Lower and upper ends by metric; NaN where the metric is undefined in every resample.
    """
    blocks = [compute(weights) for weights in resample_weights(rows, resamples, seed)]
    return {name: _percentiles(np.concatenate([block[name] for block in blocks])) for name in blocks[0]}


def clopper_pearson_interval(share: float, rows: float) -> tuple[float, float]:
    """Return the exact 95 % interval of a share of 0 or 1, for which every bootstrap resample gives the same value.

    None wrong of 29 does not mean never wrong: the upper end is 1 - 0.025^(1/29) = 0.12.

    Args:
        share: 0 or 1.
        rows: how many rows the share was measured on.
    """
    bound = ((1 - LEVEL) / 2) ** (1 / rows)
    return (bound, 1.0) if share == 1 else (0.0, 1 - bound)


def _percentiles(values: Floats) -> tuple[Floats, Floats]:
    """Return the interval ends over the first axis, ignoring undefined values."""
    table = values.reshape(len(values), -1)
    low, high = np.full(table.shape[1], np.nan), np.full(table.shape[1], np.nan)
    defined = ~np.isnan(table).all(axis=0)
    if defined.any():
        tail = 50 * (1 - LEVEL)
        low[defined], high[defined] = np.nanpercentile(table[:, defined], [tail, 100 - tail], axis=0)
    return low.reshape(values.shape[1:]), high.reshape(values.shape[1:])

"""Random samples of rows, by label."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def stratified_sample(labels: Sequence[str], rows: int | None = None, seed: int = 0) -> list[int]:
    """Draw rows without replacement so that each label keeps its share.

    Args:
        labels: ``[N]`` the label of each row.
        rows: how many rows to draw; None, N or more draws all.
        seed: seed of the draw.

    Returns:
        Positions in random order, so that any prefix is a fair sample too. Shares are rounded by largest remainder, so
        that the counts add up to ``rows``.
    """
    random = np.random.default_rng(seed)
    positions: dict[str, list[int]] = {}
    for position in random.permutation(len(labels)):
        positions.setdefault(labels[position], []).append(int(position))
    wanted = len(labels) if rows is None else min(rows, len(labels))
    exact = {label: wanted * len(own) / len(labels) for label, own in positions.items()}
    counts = {label: int(share) for label, share in exact.items()}
    by_remainder = sorted(exact, key=lambda label: (counts[label] - exact[label], label))
    for label in by_remainder[: wanted - sum(counts.values())]:
        counts[label] += 1
    drawn = [position for label, own in positions.items() for position in own[: counts[label]]]
    return [drawn[position] for position in random.permutation(len(drawn))]


def sample_per_class(classes: NDArray[np.int64], limit: int, seed: int) -> NDArray[np.int64]:
    """Draw up to ``limit`` rows of each class at random.

    Args:
        classes: ``[N]`` the class of each row.
        limit: rows per class, at most.
        seed: seed of the draw.

    Returns:
        Positions in ascending order.
    """
    shuffled = np.random.default_rng(seed).permutation(len(classes))
    return np.sort(np.concatenate([shuffled[classes[shuffled] == number][:limit] for number in np.unique(classes)]))

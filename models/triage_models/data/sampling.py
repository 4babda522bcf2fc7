"""Drawing some of many rows, so that each label keeps its share."""

from collections.abc import Sequence

import numpy as np


def stratified(labels: Sequence[str], rows: int | None = None, seed: int = 0) -> list[int]:
    """Positions of rows drawn without replacement, in a random order: the first so many are a fair sample, too.

    Args:
        labels: ``[N]`` the label of each row.
        rows: how many are drawn; None, or N and more, draws all.
        seed: of the draw.

    Every label gets its share of ``rows``, rounded so that the parts add up (by largest remainder).
    """
    random = np.random.default_rng(seed)
    places: dict[str, list[int]] = {}
    for place in random.permutation(len(labels)):
        places.setdefault(labels[place], []).append(int(place))
    wanted = len(labels) if rows is None else min(rows, len(labels))
    exact = {label: wanted * len(own) / len(labels) for label, own in places.items()}
    counts = {label: int(share) for label, share in exact.items()}
    by_remainder = sorted(exact, key=lambda label: (counts[label] - exact[label], label))
    for label in by_remainder[: wanted - sum(counts.values())]:
        counts[label] += 1
    drawn = [place for label, own in places.items() for place in own[: counts[label]]]
    return [drawn[place] for place in random.permutation(len(drawn))]

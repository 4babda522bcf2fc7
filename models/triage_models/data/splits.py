"""Splits training rows in two, keeping groups together where there are enough of them."""

from collections import Counter

import numpy as np

from triage_models.data.training_rows import TrainingRows

MIN_GROUPS = 8
"""With fewer groups, rows are split one by one: holding out a whole group would hold out too much."""


def has_enough_groups(rows: TrainingRows) -> bool:
    """Whether there are enough groups to hold some out whole."""
    return len(set(rows.groups)) >= MIN_GROUPS


def split_rows(rows: TrainingRows, share: float, seed: int) -> tuple[TrainingRows, TrainingRows]:
    """Split off a share of the rows: whole groups if there are enough of them, otherwise a share of each label.

    Groups stay together because a model should be tested on shops that it has not seen. Every label keeps at least one
    row in the first part.

    Args:
        rows: N rows.
        share: share of the rows, 0 to 1, that goes to the second part, approximately.
        seed: seed of the draw.

    Returns:
        The remaining rows and the rows split off.
    """
    random = np.random.default_rng(seed)
    held_out = _draw_groups(rows, share, random) if has_enough_groups(rows) else set()
    held_out = held_out or _draw_rows(rows, share, random)  # every group may be larger than the share
    return rows.take(row for row in range(len(rows)) if row not in held_out), rows.take(sorted(held_out))


def _draw_groups(rows: TrainingRows, share: float, random: np.random.Generator) -> set[int]:
    """Draw whole groups at random until they make up the share; rows without a group are never drawn."""
    sizes = Counter(group for group in rows.groups if group)
    names = sorted(sizes)
    random.shuffle(names)
    chosen: set[str] = set()
    wanted = share * sum(sizes.values())
    for name in names:
        if sum(sizes[group] for group in chosen) + sizes[name] / 2 <= wanted:
            chosen.add(name)
    held_out = {row for row, group in enumerate(rows.groups) if group in chosen}
    remaining_labels = {rows.labels[row] for row in range(len(rows)) if row not in held_out}
    return {row for row in held_out if rows.labels[row] in remaining_labels}


def _draw_rows(rows: TrainingRows, share: float, random: np.random.Generator) -> set[int]:
    """Draw a share of each label; fractions of a row are carried over from label to label."""
    held_out: set[int] = set()
    carried = 0.0
    for label in sorted(set(rows.labels)):
        own = [row for row, name in enumerate(rows.labels) if name == label]
        random.shuffle(own)
        count = round(share * len(own))
        if not count:
            carried += share * len(own)
            count = int(carried)
            carried -= count
        held_out.update(own[: min(count, len(own) - 1)])
    return held_out

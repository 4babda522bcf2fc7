"""Splits training rows in two, keeping groups together where there are enough of them."""

from collections import Counter
from collections.abc import Iterable

import numpy as np

from triage_models.data.training_rows import TrainingRows

MIN_GROUPS = 8
"""With fewer groups, rows are split one by one: holding out a whole group would hold out too much."""


def has_enough_groups(rows: TrainingRows) -> bool:
    """Whether there are enough groups to hold some out whole."""
    return len(set(rows.groups) - {""}) >= MIN_GROUPS


def split_rows(rows: TrainingRows, share: float, seed: int) -> tuple[TrainingRows, TrainingRows]:
    """Split off a share of the rows: whole groups if there are enough of them, otherwise a share of each label.

    Groups stay together because a model should be tested on shops that it has not seen. Where most rows of a label have
    no group, such as out-of-scope rows from elsewhere, a share of these is split off too; the few of other labels stay
    in the first part, because groups can test the label. Every label keeps at least one row in the first part.

    Args:
        rows: N rows.
        share: share of the rows, 0 to 1, that goes to the second part, approximately.
        seed: seed of the draw.

    Returns:
        The remaining rows and the rows split off.
    """
    random = np.random.default_rng(seed)
    held_out = _draw_groups(rows, share, random) if has_enough_groups(rows) else set()
    if held_out:
        held_out |= _draw_rows(rows, share, random, _mostly_ungrouped(rows))
    else:  # every group may be larger than the share
        held_out = _draw_rows(rows, share, random, range(len(rows)))
    return rows.take(row for row in range(len(rows)) if row not in held_out), rows.take(sorted(held_out))


def _draw_groups(rows: TrainingRows, share: float, random: np.random.Generator) -> set[int]:
    """Draw whole groups at random until they make up the share of the rows with a group."""
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


def _mostly_ungrouped(rows: TrainingRows) -> list[int]:
    """Return the rows without a group, of the labels that have more rows without a group than with one."""
    surplus = Counter[str]()
    for label, group in zip(rows.labels, rows.groups, strict=True):
        surplus[label] += -1 if group else 1
    return [row for row, group in enumerate(rows.groups) if not group and surplus[rows.labels[row]] > 0]


def _draw_rows(rows: TrainingRows, share: float, random: np.random.Generator, among: Iterable[int]) -> set[int]:
    """Draw a share of each label among some rows; fractions of a row are carried over from label to label."""
    held_out: set[int] = set()
    carried = 0.0
    by_label: dict[str, list[int]] = {}
    for row in among:
        by_label.setdefault(rows.labels[row], []).append(row)
    for _, own in sorted(by_label.items()):
        random.shuffle(own)
        count = round(share * len(own))
        if not count:
            carried += share * len(own)
            count = int(carried)
            carried -= count
        held_out.update(own[: min(count, len(own) - 1)])
    return held_out

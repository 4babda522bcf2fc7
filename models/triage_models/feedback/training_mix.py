"""The training mix of ``triage learn``: answers, mixed with a sample of the rows that the bundle was trained on.

The sample keeps the network from forgetting what it was trained on.
"""

from collections.abc import Collection, Sequence

import numpy as np

from triage_models.data.labelled import normalize_text
from triage_models.data.sampling import sample_per_class
from triage_models.data.training_rows import TrainingRows
from triage_models.errors import DataError
from triage_models.feedback.resolve import ResolvedLabels

REPLAY_ROWS = 2400
"""Base rows in the mix. Few would be enough to forget nothing, but prototypes are built from them too."""

REPLAY_ROWS_PER_CLASS = 20
"""Base rows of each class, at least."""

REPLAY_WEIGHT = 0.4
"""How often an epoch draws a base row."""

HUMAN_WEIGHT = 5.0
"""How often an epoch draws a person's answer, unless there are many."""

LLM_WEIGHT = 0.5
"""How often an epoch draws an LLM's answer for each time that it draws a person's."""

MAX_ANSWER_SHARE = 0.6
"""Share of all draws that are answers, at most, however many there are."""


def mix_rows(
    resolved: ResolvedLabels, base: TrainingRows, classes: Sequence[str], excluded: Collection[str], seed: int
) -> TrainingRows:
    """Mix answers with a sample of the base rows, each with a weight.

    Base rows that were answered or held out are not sampled.

    Args:
        resolved: the answers.
        base: the rows that the bundle was trained on.
        classes: the classes of the bundle.
        excluded: normalized texts to leave out, such as those of the test set.
        seed: seed of the sample.

    Raises:
        DataError: The answers leave a class without rows.
    """
    answers = [*resolved.human, *resolved.llm]
    taken = {*excluded, *(normalize_text(one.text) for one in (*answers, *resolved.held_out))}
    free = base.take(row for row, text in enumerate(base.texts) if normalize_text(text) not in taken)
    missing = sorted(set(classes) - {*free.labels, *(one.label for one in answers)})
    if missing:
        raise DataError(f"The answers leave no row of {missing[0]}: they contradict every base row with this label.")
    replay = _sample_base(free, classes, seed)
    count = len(resolved.human) + LLM_WEIGHT * len(resolved.llm)
    largest = MAX_ANSWER_SHARE / (1 - MAX_ANSWER_SHARE) * REPLAY_WEIGHT * len(replay) / count
    weight = min(HUMAN_WEIGHT, largest)
    return TrainingRows(
        [*replay.texts, *(one.text for one in answers)],
        [*replay.labels, *(one.label for one in answers)],
        [],
        [
            *[REPLAY_WEIGHT] * len(replay),
            *[weight] * len(resolved.human),
            *[weight * LLM_WEIGHT] * len(resolved.llm),
        ],
    )


def _sample_base(rows: TrainingRows, classes: Sequence[str], seed: int) -> TrainingRows:
    """Sample rows by weight, plus some of each class."""
    weights = rows.weight_array()
    random = np.random.default_rng(seed)
    drawn = random.choice(len(rows), size=min(REPLAY_ROWS, len(rows)), replace=False, p=weights / weights.sum())
    index = {label: number for number, label in enumerate(classes)}
    numbers = np.array([index[label] for label in rows.labels], dtype=np.int64)
    per_class = sample_per_class(numbers, REPLAY_ROWS_PER_CLASS, seed)
    return rows.take(np.union1d(drawn, per_class).tolist())

"""What ``triage learn`` learns from: answers, among a sample of the rows that the bundle was once trained on."""

from pathlib import Path

import numpy as np

from triage_models.bundle.manifest import Manifest
from triage_models.data.labelled import folded
from triage_models.errors import DataError
from triage_models.feedback.resolve import Settled
from triage_models.training.data import Rows
from triage_models.training.ecommerce import CORPUS
from triage_models.training.plan import Plan, make_plan
from triage_models.training.prototypes import some_of_each

REPLAY, REPLAY_EACH, REPLAY_WEIGHT = 2400, 20, 0.4
"""Rows of the base data that are trained on again, how many of each class at least, and how often a pass draws one.
Prototypes are made of them, too, so they have to be many, though few are enough to forget nothing."""

HUMAN_WEIGHT, LLM_WEIGHT = 5.0, 0.5
"""How often a pass draws a person's answer, if they are few; and an LLM's, for each time that a person's is drawn."""

MOST_ANSWERS = 0.6
"""Share of what is drawn that answers have at most, however many they are."""


def base_csv(data: Path | None) -> Path:
    """The caller's base data, or the project's corpus in its stead."""
    return CORPUS / "messages.csv" if data is None else data


def base_plan(manifest: Manifest, data: Path | None) -> Plan:
    """The base data as it was split when the bundle was trained, with the bundle's name for out of scope.

    Args:
        manifest: of the bundle that serves.
        data: the CSV that it was trained on, or nothing: then the project's corpus.

    Raises:
        DataError: the bundle has no such name, or the data has other labels.
    """
    scope = manifest.out_of_scope_label
    if scope is None:
        raise DataError(f"{manifest.name} has no out-of-scope output, so it cannot learn on: train it anew.")
    csv = base_csv(data)
    plan = make_plan(csv, None, None, None, int(manifest.training.get("seed", 0)))
    if plan.labels != manifest.labels:
        odd = ", ".join(sorted(set(plan.labels) ^ set(manifest.labels))[:5])
        raise DataError(
            f"The labels of {csv.name} are not those of {manifest.name} (different: {odd}): "
            "name the CSV that it was trained on with --data."
        )
    for rows in (plan.train, plan.held):
        rows.labels[:] = [scope if label == plan.scope else label for label in rows.labels]
    plan.scope = scope
    return plan


def learning_rows(settled: Settled, base: Plan, unwanted: set[str], seed: int) -> Rows:
    """Answers among a sample of the base rows, each with how often it is drawn in a pass.

    Of the base rows, those stay out that have been answered or that judge.

    Raises:
        DataError: no row is left of a label.
    """
    answers = [*settled.human, *settled.llm]
    known = unwanted | {folded(one.text) for one in (*answers, *settled.held)}
    free = base.train.take(row for row, text in enumerate(base.train.texts) if folded(text) not in known)
    gone = sorted(set(base.classes) - {*free.labels, *(one.label for one in answers)})
    if gone:
        raise DataError(f"The answers leave no row of {gone[0]}: they contradict all that the base data has of it.")
    random = np.random.default_rng(seed)
    drawn = free.drawn()
    often = random.choice(len(free), size=min(REPLAY, len(free)), replace=False, p=drawn / drawn.sum())
    each = some_of_each(base.numbers(free), REPLAY_EACH, seed)
    replay = free.take(np.union1d(often, each).tolist())
    counted = len(settled.human) + LLM_WEIGHT * len(settled.llm)
    weight = min(HUMAN_WEIGHT, MOST_ANSWERS / (1 - MOST_ANSWERS) * REPLAY_WEIGHT * len(replay) / counted)
    return Rows(
        [*replay.texts, *(one.text for one in answers)],
        [*replay.labels, *(one.label for one in answers)],
        [],
        [*[REPLAY_WEIGHT] * len(replay), *[weight] * len(settled.human), *[weight * LLM_WEIGHT] * len(settled.llm)],
    )

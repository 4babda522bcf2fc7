"""What to train on and what to measure with, decided before anything is trained."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from triage_models.errors import DataError
from triage_models.training import data
from triage_models.training.batches import Examples
from triage_models.training.data import Rows
from triage_models.training.foreign import foreign_texts

SMALL = 2500
"""Rows in scope below which no row can be spared: calibration is then cross-fitted over `training.folds`."""

HELD_SHARE, HELD_ENOUGH = 0.1, 500
"""A tenth of the rows is held out, of many a twentieth, if that is `HELD_ENOUGH` or more. Of groups it stays a tenth:
what counts there is how many groups judge, not how many rows."""

SCOPE_HELD_SHARE = 0.25
FEWEST_HELD = 20
MADE_SCOPE = "OOS"
MADE_SHARE, MADE_MOST = 0.5, 600
"""Out-of-scope rows made for data that brings none, for each row that it has, and how many at most."""


@dataclass
class Plan:
    """The rows of a training run.

    Attributes:
        labels: sorted; the network's first outputs.
        scope: name of the out-of-scope class, the network's last output.
        train: rows to train on, out-of-scope rows among them.
        held: rows to calibrate with; empty when the data is too small to spare any.
        made: the out-of-scope rows are not the caller's, see `triage_models.training.foreign`.
        notes: sentences for the person who runs this: what was dropped, and why.
    """

    labels: tuple[str, ...]
    scope: str
    train: Rows
    held: Rows
    made: bool = False
    notes: list[str] = field(default_factory=list)

    @property
    def classes(self) -> tuple[str, ...]:
        return (*self.labels, self.scope)

    def numbers(self, rows: Rows) -> NDArray[np.int64]:
        """Class numbers of rows; -1 for a label that the network has no output for."""
        index = {label: number for number, label in enumerate(self.classes)}
        return np.array([index.get(label, -1) for label in rows.labels], dtype=np.int64)

    def examples(self, rows: Rows) -> Examples:
        """Rows as the training loop takes them."""
        return Examples(rows.texts, self.numbers(rows), rows.drawn())


def make_plan(
    csv: Path, validation: Path | None, out_of_scope: Path | None, out_of_scope_label: str | None, seed: int
) -> Plan:
    """Read the files, refuse what cannot be learnt from, and put rows aside to calibrate with.

    Raises:
        DataError: one sentence on what is wrong with which file.
    """
    rows = data.read_csv(csv)
    scope = data.out_of_scope_name(rows.labels, out_of_scope_label, extra_rows=out_of_scope is not None)
    if out_of_scope is not None and scope is not None:
        rows = _joined(rows, data.read_csv(out_of_scope, label=scope))
    rows, repeated = data.deduplicate(rows)
    data.check_learnable(rows, scope)
    labels = tuple(sorted(set(rows.labels) - {scope}))
    made = scope not in rows.labels
    scope = scope or MADE_SCOPE
    if made:
        texts = foreign_texts(rows.texts, min(MADE_MOST, round(MADE_SHARE * len(rows))), seed)
        rows = _joined(rows, Rows(texts, [scope] * len(texts)))
    plan = Plan(labels, scope, rows, Rows([], []), made)
    if repeated:
        plan.notes.append(f"{repeated} repeated texts were dropped.")
    if made:
        plan.notes.append(f"No out-of-scope rows were given: {len(texts)} of Triage's own stand in for them.")
    if validation is not None:
        _hold_validation(plan, validation, seed)
    elif sum(label != scope for label in rows.labels) >= SMALL:
        plan.train, plan.held = data.split(rows, _held_share(rows), seed)
    return plan


def _held_share(rows: Rows) -> float:
    return HELD_SHARE if data.grouped(rows) else float(np.clip(HELD_ENOUGH / len(rows), HELD_SHARE / 2, HELD_SHARE))


def _hold_validation(plan: Plan, file: Path, seed: int) -> None:
    """Calibrate with the caller's rows, and with some out-of-scope rows of the training data if those have none."""
    held, shared = data.without(data.read_csv(file), plan.train)
    if not len(held):
        raise DataError(f"Every row of {file} is in the training data too: give validation rows of their own.")
    if shared:
        plan.notes.append(f"{shared} validation rows stand in the training data too and were not used to calibrate.")
    unknown = sorted(set(held.labels) - set(plan.classes))
    if unknown:
        raise DataError(
            f"{file} has labels that the training data lacks: {', '.join(unknown[:5])}. Rename or remove them."
        )
    if sum(label != plan.scope for label in held.labels) < FEWEST_HELD:
        raise DataError(
            f"{file} has too few rows to calibrate with ({len(held)}, {FEWEST_HELD} are the least): add some, or leave "
            "--validation out, and the training rows are judged in turn."
        )
    if plan.scope not in held.labels:
        own = [row for row, label in enumerate(plan.train.labels) if label == plan.scope]
        spared = np.random.default_rng(seed).permutation(own)[: round(SCOPE_HELD_SHARE * len(own))]
        held = _joined(held, plan.train.take(spared))
        gone = set(spared.tolist())
        plan.train = plan.train.take(row for row in range(len(plan.train)) if row not in gone)
    plan.held = held


def _joined(first: Rows, second: Rows) -> Rows:
    groups = bool(first.groups or second.groups)
    weights = bool(first.weights or second.weights)
    return Rows(
        first.texts + second.texts,
        first.labels + second.labels,
        (first.groups or [""] * len(first)) + (second.groups or [""] * len(second)) if groups else [],
        (first.weights or [1.0] * len(first)) + (second.weights or [1.0] * len(second)) if weights else [],
    )

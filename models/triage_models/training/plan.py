"""Plans a training run: which rows to train on and which to calibrate with."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from triage_models.data import splits, training_rows
from triage_models.data.labelled import match_labels, means_out_of_scope
from triage_models.data.labels import show_labels
from triage_models.data.trainable import check_trainable
from triage_models.data.training_rows import TrainingRows
from triage_models.errors import DataError
from triage_models.training.batches import Examples
from triage_models.training.synthetic_oos import sample_oos_texts

SMALL = 2500
"""With fewer rows in scope none is held out; calibration is cross-fitted (`triage_models.training.cross_fitting`)."""

HELD_OUT_SHARE, HELD_OUT_ROWS = 0.1, 500
"""A tenth of the rows is held out, or down to a twentieth if that is still `HELD_OUT_ROWS`. With groups it stays a
tenth, because then the number of groups matters, not the number of rows."""

OOS_HELD_OUT_SHARE = 0.25
"""Share of the out-of-scope training rows that moves to validation rows without any."""

MIN_OOS_ROWS = 2
"""A single out-of-scope row is learned from, but cannot be judged as well: then rows are added as if it had none."""

MIN_VALIDATION_ROWS = 20
DEFAULT_OOS_LABEL = "OOS"
SYNTHETIC_OOS_SHARE, SYNTHETIC_OOS_ROWS = 0.5, 600
"""Out-of-scope rows added to data that has none: so many per row of the data, and how many at most."""


@dataclass
class TrainingPlan:
    """The rows of a training run.

    Attributes:
        labels: sorted; the network's first outputs.
        oos_label: the name of the out-of-scope class, the network's last output.
        train: rows to train on, out-of-scope rows included.
        held_out: rows to calibrate with; empty if the data is too small to hold any out.
        synthetic_oos: the out-of-scope rows are Triage's, not the caller's, see `triage_models.training.synthetic_oos`.
        generated: rows that no customer wrote, to train on, see `triage_models.training.generated_rows`.
        notes: sentences for the user, such as how many rows were dropped.
    """

    labels: tuple[str, ...]
    oos_label: str
    train: TrainingRows
    held_out: TrainingRows
    synthetic_oos: bool = False
    generated: TrainingRows = field(default_factory=lambda: TrainingRows([], []))
    notes: list[str] = field(default_factory=list)

    @property
    def classes(self) -> tuple[str, ...]:
        """The network's outputs in order: the labels, then the out-of-scope class."""
        return (*self.labels, self.oos_label)

    @property
    def learned(self) -> TrainingRows:
        """All rows that the network learns from."""
        return training_rows.concatenate(self.train, self.generated) if len(self.generated) else self.train

    @property
    def held_out_source(self) -> str:
        """What the rows held out are, in words, with the number of groups where whole ones were held out."""
        groups = set(self.held_out.groups) - {""}
        whole = groups and not groups & set(self.train.groups)
        among = f", {len(groups):,} whole groups among them" if whole else ""
        return f"{len(self.held_out)} rows held out{among}"

    def class_indices(self, rows: TrainingRows) -> NDArray[np.int64]:
        """Return the class index of each row ``[N]``; -1 for a label that the network has no output for."""
        index = {label: number for number, label in enumerate(self.classes)}
        return np.array([index.get(label, -1) for label in rows.labels], dtype=np.int64)

    def examples(self, rows: TrainingRows) -> Examples:
        """Return rows in the form of the training loop."""
        return Examples(rows.texts, self.class_indices(rows), rows.weight_array(), rows.groups)


def make_plan(
    csv: Path,
    validation: Path | None,
    out_of_scope: Path | None,
    out_of_scope_label: str | None,
    seed: int,
    generated: Path | None = None,
) -> TrainingPlan:
    """Read the files, refuse data that cannot be learned from, and hold out rows to calibrate with.

    Args:
        csv: the training data.
        validation: rows to calibrate with; None holds some of ``csv`` out.
        out_of_scope: messages without a label.
        out_of_scope_label: the label of such messages in ``csv``.
        seed: seed of every draw.
        generated: rows that no customer wrote; they are only trained on.

    Raises:
        DataError: One sentence on what is wrong with which file.
    """
    notes: list[str] = []
    rows = training_rows.read_training_rows(csv, on_note=notes.append)
    found = training_rows.find_oos_label(rows.labels, out_of_scope_label, extra_rows=out_of_scope is not None)
    if out_of_scope is not None and found is not None:
        extra = training_rows.read_training_rows(out_of_scope, label=found, on_note=notes.append)
        rows = training_rows.concatenate(rows, extra)
    rows, dropped = training_rows.deduplicate(rows)
    notes += [*dropped, *check_trainable(rows, found)]
    labels = tuple(sorted(set(rows.labels) - {found}))
    oos_label = found or DEFAULT_OOS_LABEL
    own_oos = rows.labels.count(oos_label)
    synthetic = own_oos < MIN_OOS_ROWS
    if synthetic:
        limit = min(SYNTHETIC_OOS_ROWS, round(SYNTHETIC_OOS_SHARE * len(rows)))
        texts = sample_oos_texts(rows.texts, limit, seed)
        rows = training_rows.concatenate(rows, TrainingRows(texts, [oos_label] * len(texts)))
        has = "a single out-of-scope row" if own_oos else "no out-of-scope rows"
        notes.append(f"The data has {has}: {len(texts)} of Triage's own were added.")
    plan = TrainingPlan(labels, oos_label, rows, TrainingRows([], []), synthetic, notes=notes)
    if validation is not None:
        _use_validation(plan, validation, seed)
    elif sum(label != oos_label for label in rows.labels) >= SMALL:
        plan.train, plan.held_out = splits.split_rows(rows, _held_out_share(rows), seed)
    if generated is not None:
        _use_generated(plan, generated)
    return plan


def _use_generated(plan: TrainingPlan, file: Path) -> None:
    """Read generated rows; those that repeat a row of the data are left out, so that no row is judged by its copy."""
    read = training_rows.read_training_rows(file, on_note=plan.notes.append)
    read, dropped = training_rows.deduplicate(replace(read, labels=_matched_labels(read.labels, plan)))
    plan.notes += [f"{file}: {note}" for note in dropped]
    _refuse_unknown_labels(read, plan, file)
    for rows in (plan.train, plan.held_out):
        read, shared = training_rows.exclude_texts(read, rows)
        if shared:
            are = "1 generated row is" if shared == 1 else f"{shared:,} generated rows are"
            plan.notes.append(f"{are} in the data too and not used as generated.")
    plan.generated = read


def _refuse_unknown_labels(rows: TrainingRows, plan: TrainingPlan, file: Path) -> None:
    unknown = sorted(set(rows.labels) - set(plan.classes))
    if unknown:
        count = sum(label in unknown for label in rows.labels)
        shown = "1 row" if count == 1 else f"{count:,} rows"
        raise DataError(
            f"{file} has labels that the training data lacks: {show_labels(unknown)} ({shown}): "
            "rename them, add rows of them to the training data, or remove these rows."
        )


def _held_out_share(rows: TrainingRows) -> float:
    if splits.has_enough_groups(rows):
        return HELD_OUT_SHARE
    return float(np.clip(HELD_OUT_ROWS / len(rows), HELD_OUT_SHARE / 2, HELD_OUT_SHARE))


def _use_validation(plan: TrainingPlan, file: Path, seed: int) -> None:
    """Calibrate with the caller's rows, plus some out-of-scope rows of the training data if those have none."""
    read = training_rows.read_training_rows(file, on_note=plan.notes.append)
    read = replace(read, labels=_matched_labels(read.labels, plan))
    read, dropped = training_rows.deduplicate(read)  # a row that counted twice would make the bound too low
    plan.notes += [f"{file}: {note}" for note in dropped]
    held_out, shared = training_rows.exclude_texts(read, plan.train)
    if not len(held_out):
        raise DataError(f"Every row of {file} is in the training data too: provide validation rows that are not.")
    if shared:
        plan.notes.append(f"{shared} validation rows are in the training data too and were not used to calibrate.")
    _refuse_unknown_labels(held_out, plan, file)
    unjudged = sorted(set(plan.labels) - set(held_out.labels))
    if unjudged:
        plan.notes.append(
            f"{len(unjudged)} of {len(plan.labels)} labels have no validation rows, so they are learned but cannot be "
            f"judged: {show_labels(unjudged)}."
        )
    if sum(label != plan.oos_label for label in held_out.labels) < MIN_VALIDATION_ROWS:
        raise DataError(
            f"{file} has too few rows to calibrate with ({len(held_out)}; the minimum is {MIN_VALIDATION_ROWS}): add "
            "some, or omit --validation, and calibration is cross-fitted on the training rows."
        )
    if plan.oos_label not in held_out.labels:
        own = [row for row, label in enumerate(plan.train.labels) if label == plan.oos_label]
        moved = np.random.default_rng(seed).permutation(own)[: round(OOS_HELD_OUT_SHARE * len(own))]
        held_out = training_rows.concatenate(held_out, plan.train.take(moved))
        gone = set(moved.tolist())
        plan.train = plan.train.take(row for row in range(len(plan.train)) if row not in gone)
    plan.held_out = held_out


def _matched_labels(labels: Sequence[str], plan: TrainingPlan) -> list[str]:
    """Return labels as the training data has them; every usual name of out of scope becomes the plan's."""
    matched = match_labels(labels, plan.classes, plan.notes.append)
    return [plan.oos_label if label not in plan.classes and means_out_of_scope(label) else label for label in matched]

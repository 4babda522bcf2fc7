"""Cross-fitted calibration data for small data sets: each row is predicted by a model that was not trained on it.

The data is split four times, each time leaving out a quarter of the rows: whole groups if there are enough of them. If
the data has no out-of-scope rows, a quarter of the *labels* is left out as well: to a model that never saw a label, its
rows are as unknown as a new intent will be to the final model, and harder to recognize than small talk.
"""

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.feature_extraction.text import TfidfVectorizer

from triage_models.calibration.calibration_data import CalibrationData, join
from triage_models.data.splits import MIN_GROUPS
from triage_models.training.candidate import TrainingJob, run_candidate, train_candidate
from triage_models.training.trainer import StepCallback, part_progress

FOLDS = 4
MIN_LABELS = 8
"""With fewer labels, leaving out a quarter of them would change the task too much: only rows are left out."""

NEVER = -1
"""The fold of a row that is never left out, and of a label that is never left out."""

OOS_SHARE = 0.3
"""Share of out-of-scope rows in the calibration data. Real bots receive more, but rows of a left-out label are harder
to recognize than most messages: with more of them the threshold would be stricter than real traffic requires."""


def cross_fit(
    job: TrainingJob, labels: int, folder: Path, progress: StepCallback, *, leave_labels_out: bool
) -> CalibrationData:
    """Return calibration data for the rows of a job, each predicted by one of four models trained without it.

    A row counts once, either for its label or, left out with that label, as out of scope. The only row of a label is in
    the training data of every model that knows the label, so it is not judged.

    Args:
        job: how the final model will be trained.
        labels: how many of its classes are labels; the out-of-scope class is never left out.
        folder: where the models are built; an interrupted call of the same job resumes there.
        progress: called with the share of all four models that is done.
        leave_labels_out: leave out labels as well as rows.
    """
    classes = job.examples.classes
    random = np.random.default_rng(job.seed)
    row_fold = _row_folds(job.examples.texts, classes, random)
    if job.examples.groups:
        row_fold = _group_folds(np.asarray(job.examples.groups), classes, row_fold, random)
    row_fold[np.bincount(classes)[classes] == 1] = NEVER  # a model without the only row would not know the label
    label_fold = _label_folds(len(job.classes), labels if leave_labels_out else 0, random)
    parts, judged = [], []
    for fold in range(FOLDS):
        absent = label_fold[classes] == fold
        train = np.flatnonzero(~absent & (row_fold != fold))
        predict = np.flatnonzero(absent | (row_fold == fold))
        judged.append(predict)
        fold_progress = part_progress(progress, fold, FOLDS)
        parts.append(_run_fold(job, train, predict, absent[predict], folder / str(fold), fold_progress))
    data = join(parts)
    return _limit_oos(data, labels, np.concatenate(judged), random) if leave_labels_out else data


def _limit_oos(
    data: CalibrationData, labels: int, rows: NDArray[np.int64], random: np.random.Generator
) -> CalibrationData:
    """Drop out-of-scope predictions at random until they are `OOS_SHARE` of all, and keep one prediction of each row.

    Most rows of a left-out label are predicted twice, for their label and as out of scope: if both counted, the bound
    would take one text for two. A quarter, of which label and row are left out by the same model, is predicted as out
    of scope only. These are drawn first, so that hardly a row has to give up its prediction for its label.

    Args:
        data: P predictions.
        labels: how many of the classes are labels.
        rows: ``[P]`` the row that each prediction is of.
        random: the source of the draw.
    """
    in_scope = data.is_in_scope(labels)
    twice = ~in_scope & np.isin(rows, rows[in_scope])
    order = random.permutation(np.flatnonzero(~in_scope))
    left_out = data.classes[order] < 0  # the others are Triage's own, whose share of the draw stays as it is
    order[left_out] = order[left_out][np.argsort(twice[order[left_out]], kind="stable")]
    wanted = np.round((in_scope.sum() - np.cumsum(twice[order])) * OOS_SHARE / (1.0 - OOS_SHARE))
    drawn = order[: int((np.arange(1, len(order) + 1) <= wanted).sum())]
    kept = in_scope & ~np.isin(rows, rows[drawn])
    return data.take(np.sort(np.append(np.flatnonzero(kept), drawn)))


def _run_fold(
    job: TrainingJob,
    train: NDArray[np.int64],
    predict: NDArray[np.int64],
    absent: NDArray[np.bool_],
    folder: Path,
    progress: StepCallback,
) -> CalibrationData:
    """Train on the rows ``train`` and predict the rows ``predict`` ``[N]``; ``absent`` ``[N]`` are left-out labels."""
    known = np.unique(job.examples.classes[train])
    done = folder.with_suffix(".npz")
    if not done.is_file():
        new_index = np.full(len(job.classes), -1, dtype=np.int64)
        new_index[known] = np.arange(len(known))
        examples = job.examples.take(train)
        generated = job.generated
        if generated is not None:
            generated = generated.take(np.flatnonzero(new_index[generated.classes] >= 0))
            generated = replace(generated, classes=new_index[generated.classes])
        part = replace(
            job,
            generated=generated,
            examples=replace(examples, classes=new_index[examples.classes]),
            classes=tuple(job.classes[number] for number in known),
            validation=None,
        )
        train_candidate(part, folder, progress, with_gpu_model=False)
        rows = job.examples.take(predict)
        truth = np.where(absent, -1, rows.classes)
        source = "rows left out in turn" + (", and labels left out in turn" if absent.any() else "")
        run_candidate(folder, rows.texts, truth, job.max_length, source).save(done)
        shutil.rmtree(folder)
    progress(1.0, 0.0)
    return CalibrationData.load(done).widen(known, len(job.classes))


def _row_folds(texts: Sequence[str], classes: NDArray[np.int64], random: np.random.Generator) -> NDArray[np.int64]:
    """Assign each row ``[N]`` a fold; similar rows of a class share one.

    Examples that a team writes are cleaner than what customers type. With random folds, a row would be predicted by a
    model that saw a paraphrase of it, and every threshold would be too strict for real traffic.
    """
    vectorizer = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4), sublinear_tf=True, max_features=2000)
    vectors = vectorizer.fit_transform(texts).toarray()
    fold = np.empty(len(classes), dtype=np.int64)
    for number in np.unique(classes):
        own = np.flatnonzero(classes == number)
        centred = vectors[own] - vectors[own].mean(axis=0)
        position = centred @ np.linalg.svd(centred, full_matrices=False)[2][0]  # along the direction of most variance
        fold[own[np.argsort(position, kind="stable")]] = (
            np.arange(len(own)) * FOLDS // len(own) + random.integers(FOLDS)
        ) % FOLDS
    return fold


def _group_folds(
    groups: NDArray[np.str_], classes: NDArray[np.int64], row_fold: NDArray[np.int64], random: np.random.Generator
) -> NDArray[np.int64]:
    """Assign each row ``[N]`` the fold of its group, the same for all rows of it; the folds are about equally large.

    Rows without a group keep their own fold, and so do rows of a label that would be in one fold only, since the model
    without that fold would not know the label. All do if there are few groups, or if a group has half of the rows.
    """
    names, number, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    sizes = np.where(names == "", 0, sizes)
    if (sizes > 0).sum() < MIN_GROUPS or 2 * sizes.max() > len(groups):
        return row_fold
    group_fold, filled = np.zeros(len(names), dtype=np.int64), np.zeros(FOLDS)
    shuffled = random.permutation(len(names))
    for group in shuffled[np.argsort(-sizes[shuffled], kind="stable")]:  # the largest first, into the emptiest fold
        group_fold[group] = filled.argmin()
        filled[group_fold[group]] += sizes[group]
    fold = np.where(groups == "", row_fold, group_fold[number])
    for label in np.unique(classes):
        own = classes == label
        if len(np.unique(fold[own])) == 1:
            fold[own] = row_fold[own]
    return fold


def _label_folds(classes: int, labels: int, random: np.random.Generator) -> NDArray[np.int64]:
    """Assign each class ``[C]`` the fold that leaves it out; -1 for never."""
    fold = np.full(classes, NEVER, dtype=np.int64)
    if labels >= MIN_LABELS:
        fold[random.permutation(labels)] = np.arange(labels) % FOLDS
    return fold

"""Cross-fitted calibration data for small data sets: each row is predicted by a model that was not trained on it.

The data is split four times, each time leaving out a quarter of the rows. If the data has no out-of-scope rows, a
quarter of the *labels* is left out as well: to a model that never saw a label, its rows are as unknown as a new intent
will be to the final model, and harder to recognize than small talk.
"""

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.feature_extraction.text import TfidfVectorizer

from triage_models.calibration.calibration_data import CalibrationData, join
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

    The only row of a label is in the training data of every model that knows the label, so it is not judged.

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
    row_fold[np.bincount(classes)[classes] == 1] = NEVER  # a model without the only row would not know the label
    label_fold = _label_folds(len(job.classes), labels if leave_labels_out else 0, random)
    parts = []
    for fold in range(FOLDS):
        absent = label_fold[classes] == fold
        train = np.flatnonzero(~absent & (row_fold != fold))
        predict = np.flatnonzero(absent | (row_fold == fold))
        fold_progress = part_progress(progress, fold, FOLDS)
        parts.append(_run_fold(job, train, predict, absent[predict], folder / str(fold), fold_progress))
    data = join(parts)
    return _limit_oos(data, labels, random) if leave_labels_out else data


def _limit_oos(data: CalibrationData, labels: int, random: np.random.Generator) -> CalibrationData:
    """Drop out-of-scope rows at random until they are `OOS_SHARE` of all rows."""
    in_scope = data.is_in_scope(labels)
    oos = random.permutation(np.flatnonzero(~in_scope))
    wanted = round(in_scope.sum() * OOS_SHARE / (1.0 - OOS_SHARE))
    return data.take(np.sort(np.append(np.flatnonzero(in_scope), oos[:wanted])))


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


def _label_folds(classes: int, labels: int, random: np.random.Generator) -> NDArray[np.int64]:
    """Assign each class ``[C]`` the fold that leaves it out; -1 for never."""
    fold = np.full(classes, NEVER, dtype=np.int64)
    if labels >= MIN_LABELS:
        fold[random.permutation(labels)] = np.arange(labels) % FOLDS
    return fold

"""Calibrating on data too small to spare any: every row is judged by a model that did not see it.

The data is cut four times, and each time a quarter of the rows is left out. Where the data brings no out-of-scope rows,
a quarter of the *labels* is left out too: rows of a label that a model never saw are as foreign to it as a new wish
will be to the final one, and harder to tell than any chit-chat.
"""

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.feature_extraction.text import TfidfVectorizer

from triage_models.training.calibrate import Evidence, joined
from triage_models.training.candidate import Job, evidence_of, make_candidate
from triage_models.training.fit import Progress, part_of

FOLDS = 4
FOLDABLE_LABELS = 8
"""With fewer labels, leaving out a quarter of them would change the task too much: rows are then left out alone."""

FOREIGN_SHARE = 0.3
"""Of the rows judged, so many are foreign. Real bots get more, but rows of a label left out are harder to tell than
most: more of them would make the threshold stricter than real traffic asks for."""


def fold_evidence(job: Job, labels: int, folder: Path, progress: Progress, *, leave_labels_out: bool) -> Evidence:
    """Evidence of all rows of a job, each by one of four models trained without it.

    Args:
        job: what the final model will be trained with.
        labels: how many of its classes are labels; the out-of-scope class is never left out.
        folder: where the models are made; what an interrupted call of the same job left there is gone on from.
        progress: told the share of all four done.
        leave_labels_out: leave out labels as well as rows.
    """
    classes = job.examples.classes
    random = np.random.default_rng(job.seed)
    quarter = _spread(job.examples.texts, classes, random)
    left_out = _label_folds(len(job.classes), labels if leave_labels_out else 0, random)
    parts = []
    for fold in range(FOLDS):
        absent = left_out[classes] == fold
        train = np.flatnonzero(~absent & (quarter != fold))
        judged = np.flatnonzero(absent | (quarter == fold))
        parts.append(_one_fold(job, train, judged, absent[judged], folder / str(fold), part_of(progress, fold, FOLDS)))
    evidence = joined(parts)
    return _thinned(evidence, labels, random) if leave_labels_out else evidence


def _thinned(evidence: Evidence, labels: int, random: np.random.Generator) -> Evidence:
    """The evidence with so many foreign rows, drawn at random, that they are `FOREIGN_SHARE` of all."""
    known = (evidence.classes >= 0) & (evidence.classes < labels)
    foreign = random.permutation(np.flatnonzero(~known))
    wanted = round(known.sum() * FOREIGN_SHARE / (1.0 - FOREIGN_SHARE))
    return evidence.take(np.sort(np.append(np.flatnonzero(known), foreign[:wanted])))


def _one_fold(
    job: Job,
    train: NDArray[np.int64],
    judged: NDArray[np.int64],
    absent: NDArray[np.bool_],
    folder: Path,
    progress: Progress,
) -> Evidence:
    kept = np.unique(job.examples.classes[train])
    done = folder.with_suffix(".npz")
    if not done.is_file():
        renumbered = np.full(len(job.classes), -1, dtype=np.int64)
        renumbered[kept] = np.arange(len(kept))
        examples = job.examples.take(train)
        part = replace(
            job,
            examples=replace(examples, classes=renumbered[examples.classes]),
            classes=tuple(job.classes[number] for number in kept),
            watched=None,
        )
        make_candidate(part, folder, progress, whole=False)
        rows = job.examples.take(judged)
        truth = np.where(absent, -1, rows.classes)
        source = "rows left out in turn" + (", and labels left out in turn" if absent.any() else "")
        evidence_of(folder, rows.texts, truth, job.max_length, source).save(done)
        shutil.rmtree(folder)
    progress(1.0, 0.0)
    return Evidence.load(done).widened(kept, len(job.classes))


def _spread(texts: Sequence[str], classes: NDArray[np.int64], random: np.random.Generator) -> NDArray[np.int64]:
    """A fold for each row: of every class, rows that read alike are left out together.

    What a shop's people wrote down as examples is tidier than what its customers type. Left out at random, a row would
    be judged by a model that saw its paraphrase, and every threshold would come out too strict for real traffic.
    """
    vectors = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4), sublinear_tf=True, max_features=2000)
    places = vectors.fit_transform(texts).toarray()
    fold = np.empty(len(classes), dtype=np.int64)
    for number in np.unique(classes):
        own = np.flatnonzero(classes == number)
        centred = places[own] - places[own].mean(axis=0)
        along = centred @ np.linalg.svd(centred, full_matrices=False)[2][0]  # the direction in which they differ most
        fold[own[np.argsort(along, kind="stable")]] = (
            np.arange(len(own)) * FOLDS // len(own) + random.integers(FOLDS)
        ) % FOLDS
    return fold


def _label_folds(classes: int, labels: int, random: np.random.Generator) -> NDArray[np.int64]:
    """The fold in which each class is left out whole; -1 for never."""
    fold = np.full(classes, -1, dtype=np.int64)
    if labels >= FOLDABLE_LABELS:
        fold[random.permutation(labels)] = np.arange(labels) % FOLDS
    return fold

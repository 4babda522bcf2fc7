"""Checks the labels of training data: which rows the rest of the data contradicts."""

import warnings
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from triage_models.data.training_rows import TrainingRows, concatenate
from triage_models.errors import DataError
from triage_models.labelling.suspects import (
    Suspect,
    find_suspects,
    neighbour_probabilities,
    with_neighbours,
    write_suspects,
)
from triage_models.serving.decision import Floats, softmax
from triage_models.training.base_model import load_encoder, load_tokenizer
from triage_models.training.inference import embed_texts
from triage_models.training.network import Network
from triage_models.training.plan import TrainingPlan

FOLDS = 5
MAX_ROWS = 30_000
"""Training rows that are checked; of larger data a random part is."""

MIN_LABEL_ROWS = 3
"""Labels with fewer rows are not judged: what is left of them in a fold says too little."""

STRENGTH = 33.0
"""Inverse of the regularization of the linear models."""

ITERATIONS = 20
MAX_TOKENS = 128


def check_labels(
    plan: TrainingPlan, base: str, held_out_logits: Floats, temperature: float, seed: int
) -> list[Suspect]:
    """Return the rows of a training whose label is probably wrong, the worst first.

    A row that the network was trained on is predicted by a linear model and by its neighbours, on the vectors of the
    base model, with the row's fifth of the data left out: the network itself has learnt the wrong labels, too. A row
    that was held out is predicted by the network.

    Args:
        plan: the rows.
        base: hub id or folder of the base model.
        held_out_logits: ``[H, C]`` of the new network for the rows held out.
        temperature: the calibrated temperature of these logits.
        seed: seed of the folds.
    """
    train = _own_rows(plan)
    if len(train) > MAX_ROWS:
        train = train.take(np.sort(np.random.default_rng(seed).permutation(len(train))[:MAX_ROWS]))
    rows = concatenate(train, plan.held_out) if len(plan.held_out) else train
    given = plan.class_indices(rows)
    vectors = embed(base, rows.texts)
    probabilities = np.zeros((len(rows), len(plan.classes)), dtype=np.float32)
    probabilities[: len(train)] = cross_fitted_probabilities(
        vectors[: len(train)], given[: len(train)], len(plan.classes), seed
    )
    if len(plan.held_out):
        probabilities[len(train) :] = softmax(held_out_logits, temperature)
    few = np.bincount(given[given >= 0], minlength=len(plan.classes)) < MIN_LABEL_ROWS
    few[-1] |= plan.synthetic_oos  # the out-of-scope rows among those held out are Triage's own
    given = np.where(few[given], -1, given)
    return with_neighbours(
        find_suspects(rows.texts, plan.classes, probabilities, given), vectors, rows.texts, rows.labels
    )


def report_suspects(suspects: list[Suspect], file: Path) -> str:
    """Write the suspects to a file, and return a sentence about them; without any, an old file is removed."""
    try:
        file.unlink(missing_ok=True)
        if suspects:
            write_suspects(file, suspects)
    except OSError as error:
        raise DataError(
            f"The bundle is complete, but {file} cannot be written: {(error.strerror or str(error)).lower()}."
        ) from error
    if not suspects:
        return "No row has a label that looks wrong."
    have = "1 row has a label that looks" if len(suspects) == 1 else f"{len(suspects):,} rows have labels that look"
    return f"{have} wrong: {file} lists them, the worst first."


def embed(base: str, texts: list[str]) -> Floats:
    """Return the base model's vectors ``[N, D]`` of N texts, centred and of unit length."""
    tokenizer = load_tokenizer(base)
    tokenizer.enable_truncation(MAX_TOKENS)
    found = embed_texts(Network(load_encoder(base), 2, 0.0), tokenizer, texts).numpy()
    centred = found - found.mean(axis=0)
    unit: Floats = (centred / np.maximum(np.linalg.norm(centred, axis=1, keepdims=True), 1e-9)).astype(np.float32)
    return unit


def cross_fitted_probabilities(vectors: Floats, classes: NDArray[np.int64], count: int, seed: int) -> Floats:
    """Predict each row by the other four fifths of the data: the mean of a linear model and of the neighbours.

    Args:
        vectors: ``[N, D]`` unit vectors.
        classes: ``[N]``
        count: C.
        seed: seed of the folds.

    Returns:
        ``[N, C]`` probabilities.
    """
    fold = _folds(classes, seed)
    probabilities = np.zeros((len(classes), count), dtype=np.float32)
    for number in range(FOLDS):
        own, others = fold == number, fold != number
        if not own.any() or len(np.unique(classes[others])) < 2:
            continue
        linear = np.zeros((int(own.sum()), count), dtype=np.float32)
        model = LogisticRegression(C=STRENGTH, max_iter=ITERATIONS)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # a rough fit ranks rows as well
            model.fit(vectors[others], classes[others])
        linear[:, model.classes_] = model.predict_proba(vectors[own])
        near = neighbour_probabilities(vectors[others], classes[others], vectors[own], count)
        probabilities[own] = (linear + near) / 2
    return probabilities


def _own_rows(plan: TrainingPlan) -> TrainingRows:
    """Return the caller's training rows, without the out-of-scope rows that Triage added."""
    if not plan.synthetic_oos:
        return plan.train
    return plan.train.take(row for row, label in enumerate(plan.train.labels) if label != plan.oos_label)


def _folds(classes: NDArray[np.int64], seed: int) -> NDArray[np.int64]:
    """Assign each row ``[N]`` a fold, so that each class is spread over all of them."""
    random = np.random.default_rng(seed)
    fold = np.empty(len(classes), dtype=np.int64)
    for number in np.unique(classes):
        own = random.permutation(np.flatnonzero(classes == number))
        fold[own] = (np.arange(len(own)) + random.integers(FOLDS)) % FOLDS
    return fold

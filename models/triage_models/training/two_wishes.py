"""Fits how a bundle tells that a message holds two wishes: ``python -m triage_models.training.two_wishes [BUNDLE]``.

The network stays as it is, and so do all intents, confidences and thresholds: only ``triage.json`` gets an entry more.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from numpy.typing import NDArray

from triage_models.bundle.bundle import MANIFEST
from triage_models.bundle.two_wishes import TWO_WISHES, Logistic, TwoWishes
from triage_models.data.two_wishes import WishRow, fitting_rows
from triage_models.errors import DataError
from triage_models.paths import DEFAULT_BUNDLE
from triage_models.serving.classifier import Classifier
from triage_models.serving.engine import first_rows, rows_of
from triage_models.serving.mail.message import read_message
from triage_models.serving.wishes import PartReader, Whole

LEAST = 0.3
"""The parts of a text are read from this probability on that it holds two wishes.

At 0.1, twice as many parts are read of ordinary traffic, and 1 % more of the fitted messages with two wishes are found.
"""

FALSE_SECONDS = 0.03
"""The share of fitted messages with one wish that may be given a second by cross-fitting, each counting by its weight.

They were chosen to be taken for two, so of ordinary messages a smaller share is (`make two-wishes`).
"""

FOLDS = 10
RIDGE = 1.0
"""Curvature of the prior on each weight, in rows, of features of variance 1."""

STEPS = 50

Vector = NDArray[np.float64]


def fit_two_wishes(bundle_folder: Path, rows: Sequence[WishRow], false_seconds: float = FALSE_SECONDS) -> TwoWishes:
    """Fit a bundle to messages with one wish and two, and write the result into its ``triage.json``.

    Args:
        bundle_folder: the bundle.
        rows: the messages. Those in languages that the bundle does not answer are left out.
        false_seconds: see `FALSE_SECONDS`.

    Raises:
        DataError: there are no messages with one wish, or none with two.
    """
    classifier = Classifier.open(bundle_folder, device="cpu")
    manifest = classifier.bundle.manifest
    languages = manifest.languages or ("en",)
    used = [row for row in rows if row.language in languages and row.wishes <= set(manifest.labels)]
    if len({row.second is None for row in used}) < 2:
        raise DataError("Two wishes cannot be fitted: give messages with one wish and with two that the bundle knows.")
    reader = PartReader(classifier.engine, len(manifest.labels), manifest.calibration.temperature)
    wholes, kept = _read(classifier, reader, used)
    allowed = false_seconds * sum(row.weight for row in used if row.second is None)
    found = _fit(reader, wholes, kept, manifest.labels, allowed)
    languages_used = tuple(sorted({row.language for row in used}))
    fitted = found.model_copy(update={"rows": len(used), "languages": languages_used, "false_seconds": false_seconds})
    changed = manifest.model_copy(update={"metrics": manifest.metrics | {TWO_WISHES: fitted.model_dump()}})
    file = classifier.bundle.path / MANIFEST
    written = file.with_name(f".{MANIFEST}.new")
    written.write_text(changed.model_dump_json(indent=2) + "\n", encoding="utf-8")
    written.replace(file)
    return fitted


def _read(classifier: Classifier, reader: PartReader, rows: Sequence[WishRow]) -> tuple[list[Whole], list[WishRow]]:
    """Return the texts that have two parts or more and fit into one window, and their rows."""
    texts = [read_message(row.text).text for row in rows]
    encoded = classifier.encode(texts)
    outputs = classifier.engine.outputs(rows_of(encoded))
    firsts = classifier.assess(encoded, outputs).ranking[:, 0]
    read = [
        (whole, row)
        for row, text, one, logits, first in zip(
            rows, texts, encoded, outputs.logits[first_rows(encoded)], firsts.tolist(), strict=True
        )
        if not one.further and (whole := reader.whole(text, logits, first)) is not None
    ]
    return [whole for whole, _ in read], [row for _, row in read]


def _fit(
    reader: PartReader, wholes: Sequence[Whole], rows: Sequence[WishRow], labels: Sequence[str], allowed: float
) -> TwoWishes:
    weights = np.asarray([row.weight for row in rows])
    seconds = reader.read(wholes)
    pairs = [[{labels[whole.first], labels[whole.second]} for whole in wholes]]
    pairs.append([{labels[whole.first], labels[second]} for whole, (second, _) in zip(wholes, seconds, strict=True)])
    whole_right, part_right = (
        np.asarray([pair == row.wishes for pair, row in zip(found, rows, strict=True)], dtype=np.float64)
        for found in pairs
    )
    whole_features = np.asarray([reader.whole_features(whole) for whole in wholes])
    part_features = np.asarray([features for _, features in seconds])
    whole, may_hold = _cross_fitted(whole_features, whole_right, weights)
    parts, holds = _cross_fitted(part_features, part_right, weights)
    wrong = np.asarray([row.second is None for row in rows]) & (may_hold >= LEAST)
    threshold = _threshold(holds[wrong], weights[wrong], allowed)
    return TwoWishes(whole=whole, least=LEAST, parts=parts, threshold=threshold, rows=0, languages=())


def _threshold(wrong: Vector, weights: Vector, allowed: float) -> float:
    """Return the lowest probability, at least 0.5, that wrong ones of no more than this weight reach."""
    order = np.argsort(-wrong)
    too_many = np.flatnonzero(np.cumsum(weights[order]) > allowed)
    return max(0.5, float(np.nextafter(wrong[order][too_many[0]], 1.0))) if len(too_many) else 0.5


def _cross_fitted(features: Vector, right: Vector, weights: Vector) -> tuple[Logistic, Vector]:
    """Return a model fitted on all rows, and the probability of each row by one that was not fitted on it."""
    folds = np.random.default_rng(0).permutation(np.arange(len(right)) % FOLDS)
    probabilities = np.zeros(len(right))
    for fold in range(FOLDS):
        inside, outside = folds != fold, folds == fold
        model = fit_logistic(features[inside], right[inside], weights[inside])
        probabilities[outside] = model.probabilities(features[outside])
    return fit_logistic(features, right, weights), probabilities


def fit_logistic(features: Vector, right: Vector, weights: Vector) -> Logistic:
    """Fit a logistic regression with weighted rows by Newton's method.

    Args:
        features: ``[N, F]``
        right: ``[N]``, 0 or 1.
        weights: ``[N]``, what each row counts for.
    """
    mean, spread = features.mean(axis=0), features.std(axis=0).clip(min=1e-6)
    design = np.column_stack([(features - mean) / spread, np.ones(len(right))])
    ridge = np.append(np.full(features.shape[1], RIDGE), 1e-6)
    found = np.zeros(design.shape[1])
    for _ in range(STEPS):
        probability = 1.0 / (1.0 + np.exp(-np.clip(design @ found, -30.0, 30.0)))
        gradient = design.T @ (weights * (probability - right)) + ridge * found
        curvature = (design * (weights * probability * (1.0 - probability))[:, None]).T @ design + np.diag(ridge)
        step = np.linalg.solve(curvature, gradient)
        found -= step
        if np.abs(step).max() < 1e-8:
            break
    scaled = found[:-1] / spread
    return Logistic(weights=tuple(scaled.tolist()), intercept=float(found[-1] - scaled @ mean))


def main(
    bundle: Annotated[Path, typer.Argument(help="folder of the bundle")] = DEFAULT_BUNDLE,
    false_seconds: Annotated[
        float, typer.Option(min=0, max=1, help="share of messages with one wish that may be given a second")
    ] = FALSE_SECONDS,
) -> None:
    """Fit a bundle to the messages of the corpus with one wish and two."""
    fitted = fit_two_wishes(bundle, fitting_rows(), false_seconds)
    print(f"{fitted.rows:,} messages, languages: {', '.join(fitted.languages)}, threshold {fitted.threshold:.3f}")  # noqa: T201


if __name__ == "__main__":
    typer.run(main)

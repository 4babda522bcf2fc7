"""A shop's labelled rows, with what a bundle's model says of them."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from triage_models.calibration.calibration_data import CalibrationData
from triage_models.data.evaluation_rows import NO_VALUE, LabelledRows, read_labelled_rows, resolve_oos_labels
from triage_models.data.labelled import normalize_text
from triage_models.data.labels import show_labels
from triage_models.data.tables import NoteCallback
from triage_models.data.training_rows import TrainingRows, deduplicate
from triage_models.errors import DataError
from triage_models.labelling.sampling import Part
from triage_models.metrics.outcomes import split_labels
from triage_models.serving.classifier import Classifier
from triage_models.serving.decision import assess
from triage_models.serving.engine import rows_of
from triage_models.serving.windows import deciding_rows

BLOCK = 256
"""Rows that are classified before the progress is reported."""

PART, COUNT = "part", "count"
"""The columns in which `triage sample` says why it drew a row, and how many of the drawn messages have its text."""

MOST_MESSAGES = 1_000_000
"""A text stands for so many messages, at most: a larger number is none that `triage sample` drew."""


@dataclass(frozen=True)
class ShopRows:
    """N labelled rows.

    Attributes:
        texts: ``[N]``
        labels: ``[N]`` one label of the bundle, or several joined by ``|`` of which any is correct.
        oos_labels: the labels that mean "none of the bundle's labels".
        counts: ``[N]`` how many messages have the text of the row.
    """

    texts: list[str]
    labels: list[str]
    oos_labels: frozenset[str]
    counts: list[int]

    def __len__(self) -> int:
        return len(self.texts)


@dataclass(frozen=True)
class ModelledRows:
    """What the model says of N rows.

    Attributes:
        data: its outputs; of a text in several windows, those of the window that decides.
        readable: ``[N]`` false where a text is refused whatever its confidence is: it is too long, its parts disagree,
            or no person wrote it.
        counts: ``[N]`` how many messages have the text.
    """

    data: CalibrationData
    readable: NDArray[np.bool_]
    counts: NDArray[np.int64]

    def take(self, rows: NDArray[np.int64]) -> "ModelledRows":
        """Return the rows at these positions."""
        return ModelledRows(self.data.take(rows), self.readable[rows], self.counts[rows])


def read_shop_rows(
    file: Path, labels: Sequence[str], oos_label: str | None, requested: str | None, on_note: NoteCallback
) -> ShopRows:
    """Read labelled rows for a bundle.

    Args:
        file: a table with the columns ``text,label``.
        labels: the bundle's labels.
        oos_label: its name for out of scope, if any.
        requested: the out-of-scope label of the file, if the caller named one.
        on_note: called with what was dropped or read as something else.

    Raises:
        DataError: The file cannot be read, or has labels that the bundle does not know.
    """
    read = _drawn_at_random(read_labelled_rows(file, on_note, (PART, COUNT)), file, on_note)
    read = read.with_labels_of(labels, oos_label, on_note)
    names = [split_labels(label, labels) for label in read.labels]
    oos_labels = resolve_oos_labels(requested, oos_label, {name for row in names for name in row})
    unknown = [name for row in names for name in row if name not in labels and name not in oos_labels]
    if unknown:
        rows_with = sum(not {*labels, *oos_labels}.issuperset(row) for row in names)
        raise DataError(
            f"{file} has labels that the bundle does not know: {show_labels(sorted(set(unknown)))} ({rows_with:,} "
            f"of {len(read):,} rows): rename each to one of the bundle's labels, or to OOS if the bundle should not "
            "answer such messages."
        )
    rows, dropped = deduplicate(TrainingRows(read.texts, read.labels))  # a text that counted twice would lower a bound
    for note in dropped:
        on_note(f"{file}: {note}")
    messages: Counter[str] = Counter()
    for text, count in zip(read.texts, read.columns[COUNT], strict=True):
        messages[normalize_text(text)] += int(count)
    return ShopRows(rows.texts, rows.labels, oos_labels, [messages[normalize_text(text)] for text in rows.texts])


def run_model(
    classifier: Classifier, rows: ShopRows, source: str, progress: Callable[[float], None] = lambda share: None
) -> ModelledRows:
    """Run a bundle's model on rows, on the device that it serves on.

    Args:
        classifier: the bundle.
        rows: N rows, at least 1.
        source: where the rows come from, in words.
        progress: called with the share that is done.
    """
    parts = []
    for start in range(0, len(rows), BLOCK):
        parts.append(_run_block(classifier, rows.texts[start : start + BLOCK]))
        progress(min(1.0, (start + BLOCK) / len(rows)))
    logits, similarity, readable = (np.concatenate(part) for part in zip(*parts, strict=True))
    labels = classifier.labels
    likeliest = logits[:, : len(labels)].argmax(axis=1)
    classes = [
        _class_of(label, int(guess), labels, rows.oos_labels)
        for label, guess in zip(rows.labels, likeliest, strict=True)
    ]
    data = CalibrationData(logits, similarity, np.asarray(classes, dtype=np.int64), source)
    return ModelledRows(data, readable, np.asarray(rows.counts, dtype=np.int64))


def _run_block(
    classifier: Classifier, texts: Sequence[str]
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.bool_]]:
    encoded = classifier.encode(texts)
    outputs = classifier.engine.outputs(rows_of(encoded))
    assessment = assess(classifier.bundle.manifest, outputs.logits, outputs.similarity)
    truncated = [row.truncated for row in encoded]
    windows, sentences = [row.windows for row in encoded], [len(row.sentences) for row in encoded]
    chosen, reasons = deciding_rows(assessment, windows, truncated, sentences)
    refused = [
        reason is not None and assessment.reasons[row] is None for row, reason in zip(chosen, reasons, strict=True)
    ]
    unread = [row.truncated or row.automatic for row in encoded]
    readable = ~(np.array(refused, dtype=np.bool_) | np.array(unread, dtype=np.bool_))
    return outputs.logits[chosen], outputs.similarity[chosen], readable


def _drawn_at_random(rows: LabelledRows, file: Path, on_note: NoteCallback) -> LabelledRows:
    """Leave out the rows that `triage sample` did not draw at random, and read its counts; other files have none.

    The rows that are left out are harder than traffic.
    """
    parts = rows.columns.get(PART, [])
    written = set(parts) - {NO_VALUE}
    if not written or not written.issubset(get_args(Part)):
        return replace(rows, columns={**rows.columns, COUNT: ["1"] * len(rows)})
    random = np.array([part == "random" for part in parts])
    if not random.any():
        raise DataError(f"{file} has no row with the {PART} random: only messages drawn at random are like traffic.")
    if not random.all():
        on_note(f"{file}: {(~random).sum():,} rows were left out, which were not drawn at random (column {PART}).")
    kept = rows.take(random)
    given = kept.columns.get(COUNT, [NO_VALUE] * len(kept))
    counts = ["1" if count == NO_VALUE else _parse_count(count, file) for count in given]
    return replace(kept, columns={**kept.columns, COUNT: counts})


def _parse_count(count: str, file: Path) -> str:
    """Return a count as whole digits; a spreadsheet program may have written 2.0."""
    try:
        number = float(count.replace(",", "."))
    except ValueError:
        number = -1.0
    if not (1 <= number <= MOST_MESSAGES and number.is_integer()):
        raise DataError(
            f"{file} has '{count}' in the column {COUNT}, which says how many of the messages drawn at random have the "
            "text of the row: give the number that `triage sample` wrote, or 1."
        )
    return str(int(number))


def _class_of(label: str, guess: int, labels: Sequence[str], oos_labels: frozenset[str]) -> int:
    """Return the class of a row: the predicted one if that is correct. Out of scope is the class after the labels."""
    names = split_labels(label, labels)
    if names[0] in oos_labels:
        return len(labels)
    known = [name for name in names if name in labels]
    return guess if labels[guess] in known else labels.index(known[0])

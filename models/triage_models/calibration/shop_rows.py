"""A shop's labelled rows, with what a bundle's model says of them."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from triage_models.calibration.calibration_data import CalibrationData
from triage_models.calibration.repeated_texts import Disputed, group_texts, report_disputed
from triage_models.data.evaluation_rows import NO_VALUE, LabelledRows, read_labelled_rows, resolve_oos_labels
from triage_models.data.labels import show_labels
from triage_models.data.tables import NoteCallback
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

_COUNT = re.compile(r"([0-9]{1,7})(?:[.,]0{1,2})?")
"""A spreadsheet program may have written 2.0 or 2,00; 1,000 may be one or a thousand."""


@dataclass(frozen=True)
class ShopRows:
    """N labelled rows, no text twice.

    Attributes:
        texts: ``[N]``
        all_labels: ``[N]`` the different labels that the file has for the text, sorted; an answer is right if it is by
            each of them. A label is one of the bundle, or several joined by ``|`` of which any is correct.
        oos_labels: the labels that mean "none of the bundle's labels".
        counts: ``[N]`` how many messages have the text of the row.
    """

    texts: list[str]
    all_labels: list[tuple[str, ...]]
    oos_labels: frozenset[str]
    counts: list[int]

    def __len__(self) -> int:
        return len(self.texts)

    @property
    def labels(self) -> list[str]:
        """``[N]`` one label of each text: its first."""
        return [own[0] for own in self.all_labels]


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
    groups = group_texts(read.texts)  # a text that counted twice would lower a bound
    if dropped := len(read) - len(groups):
        on_note(f"{file}: {dropped:,} repeated texts were dropped.")
    rows = ShopRows(
        [read.texts[group[0]] for group in groups],
        [tuple(sorted({read.labels[row] for row in group})) for group in groups],
        oos_labels,
        [sum(int(read.columns[COUNT][row]) for row in group) for group in groups],
    )
    disputed = [
        Disputed(count, text, own)
        for count, text, own in zip(rows.counts, rows.texts, rows.all_labels, strict=True)
        if not set.intersection(*(set(_right_classes(label, labels, oos_labels)) for label in own))
    ]
    report_disputed(file, disputed, len(rows), on_note)
    return rows


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
        _class_of(own, int(guess), labels, rows.oos_labels)
        for own, guess in zip(rows.all_labels, likeliest, strict=True)
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
    written, known = rows.columns.get(PART, []), get_args(Part)
    parts = [part.casefold() for part in written]
    if not set(parts).intersection(known):
        return replace(rows, columns={**rows.columns, COUNT: ["1"] * len(rows)})
    for part, cell, line in zip(parts, written, rows.lines, strict=True):
        if part not in (*known, NO_VALUE):
            raise DataError(
                f"{file} has '{cell}' in the column {PART} in line {line:,}, where other rows have a part that `triage "
                f"sample` writes: write {', '.join(known)} or nothing there, or rename the column if it is your own."
            )
    random = np.array([part == "random" for part in parts])
    if not random.any():
        raise DataError(f"{file} has no row with the {PART} random: only messages drawn at random are like traffic.")
    if not random.all():
        on_note(f"{file}: {(~random).sum():,} rows were left out, which were not drawn at random (column {PART}).")
    kept = rows.take(random)
    given = kept.columns.get(COUNT, [NO_VALUE] * len(kept))
    counts = [
        "1" if count == NO_VALUE else _parse_count(count, file, line)
        for count, line in zip(given, kept.lines, strict=True)
    ]
    return replace(kept, columns={**kept.columns, COUNT: counts})


def _parse_count(count: str, file: Path, line: int) -> str:
    """Return a count as whole digits."""
    found = _COUNT.fullmatch(count)
    if found is None or not 1 <= int(found[1]) <= MOST_MESSAGES:
        raise DataError(
            f"{file} has '{count}' in the column {COUNT} in line {line:,}, which says how many of the messages drawn "
            "at random have the text of the row: give the number that `triage sample` wrote, without separators, or 1."
        )
    return str(int(found[1]))


def _class_of(own: Sequence[str], guess: int, labels: Sequence[str], oos_labels: frozenset[str]) -> int:
    """Return the class of a row with these labels: the predicted one if that is correct by each of them."""
    for label in own:
        right = _right_classes(label, labels, oos_labels)
        if guess not in right:
            return right[0]
    return guess


def _right_classes(label: str, labels: Sequence[str], oos_labels: frozenset[str]) -> list[int]:
    """Return the classes that a label calls correct. Out of scope is the class after the labels."""
    names = split_labels(label, labels)
    if names[0] in oos_labels:
        return [len(labels)]
    return [labels.index(name) for name in names if name in labels]

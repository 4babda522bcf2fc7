"""The rows of an evaluation whose label the bundle contradicts, and their section of the report."""

from collections.abc import Sequence
from dataclasses import replace
from html import escape

import numpy as np
from numpy.typing import NDArray

from triage_models.bundle.manifest import Manifest
from triage_models.data.evaluation_rows import LabelledRows
from triage_models.errors import BundleError
from triage_models.labelling.profiles import profile_texts
from triage_models.labelling.suspects import FILE, Suspect, find_suspects, with_neighbours
from triage_models.metrics.outcomes import split_labels
from triage_models.report.tables import shorten
from triage_models.serving.classifier import Classifier
from triage_models.serving.decision import Decision, Floats

SHOWN = 20
"""Suspect rows in the report; the CSV has all of them."""

MAX_COMPARED = 5_000
"""Rows that are searched for neighbours: each costs a run of the network."""


def suspect_rows(
    rows: LabelledRows, decisions: Sequence[Decision], manifest: Manifest, oos_labels: frozenset[str]
) -> list[Suspect]:
    """Return the rows whose label is probably wrong, the worst first, without neighbours.

    The bundle must not have been trained on the rows. A row with several labels is judged by the likeliest of them, and
    a row with a label that the bundle does not know is not judged.

    Args:
        rows: N rows.
        decisions: ``[N]``
        manifest: that of the bundle.
        oos_labels: labels of the data that mean "none of the bundle's labels".
    """
    oos = manifest.out_of_scope_label
    classes = [*manifest.labels, *([] if oos is None else [oos])]
    probabilities = np.array([[one.scores.get(label, 0.0) for label in classes] for one in decisions], dtype=np.float32)
    if oos is not None:
        probabilities[:, -1] = np.clip(1.0 - probabilities[:, :-1].sum(axis=1), 0.0, 1.0)
    given = np.array(
        [_given(label, row, classes, oos, oos_labels) for label, row in zip(rows.labels, probabilities, strict=True)]
    )
    return find_suspects(rows.texts, classes, probabilities, given)


def add_neighbours(suspects: list[Suspect], rows: LabelledRows, classifier: Classifier) -> list[Suspect]:
    """Add the most similar rows that have the suggested label; none where the network gives no vectors to compare."""
    wanted = {one.suggested for one in suspects}
    compared = [one.row for one in suspects]
    known = set(compared)
    compared += [row for row, label in enumerate(rows.labels) if label in wanted and row not in known]
    compared = compared[: max(MAX_COMPARED, len(suspects))]
    texts = [rows.texts[row] for row in compared]
    try:
        vectors = text_vectors(classifier, texts)
    except BundleError:
        return suspects
    moved = [replace(one, row=position) for position, one in enumerate(suspects)]
    found = with_neighbours(moved, vectors, texts, [rows.labels[row] for row in compared])
    return [replace(one, row=suspect.row) for one, suspect in zip(found, suspects, strict=True)]


def text_vectors(classifier: Classifier, texts: list[str]) -> Floats:
    """Return the network's vectors ``[N, D]`` of N texts."""
    return profile_texts(classifier, texts).vectors


def render_section(suspects: Sequence[Suspect]) -> str:
    """Show the worst suspects with their neighbours; empty without any."""
    if not suspects:
        return ""
    more = f"The first {SHOWN} of {len(suspects):,} are below; " if len(suspects) > SHOWN else ""
    items = "".join(_card(one) for one in suspects[:SHOWN])
    return (
        "<h2>Labels that look wrong</h2><p>The bundle finds another label much more likely for these messages. Read "
        "them: either their label in the data is wrong, and figures in this report are better than they look, or the "
        f"bundle is. {more}{escape(FILE)} next to this report has all of them.</p>"
        f'<div class="pairs">{items}</div>'
    )


def _card(one: Suspect) -> str:
    near = "".join(f"<li>{escape(shorten(text))}</li>" for text in one.neighbours)
    similar = (
        f'<p class="meta">Similar messages with the label {escape(one.suggested)}:</p><ul>{near}</ul>' if near else ""
    )
    return (
        f'<section class="pair"><h3>{escape(shorten(one.text))}</h3><p class="meta">labelled {escape(one.label)}, '
        f"rather {escape(one.suggested)} (margin {one.margin:.2f})</p>{similar}</section>"
    )


def _given(
    label: str, probabilities: NDArray[np.float32], classes: Sequence[str], oos: str | None, oos_labels: frozenset[str]
) -> int:
    """Return the class of a label: the likeliest of several, -1 for one that cannot be judged."""
    names = [oos if name in oos_labels else name for name in split_labels(label, classes)]
    known = [classes.index(name) for name in names if name is not None and name in classes]
    return max(known, key=lambda number: float(probabilities[number])) if len(known) == len(names) else -1

"""Evaluates a bundle on a labelled CSV (``triage evaluate``): metrics with intervals, and a report."""

import json
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from triage_models.bundle.manifest import Manifest
from triage_models.data.evaluation_rows import LabelledRows, read_labelled_rows, resolve_oos_labels
from triage_models.data.tables import NoteCallback
from triage_models.errors import DataError
from triage_models.labelling.suspects import FILE as SUSPECTS
from triage_models.labelling.suspects import Suspect, write_suspects
from triage_models.metrics import bootstrap, cost
from triage_models.metrics.evaluation import evaluate_decisions
from triage_models.paths import DEFAULT_BUNDLE
from triage_models.report.html import render_page
from triage_models.report.suspect_labels import add_neighbours, suspect_rows
from triage_models.serving.classifier import Classifier, Decision, Device

CountCallback = Callable[[int, int], None]
"""Called with the number of messages classified so far and the number of all messages."""

BLOCK = 256
"""Messages that one thread classifies in a call."""

REPORT, METRICS = "report.html", "metrics.json"


@dataclass(frozen=True)
class ClassifiedRows:
    """The decisions of a bundle on labelled rows.

    Attributes:
        manifest: that of the bundle.
        oos_labels: labels of the rows that mean "none of the bundle's labels".
        rows: N rows.
        decisions: ``[N]`` in the order of the rows.
        messages_per_second: how fast they were classified.
        threads: how many threads classified them.
        classifier: what classified them; None where no similar rows are wanted.
    """

    manifest: Manifest
    oos_labels: frozenset[str]
    rows: LabelledRows
    decisions: list[Decision]
    messages_per_second: float
    threads: int = 1
    classifier: Classifier | None = None


def evaluate(
    data: Path,
    bundle: Path = DEFAULT_BUNDLE,
    out_of_scope_label: str | None = None,
    output: Path | None = None,
    *,
    device: Device = "auto",
    clean_email: bool = True,
    resamples: int = bootstrap.RESAMPLES,
    seed: int = 0,
    progress: CountCallback = lambda done, total: None,
    comparison: Callable[[ClassifiedRows], dict[str, Any]] = lambda classified: {},
) -> dict[str, Any]:
    """Classify a labelled CSV and measure how far the bundle can be trusted on it.

    Args:
        data: CSV with the columns ``text,label``. A label may be several, joined by ``|``, any of which is correct.
            Metrics are also sliced by further columns with few distinct values.
        bundle: the bundle's folder.
        out_of_scope_label: the label of rows that none of the bundle's labels fits; by default the bundle's own name
            for it, or OOS.
        output: folder for ``report.html``, ``metrics.json`` and, where labels look wrong, ``suspect_labels.csv``; None
            writes no files.
        device: where to run.
        clean_email: read of an e-mail only what its sender wrote, as is done with messages that are served.
        resamples: number of bootstrap resamples.
        seed: seed of the bootstrap.
        progress: called with the progress.
        comparison: measures something else on the same rows; what it returns is merged into the result. The report has
            a section for the key "llm".

    Returns:
        The metrics of `triage_models.metrics.compute`, each with ``<name>_ci``, and what they were measured on.

    Raises:
        DataError: The CSV cannot be measured on, or the output cannot be written.
        BundleError: The bundle cannot be opened.
        DeviceError: The device is not active.
    """
    notes: list[str] = []
    open_ = partial(Classifier.open, bundle, device=device, clean_email=clean_email)
    classified = _classify_rows(data, open_, out_of_scope_label, progress, notes.append)
    manifest = classified.manifest
    evaluation = evaluate_decisions(
        classified.rows, classified.decisions, manifest, classified.oos_labels, resamples=resamples, seed=seed
    )
    suspects = suspect_rows(classified.rows, classified.decisions, manifest, classified.oos_labels)
    result = {
        "bundle": {"name": manifest.name, "version": manifest.version, "path": str(bundle)},
        "data": str(data),
        "notes": notes,
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        **evaluation.result,
        "suspect_labels": len(suspects),
        "messages_per_second": classified.messages_per_second,
        "threads": classified.threads,
        "dollars_per_1000": cost.dollars_per_1000(classified.messages_per_second),
        **comparison(classified),
    }
    if output is not None:
        if suspects and classified.classifier is not None:
            suspects = add_neighbours(suspects, classified.rows, classified.classifier)
        _write(output, result, render_page(evaluation, result, suspects), suspects)
    return result


def _classify_rows(
    data: Path,
    open_: Callable[[], Classifier],
    out_of_scope_label: str | None,
    progress: CountCallback,
    on_note: NoteCallback,
) -> ClassifiedRows:
    rows = read_labelled_rows(data, on_note)
    classifier = open_()
    manifest = classifier.bundle.manifest
    rows = rows.with_labels_of(manifest.labels, manifest.out_of_scope_label, on_note)
    oos_labels = resolve_oos_labels(out_of_scope_label, manifest.out_of_scope_label, set(rows.labels))
    started = time.perf_counter()
    decisions = _classify(classifier, rows.texts, progress)
    speed = len(rows) / (time.perf_counter() - started)
    return ClassifiedRows(manifest, oos_labels, rows, decisions, speed, classifier.threads, classifier)


def _classify(classifier: Classifier, texts: list[str], progress: CountCallback) -> list[Decision]:
    blocks = [texts[start : start + BLOCK] for start in range(0, len(texts), BLOCK)]
    decisions: list[Decision] = []
    with ThreadPoolExecutor(classifier.threads) as pool:
        for block in pool.map(classifier.classify, blocks):
            decisions.extend(block)
            progress(len(decisions), len(texts))
    return decisions


def _write(folder: Path, result: dict[str, Any], html: str, suspects: Sequence[Suspect]) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / METRICS).write_text(
            json.dumps(result, indent=2, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8"
        )
        (folder / REPORT).write_text(html, encoding="utf-8")
        (folder / SUSPECTS).unlink(missing_ok=True)
        if suspects:
            write_suspects(folder / SUSPECTS, suspects)
    except OSError as error:
        raise DataError(f"The report cannot be written to {folder}: {error.strerror or error}.") from error

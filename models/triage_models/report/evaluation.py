"""The whole of ``triage evaluate``: a CSV and a bundle in, figures and a report out."""

import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from triage_models import DEFAULT_BUNDLE
from triage_models.bundle.manifest import Manifest
from triage_models.errors import DataError
from triage_models.metrics import bootstrap, cost
from triage_models.metrics.measure import evaluate
from triage_models.metrics.rows import LabelledRows, read_rows, scope_labels
from triage_models.report.html import page
from triage_models.serving.classifier import Classifier, Decision, Device

Progress = Callable[[int, int], None]
"""Called with the messages classified so far, and how many there are."""

BLOCK = 256
REPORT, METRICS = "report.html", "metrics.json"


@dataclass(frozen=True)
class Measured:
    """A bundle's decisions on labelled rows.

    Attributes:
        scope: the labels that mean none of the bundle's.
        decisions: one a row, in the order of the rows.
        messages_per_second: how fast they were made.
    """

    manifest: Manifest
    scope: frozenset[str]
    rows: LabelledRows
    decisions: list[Decision]
    messages_per_second: float


def run(
    data: Path,
    bundle: Path = DEFAULT_BUNDLE,
    out_of_scope_label: str | None = None,
    output: Path | None = None,
    *,
    device: Device = "auto",
    resamples: int = bootstrap.RESAMPLES,
    seed: int = 0,
    progress: Progress = lambda done, all_: None,
    beside: Callable[[Measured], dict[str, Any]] = lambda measured: {},
) -> dict[str, Any]:
    """Classify a labelled CSV and say how far the bundle can be trusted on it.

    Args:
        data: CSV with the columns ``text,label``; a label may be several, by ``|``, any of which is right. Other
            columns of few values slice the figures.
        bundle: the bundle's folder.
        out_of_scope_label: the label of rows that none of the bundle's labels fits; by default the bundle's own name
            for it, or OOS.
        output: folder for ``report.html`` and ``metrics.json``.
        device: where to run.
        resamples: of the bootstrap.
        seed: of the bootstrap.
        progress: told how far it is.
        beside: what else is measured on these rows, to be among the figures: "llm" has a section in the report.

    Returns:
        The figures of `triage_models.metrics.figures`, each with ``<name>_ci``, and what they were measured on.

    Raises:
        DataError: the CSV cannot be measured with, or the output cannot be written.
        BundleError, DeviceError: the bundle cannot be opened.
    """
    rows = read_rows(data)
    classifier = Classifier.open(bundle, device=device)
    manifest = classifier.bundle.manifest
    scope = scope_labels(out_of_scope_label, manifest.out_of_scope_label, set(rows.labels))
    started = time.perf_counter()
    decisions = _classify(classifier, rows.texts, progress)
    speed = len(rows) / (time.perf_counter() - started)
    evaluation = evaluate(rows, decisions, manifest, scope, resamples=resamples, seed=seed)
    result = {
        "bundle": {"name": manifest.name, "version": manifest.version, "path": str(bundle)},
        "data": str(data),
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        **evaluation.result,
        "messages_per_second": speed,
        "threads": classifier.threads,
        "dollars_per_1000": cost.dollars_per_1000(speed),
        **beside(Measured(manifest, scope, rows, decisions, speed)),
    }
    if output is not None:
        _write(output, result, page(evaluation, result))
    return result


def _classify(classifier: Classifier, texts: list[str], progress: Progress) -> list[Decision]:
    blocks = [texts[start : start + BLOCK] for start in range(0, len(texts), BLOCK)]
    decisions: list[Decision] = []
    with ThreadPoolExecutor(classifier.threads) as pool:
        for block in pool.map(classifier.classify, blocks):
            decisions.extend(block)
            progress(len(decisions), len(texts))
    return decisions


def _write(folder: Path, result: dict[str, Any], html: str) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / METRICS).write_text(
            json.dumps(result, indent=2, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8"
        )
        (folder / REPORT).write_text(html, encoding="utf-8")
    except OSError as error:
        raise DataError(f"The report cannot be written to {folder}: {error.strerror or error}.") from error

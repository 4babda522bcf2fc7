"""Measures what `triage calibrate` gains on a shop, by the number of labelled rows (``make calibration-curve``).

Rows of SOFMattress, which is in no training data, are drawn at random; the bundle is calibrated to them and measured on
the rest, beside the bundle as it is.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from triage_models.benchmarks.sofmattress_mapping import write_mapped
from triage_models.benchmarks.suite import EXIT_INCOMPLETE, PIPE_WIDTH
from triage_models.bundle.manifest import Calibration, Manifest, Thresholds
from triage_models.calibration.bundle_calibration import fit_to_rows
from triage_models.calibration.limits import ErrorLimits
from triage_models.calibration.shop_rows import ModelledRows, read_shop_rows, run_model
from triage_models.errors import ModelError
from triage_models.metrics.calibration import ece
from triage_models.metrics.ranking import count_by_confidence
from triage_models.paths import DEFAULT_BUNDLE
from triage_models.report.svg import Plot
from triage_models.serving.classifier import Classifier
from triage_models.serving.decision import assess

SIZES = (25, 50, 100, 200, 400)
DRAWS = 10
STYLE = """<style>
text { fill: #57606a } .axis { stroke: #57606a } .grid { stroke: #d0d7de } .line { fill: none; stroke-width: 2.2 }
.main { stroke: #1d4ed8 } .right { stroke: #15803d } .sure { stroke: #c2410c } .before { stroke-dasharray: 5 4 }
text.main { stroke: none; fill: #1d4ed8 } text.right { stroke: none; fill: #15803d }
text.sure { stroke: none; fill: #c2410c } .page { fill: #ffffff }
@media (prefers-color-scheme: dark) {
text { fill: #9198a1 } .grid { stroke: #3d444d } .page { fill: #0d1117 }
.main { stroke: #60a5fa } .right { stroke: #4ade80 } .sure { stroke: #fb923c }
text.main { fill: #60a5fa } text.right { fill: #4ade80 } text.sure { fill: #fb923c }
}
</style><rect class="page" width="100%" height="100%"/>"""


@dataclass(frozen=True)
class Measured:
    """How decisions are on rows that they were not calibrated to.

    Attributes:
        coverage: share of the rows with an intent that is accepted.
        right: share of the accepted rows that is correct, rows without an intent included.
        ece: expected calibration error over all rows.
    """

    coverage: float
    right: float
    ece: float


@dataclass(frozen=True)
class Point:
    """The means over all draws of so many rows.

    Attributes:
        rows: how many rows were calibrated to.
        before: the bundle as it is.
        after: the calibrated bundle.
        guaranteed: share of the draws in which the error rate is guaranteed.
        kept: share of those in which at most so much is wrong on the other rows.
        rows_needed: median of the estimates of further rows, in draws without a guarantee; None if all have one.
    """

    rows: int
    before: Measured
    after: Measured
    guaranteed: float
    kept: float | None
    rows_needed: float | None


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print a table, and draw it if asked to.

    Returns:
        0 if everything was measured; 2 if data is missing.
    """
    options = _parse(arguments)
    console = Console(highlight=False, width=None if sys.stdout.isatty() else PIPE_WIDTH)
    try:
        limits = ErrorLimits(options.max_error)
        points = calibration_curve(options.data, options.bundle, options.runs, limits, options.draws)
    except ModelError as error:
        Console(stderr=True, highlight=False, soft_wrap=True).print(f"calibration-curve: {error}")
        return EXIT_INCOMPLETE
    console.print(result_table(points))
    if options.svg is not None:
        options.svg.write_text(draw(points) + "\n", encoding="utf-8")
    return 0


def calibration_curve(public: Path, bundle: Path, runs: Path, limits: ErrorLimits, draws: int = DRAWS) -> list[Point]:
    """Calibrate a bundle to draws of each of the `SIZES`, and measure it on the other rows.

    Args:
        public: folder of the public data sets.
        bundle: the bundle's folder.
        runs: folder for assembled data.
        limits: the error rates that are allowed.
        draws: how many draws of each size.

    Raises:
        ModelError: Data is missing, or the bundle cannot be opened.
    """
    mapped = write_mapped(public / "sofmattress", runs / "data" / "sofmattress_mapped.csv")
    classifier = Classifier.open(bundle, device="cpu")
    manifest = classifier.bundle.manifest
    rows = read_shop_rows(mapped, manifest.labels, manifest.out_of_scope_label, None, lambda note: None)
    modelled = run_model(classifier, rows, "SOFMattress mapped")
    return [_point(modelled, manifest, limits, size, draws) for size in SIZES]


def measure(rows: ModelledRows, manifest: Manifest, calibration: Calibration, thresholds: Thresholds) -> Measured:
    """Decide on rows by a calibration and thresholds, and compare with their labels."""
    decided = manifest.model_copy(update={"calibration": calibration, "thresholds": thresholds})
    assessment = assess(decided, rows.data.logits, rows.data.similarity)
    accepted = np.array([reason is None for reason in assessment.reasons]) & rows.readable
    correct, in_scope = rows.data.correct(len(manifest.labels)), rows.data.is_in_scope(len(manifest.labels))
    ranked = count_by_confidence(assessment.confidence.astype(np.float64), correct)
    return Measured(float(accepted[in_scope].mean()), float(correct[accepted].mean()), float(ece(ranked)[0]))


def _point(modelled: ModelledRows, manifest: Manifest, limits: ErrorLimits, size: int, draws: int) -> Point:
    before, after, guaranteed, needed = [], [], [], []
    for draw in range(draws):
        order: NDArray[np.int64] = np.random.default_rng([11, size, draw]).permutation(len(modelled.data))
        rest = modelled.take(order[size:])
        correction, chosen = fit_to_rows(modelled.take(order[:size]), manifest, limits, seed=draw)
        before.append(measure(rest, manifest, manifest.calibration, manifest.thresholds))
        after.append(measure(rest, manifest, correction.calibration, chosen.thresholds))
        guaranteed.append(chosen.thresholds.guarantee.certified)
        needed.append(chosen.rows_needed)
    kept = [one.right >= 1 - limits.overall for one, sure in zip(after, guaranteed, strict=True) if sure]
    more = [rows for rows, sure in zip(needed, guaranteed, strict=True) if not sure]
    return Point(
        size,
        _mean(before),
        _mean(after),
        float(np.mean(guaranteed)),
        float(np.mean(kept)) if kept else None,
        float(np.median(more)) if more else None,
    )


def _mean(measured: Sequence[Measured]) -> Measured:
    table = np.array([(one.coverage, one.right, one.ece) for one in measured])
    return Measured(*(float(value) for value in table.mean(axis=0)))


def result_table(points: Sequence[Point]) -> Table:
    """Build a table with a line for each number of rows."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    for head in ("rows", "accepted", "right", "ECE", "guaranteed", "kept", "more rows needed"):
        table.add_column(head, no_wrap=True)
    for one in points:
        pairs = [
            f"{getattr(one.before, name):.3f} → {getattr(one.after, name):.3f}" for name in ("coverage", "right", "ece")
        ]
        kept = "–" if one.kept is None else f"{one.kept:.0%}"
        needed = "–" if one.rows_needed is None else f"{one.rows_needed:.0f}"
        table.add_row(str(one.rows), *pairs, f"{one.guaranteed:.0%}", kept, needed)
    return table


def draw(points: Sequence[Point]) -> str:
    """Draw the curves as an SVG: before (dashed) and after."""
    description = (
        "By the number of labelled rows: how many are accepted, how many of these right, how often guaranteed."
    )
    plot = Plot("Calibrating to a shop", description, ("labelled rows", "share"), (points[-1].rows, 1.0), (640, 360))
    plot.ticks([(one.rows, str(one.rows)) for one in points], [(share / 5, f"{20 * share} %") for share in range(6)])
    for kind, name in (("main", "coverage"), ("right", "right")):
        plot.line([(one.rows, getattr(one.before, name)) for one in points], f"{kind} before")
        plot.line([(one.rows, getattr(one.after, name)) for one in points], kind)
    plot.line([(one.rows, one.guaranteed) for one in points], "sure")
    middle = points[len(points) // 2]
    plot.note(middle.rows, middle.after.right, "of that right", "right", shift=8)
    plot.note(middle.rows, middle.after.coverage - 0.1, "accepted (dashed: not calibrated)", "main", shift=8)
    plot.note(middle.rows, middle.guaranteed - 0.1, "guaranteed", "sure", shift=8)
    rendered = plot.render()
    end = rendered.index(">") + 1
    root = '<svg xmlns="http://www.w3.org/2000/svg" font-family="system-ui" font-size="12" '
    head = rendered[:end].replace("<svg ", root)
    return head + STYLE + rendered[end:]


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m triage_models.benchmarks.calibration_curve", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of the public data sets")
    parser.add_argument("--bundle", type=Path, default=DEFAULT_BUNDLE, help="the bundle to calibrate")
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="folder for assembled data")
    parser.add_argument("--max-error", type=float, default=ErrorLimits().overall, help="the error rate to guarantee")
    parser.add_argument("--draws", type=int, default=DRAWS, help="draws of each number of rows")
    parser.add_argument("--svg", type=Path, help="file for a picture of the table")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())

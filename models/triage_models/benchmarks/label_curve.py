"""How many labels a bundle needs on a shop that it has never seen (``make label-curve``).

A bundle is calibrated to labelled rows of SOFMattress, which is in no training data, and measured on its other rows;
then the same on the held-out channels. Rows to label are drawn at random and by `triage sample`. Everything is drawn
from seeds, so the same bundle gives the same figures.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from rich.console import Console

from triage_models.benchmarks.held_out_channels import POST, channels, write_channel, write_other_channels, write_posts
from triage_models.benchmarks.label_curve_outcomes import Baseline, measure_baseline
from triage_models.benchmarks.label_curve_pages import result_tables, write_pages
from triage_models.benchmarks.label_curve_results import CHANNELS, OTHERS, POSTS, SHOP, Results
from triage_models.benchmarks.label_curve_runs import Point, Traffic, measure_curve, read_rows, read_traffic
from triage_models.benchmarks.sofmattress_mapping import write_mapped
from triage_models.benchmarks.suite import EXIT_INCOMPLETE, PIPE_WIDTH
from triage_models.calibration.limits import ErrorLimits
from triage_models.data.held_out import CHANNELS_CSV
from triage_models.errors import ModelError
from triage_models.paths import DEFAULT_BUNDLE
from triage_models.serving.classifier import Classifier

SIZES = (25, 50, 100, 200, 300, 400)
LIMITS = (0.05, 0.03)
DRAWS = 100

Log = Callable[[str], None]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print tables, and rewrite the pages if asked to.

    Returns:
        0 if everything was measured; 2 if data is missing.
    """
    options = _parse(arguments)
    log = Console(stderr=True, highlight=False, soft_wrap=True)
    try:
        limits = [ErrorLimits(limit).overall for limit in options.max_error]
        results = label_curve(options.data, options.bundle, options.runs, limits, options.draws, log.print)
    except ModelError as error:
        log.print(f"label-curve: {error}")
        return EXIT_INCOMPLETE
    console = Console(highlight=False, width=None if sys.stdout.isatty() else PIPE_WIDTH)
    for table in result_tables(results):
        console.print(table)
    if options.docs is not None:
        write_pages(results, options.docs)
    return 0


def label_curve(
    public: Path, bundle: Path, runs: Path, limits: Sequence[float], draws: int = DRAWS, log: Log = lambda text: None
) -> Results:
    """Measure a bundle as it is, and calibrated to draws of each of the `SIZES` that the rows reach.

    Args:
        public: folder of the public data sets.
        bundle: the bundle's folder.
        runs: folder for assembled data.
        limits: the error rates to guarantee.
        draws: how many draws of each size.
        log: called with what is measured next.

    Raises:
        ModelError: Data is missing, or the bundle cannot be opened.
    """
    folder = runs / "data"
    folder.mkdir(parents=True, exist_ok=True)
    classifier = Classifier.open(bundle, device="cpu")
    manifest = classifier.bundle.manifest
    baselines: list[Baseline] = []
    points: list[Point] = []
    for traffic in _traffics(public, folder, classifier):
        log(f"{traffic.name}: {draws} draws of {len(traffic.texts)} rows")
        baselines.append(measure_baseline(traffic.name, traffic.modelled, manifest))
        points += measure_curve(traffic, manifest, SIZES, limits, draws)
    for channel in (channel for channel in channels() if channel != POST):
        _, rows = read_rows(write_channel(folder / f"held_out_{channel}.csv", channel), classifier)
        baselines.append(measure_baseline(channel, rows, manifest))
    return Results(f"{manifest.name} {manifest.version}", draws, baselines, points)


def _traffics(public: Path, folder: Path, classifier: Classifier) -> list[Traffic]:
    """Read every file before anything is measured, so that missing data is reported at once."""
    files = {
        SHOP: write_mapped(public / "sofmattress", folder / "sofmattress_mapped.csv"),
        POSTS: write_posts(folder / "held_out_posts.csv"),
        OTHERS: write_other_channels(folder / "held_out_channels.csv"),
        CHANNELS: CHANNELS_CSV,
    }
    return [read_traffic(name, file, classifier) for name, file in files.items()]


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m triage_models.benchmarks.label_curve", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of the public data sets")
    parser.add_argument("--bundle", type=Path, default=DEFAULT_BUNDLE, help="the bundle to calibrate")
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="folder for assembled data")
    parser.add_argument("--max-error", type=float, nargs="+", default=LIMITS, help="the error rates to guarantee")
    parser.add_argument("--draws", type=int, default=DRAWS, help="draws of each number of rows")
    parser.add_argument("--docs", type=Path, help="write figures, picture and tables into the pages in this folder")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())

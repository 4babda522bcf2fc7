"""Measures how a bundle does on a kind of shop that it has never seen (``make leave-one-out``).

The recipe of the shipped bundle is trained without one kind of shop of the project's corpus, and evaluated on that kind
and on SOFMattress, which is in no training data. Design choices follow this score, not the score on known shops.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from triage_models.benchmarks.sofmattress_mapping import write_mapped
from triage_models.benchmarks.suite import EXIT_INCOMPLETE, print_results
from triage_models.data.corpus import read_messages
from triage_models.data.labelled import LABEL, TEXT
from triage_models.data.tables import write_table
from triage_models.errors import ModelError
from triage_models.progress import progress_display
from triage_models.report.evaluation import evaluate

KINDS = {
    "beauty": ("ayurveda", "dental_care", "haircare", "perfume", "pharmacy", "skincare", "supplements"),
    "electronics": ("audio", "cameras", "gaming", "laptops", "phones", "printers_office", "wearables"),
    "fashion": ("bridal_wear", "ethnic_wear", "lingerie", "menswear", "sarees_blouses", "shoes", "womens_fashion"),
    "food": ("coffee_tea", "groceries", "honey_spices", "meal_kits", "subscription_boxes"),
    "home": ("bathroom", "bedding_linen", "furniture", "home_decor", "kids_furniture", "paint_flooring", "recliners"),
}
"""Kinds of shop, and the shops of each in the corpus."""

QUICK_TEMPLATES = 0.1
QUICK_EPOCHS = 2.0
METRICS = ("accuracy", "coverage", "selective_accuracy", "false_acceptance_rate", "oos_auroc")

Result = tuple[str, dict[str, Any]]
"""The title of a data set, and the evaluation on it."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Train without the kind, evaluate and print.

    Returns:
        0 if everything was measured; 2 if data is missing.
    """
    options = _parse(arguments)
    log = Console(stderr=True, highlight=False, soft_wrap=True)
    try:
        results = leave_out(options.kind, options.data, options.runs, quick=options.quick, seed=options.seed, log=log)
    except ModelError as error:
        log.print(f"leave-one-out: {error}")
        return EXIT_INCOMPLETE
    print_results(result_table(results), options.runs / "reports")
    return 0


def leave_out(kind: str, public: Path, runs: Path, *, quick: bool, seed: int, log: Console) -> list[Result]:
    """Train a bundle without a kind of shop and evaluate it on what was left out.

    Args:
        kind: one of `KINDS`.
        public: folder of the public data sets; SOFMattress is skipped if it is not there.
        runs: folder for the bundle, data and reports.
        quick: use a tenth of the templates and two epochs: minutes instead of half an hour, and slightly worse.
        seed: seed of every draw.
        log: where progress is shown.

    Raises:
        DataError: Data is missing.
    """
    from triage_models.training import ecommerce, train  # noqa: PLC0415 (torch is slow to import, and an extra)

    name = f"without_{kind}{'_quick' if quick else ''}"
    training, shops = runs / "data" / f"{name}.csv", frozenset(KINDS[kind])
    ecommerce.assemble(public, training, without=shops, templates=QUICK_TEMPLATES if quick else 1.0)
    left_out = write_left_out(shops, runs / "data" / f"{kind}.csv")
    with progress_display(log) as progress:
        epochs = QUICK_EPOCHS if quick else ecommerce.EPOCHS
        bundle = train(training, runs / name, epochs=epochs, seed=seed, progress=progress)
    reports = runs / "reports"
    results = [(f"shops of the kind “{kind}”", evaluate(left_out, bundle, output=reports / name))]
    if (public / "sofmattress").is_dir():
        mapped = write_mapped(public / "sofmattress", runs / "data" / "sofmattress_mapped.csv")
        results.append(("SOFMattress mapped", evaluate(mapped, bundle, output=reports / f"{name}_sofmattress")))
    return results


def write_left_out(shops: frozenset[str], output: Path) -> Path:
    """Write the corpus rows of these shops as a CSV to evaluate on, with the shop as a column to slice by."""
    return write_table(output, [TEXT, LABEL, "shop"], (row[:3] for row in read_messages() if row.shop in shops))


def result_table(results: Sequence[Result]) -> Table:
    """Build a table with a line per data set and a column per metric, each with its interval."""
    table = Table("measured on", "rows", *(name.replace("_", " ") for name in METRICS), box=None, header_style="bold")
    for title, result in results:
        cells = (_cell(result[name], result[f"{name}_ci"]) for name in METRICS)
        table.add_row(title, f"{result['rows']:,}", *cells)
    return table


def _cell(value: float | None, interval: Sequence[float] | None) -> str:
    if value is None or interval is None:
        return "–"
    return f"{value:.3f} ({interval[0]:.3f} – {interval[1]:.3f})"


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m triage_models.benchmarks.leave_out", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of the public data sets")
    parser.add_argument("--kind", choices=sorted(KINDS), default="home", help="the kind of shop to leave out")
    parser.add_argument("--quick", action="store_true", help="fewer rows and epochs: minutes instead of half an hour")
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="folder for the bundle, data and reports")
    parser.add_argument("--seed", type=int, default=0, help="seed of every draw")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())

"""``make leave-one-out``: how a bundle does on a kind of shop that it never met.

The shipped bundle's recipe is trained anew without one kind of shop of the project's corpus, and measured on that kind
and on SOFMattress, which is in no training data. Choices are made by this, not by the score on shops that were seen.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from triage_models.benchmarks.sofmattress import write_mapped
from triage_models.data.labelled import LABEL, TEXT
from triage_models.data.tables import write_table
from triage_models.errors import ModelError
from triage_models.progress import reporting
from triage_models.report.evaluation import run

KINDS = {
    "beauty": ("ayurveda", "dental_care", "haircare", "perfume", "pharmacy", "skincare", "supplements"),
    "electronics": ("audio", "cameras", "gaming", "laptops", "phones", "printers_office", "wearables"),
    "fashion": ("bridal_wear", "ethnic_wear", "lingerie", "menswear", "sarees_blouses", "shoes", "womens_fashion"),
    "food": ("coffee_tea", "groceries", "honey_spices", "meal_kits", "subscription_boxes"),
    "home": ("bathroom", "bedding_linen", "furniture", "home_decor", "kids_furniture", "paint_flooring", "recliners"),
}
"""Kinds of shop, and the corpus' shops of each."""

QUICK_TEMPLATES = 0.1
QUICK_EPOCHS = 2.0
FIGURES = ("accuracy", "coverage", "selective_accuracy", "false_acceptance_rate", "oos_auroc")
NOT_USABLE = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Train without the kind, measure, print; 0 when all was measured, 2 where data is missing."""
    options = _options(arguments)
    told = Console(stderr=True, highlight=False, soft_wrap=True)
    try:
        found = leave_out(options.kind, options.data, options.runs, quick=options.quick, seed=options.seed, told=told)
    except ModelError as error:
        told.print(f"leave-one-out: {error}")
        return NOT_USABLE
    out = Console(highlight=False, width=None if sys.stdout.isatty() else 130)
    out.print(table(found))
    out.print(f"Reports with pictures: {options.runs / 'reports'}", soft_wrap=True)
    return 0


def leave_out(
    kind: str, public: Path, runs: Path, *, quick: bool, seed: int, told: Console
) -> list[tuple[str, dict[str, Any]]]:
    """Figures of `triage_models.report.evaluation` on what was left out, by a bundle that is trained without it.

    Args:
        kind: one of `KINDS`.
        public: folder of the public data sets; SOFMattress is passed over where it is not there.
        runs: where bundle, data and reports are put.
        quick: a tenth of the templates and two passes: minutes instead of half an hour, and a little worse.
        seed: of everything that is drawn.
        told: where progress is shown.

    Raises:
        DataError: data is missing.
    """
    from triage_models.training import ecommerce, train  # noqa: PLC0415 (torch is heavy, and an extra)

    name = f"without_{kind}{'_quick' if quick else ''}"
    training, shops = runs / "data" / f"{name}.csv", frozenset(KINDS[kind])
    ecommerce.assemble(public, training, without=shops, templates=QUICK_TEMPLATES if quick else 1.0)
    left_out = write_left_out(shops, runs / "data" / f"{kind}.csv")
    with reporting(told) as report:
        epochs = QUICK_EPOCHS if quick else ecommerce.EPOCHS
        bundle = train(training, runs / name, epochs=epochs, seed=seed, report=report)
    found = [(f"shops of the kind “{kind}”", run(left_out, bundle, output=runs / "reports" / name))]
    if (public / "sofmattress").is_dir():
        mapped = write_mapped(public / "sofmattress", runs / "data" / "sofmattress_mapped.csv")
        found.append(("SOFMattress mapped", run(mapped, bundle, output=runs / "reports" / f"{name}_sofmattress")))
    return found


def write_left_out(shops: frozenset[str], output: Path) -> Path:
    """The corpus' rows of these shops as a CSV to measure on, each shop a slice of the report."""
    from triage_models.training.corpus import read_messages  # noqa: PLC0415 (torch)

    return write_table(output, [TEXT, LABEL, "shop"], (row[:3] for row in read_messages() if row.shop in shops))


def table(found: Sequence[tuple[str, dict[str, Any]]]) -> Table:
    """A line for each data set, a column for each figure, with its interval."""
    lines = Table("measured on", "rows", *(name.replace("_", " ") for name in FIGURES), box=None, header_style="bold")
    for title, result in found:
        lines.add_row(title, f"{result['rows']:,}", *(_figure(result[name], result[f"{name}_ci"]) for name in FIGURES))
    return lines


def _figure(value: float | None, interval: Sequence[float] | None) -> str:
    if value is None or interval is None:
        return "–"
    return f"{value:.3f} ({interval[0]:.3f} – {interval[1]:.3f})"


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m triage_models.benchmarks.leave_out", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of the public data sets")
    parser.add_argument("--kind", choices=sorted(KINDS), default="home", help="which kind of shop is left out")
    parser.add_argument("--quick", action="store_true", help="fewer rows and passes: minutes instead of half an hour")
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="where bundle, data and reports are put")
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())

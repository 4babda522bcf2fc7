"""``make evaluate-all``: the one table of what the model reaches."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from triage_models import DEFAULT_BUNDLE
from triage_models.benchmarks.bars import BENCHMARKS, Benchmark, Measured, measure
from triage_models.benchmarks.measurements import Place
from triage_models.errors import ModelError

NOT_USABLE = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; 0 when all was measured, whether or not the bars are met, 2 when some data is missing."""
    options = _options(arguments)
    told = Console(stderr=True, highlight=False, soft_wrap=True)
    place = Place(options.data, options.bundle, options.runs, options.fresh, told.print)
    chosen = [one for one in BENCHMARKS if not options.only or one.name in options.only]
    found: list[tuple[Benchmark, list[Measured]]] = []
    failed = False
    for benchmark in chosen:
        told.print(f"{benchmark.title} …")
        try:
            found.append((benchmark, measure(benchmark, place)))
        except ModelError as error:
            failed = True
            told.print(f"{benchmark.title}: {error}")
    if found:
        out = Console(highlight=False, width=None if sys.stdout.isatty() else 130)
        out.print(table(found))
        out.print(f"Reports with pictures: {options.runs / 'reports'}", soft_wrap=True)
    return NOT_USABLE if failed else 0


def table(found: Sequence[tuple[Benchmark, Sequence[Measured]]]) -> Table:
    """One line a figure; the title of its benchmark on the first."""
    lines = Table(box=None, header_style="bold", pad_edge=False)
    for head, justify in (
        ("measured on", "left"),
        ("figure", "left"),
        ("value", "right"),
        ("interval", "right"),
        ("bar", "right"),
        ("aim", "right"),
        ("", "left"),
    ):
        lines.add_column(head, justify=justify, no_wrap=head != "measured on")  # type: ignore[arg-type]
    for benchmark, results in found:
        for number, one in enumerate(results):
            title = benchmark.title if number == 0 else ""
            low, high = one.interval
            sign = "≤ " if one.bar.most else "≥ "
            lines.add_row(
                title,
                one.bar.figure.replace("_", " "),
                f"{one.value:.4f}",
                f"{low:.4f} – {high:.4f}",
                f"{sign}{one.bar.bar:g}",
                f"{sign}{one.bar.aim:g}",
                _standing(one),
            )
    return lines


def _standing(one: Measured) -> str:
    if not one.bar.met(one.value):
        return "[red]below the bar[/red]"
    beyond = one.value <= one.bar.aim if one.bar.most else one.value >= one.bar.aim
    return "[green]aim reached[/green]" if beyond else "[green]bar met[/green]"


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m triage_models.benchmarks.suite", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of the public data sets")
    parser.add_argument("--bundle", type=Path, default=DEFAULT_BUNDLE, help="the bundle to measure")
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="where bundles and reports are put")
    parser.add_argument(
        "--only", action="append", choices=[one.name for one in BENCHMARKS], help="measure just this; may be repeated"
    )
    parser.add_argument("--fresh", action="store_true", help="train again, whatever earlier runs left")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())

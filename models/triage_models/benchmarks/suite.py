"""Runs all benchmarks and prints one table (``make evaluate-all``)."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from rich.console import Console
from rich.table import Table

from triage_models.benchmarks.measurements import BenchmarkContext
from triage_models.benchmarks.targets import BENCHMARKS, Benchmark, Measurement, run_benchmark
from triage_models.errors import ModelError
from triage_models.paths import DEFAULT_BUNDLE

EXIT_INCOMPLETE = 2
PIPE_WIDTH = 130
"""Columns of the table when the output is not a terminal."""

COLUMNS: tuple[tuple[str, Literal["left", "right"]], ...] = (
    ("measured on", "left"),
    ("metric", "left"),
    ("value", "right"),
    ("interval", "right"),
    ("required", "right"),
    ("goal", "right"),
    ("", "left"),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmarks and print the results.

    Returns:
        0 if everything was measured, whether or not targets are met; 2 if some data is missing.
    """
    options = _parse(arguments)
    log = Console(stderr=True, highlight=False, soft_wrap=True)
    context = BenchmarkContext(options.data, options.bundle, options.runs, options.fresh, log.print)
    results: list[tuple[Benchmark, list[Measurement]]] = []
    failed = False
    for benchmark in BENCHMARKS:
        if options.only and benchmark.name not in options.only:
            continue
        log.print(f"{benchmark.title} …")
        try:
            results.append((benchmark, run_benchmark(benchmark, context)))
        except ModelError as error:
            failed = True
            log.print(f"{benchmark.title}: {error}")
    if results:
        print_results(result_table(results), options.runs / "reports")
    return EXIT_INCOMPLETE if failed else 0


def print_results(table: Table, reports: Path) -> None:
    """Print a table, and where the reports are, to standard output."""
    console = Console(highlight=False, width=None if sys.stdout.isatty() else PIPE_WIDTH)
    console.print(table)
    console.print(f"Reports with charts: {reports}", soft_wrap=True)


def result_table(results: Sequence[tuple[Benchmark, Sequence[Measurement]]]) -> Table:
    """Build a table with one line per metric; the first line of a benchmark has its title."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    for head, justify in COLUMNS:
        table.add_column(head, justify=justify, no_wrap=head != "measured on")
    for benchmark, measurements in results:
        for number, one in enumerate(measurements):
            low, high = one.interval
            sign = "≤ " if one.target.lower_is_better else "≥ "
            table.add_row(
                benchmark.title if number == 0 else "",
                one.target.metric.replace("_", " "),
                f"{one.value:.4f}",
                f"{low:.4f} – {high:.4f}",
                f"{sign}{one.target.required:g}",
                f"{sign}{one.target.goal:g}",
                _status(one),
            )
    return table


def _status(one: Measurement) -> str:
    if not one.target.is_met(one.value):
        return "[red]target missed[/red]"
    return "[green]goal reached[/green]" if one.target.is_goal_reached(one.value) else "[green]target met[/green]"


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m triage_models.benchmarks.suite", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of the public data sets")
    parser.add_argument("--bundle", type=Path, default=DEFAULT_BUNDLE, help="the bundle to measure")
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="folder for trained bundles and reports")
    parser.add_argument(
        "--only", action="append", choices=[one.name for one in BENCHMARKS], help="run only this one; may be repeated"
    )
    parser.add_argument("--fresh", action="store_true", help="train again even if earlier runs left a bundle")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())

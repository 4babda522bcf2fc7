"""Measures what early exits bring and cost (``make early-exit``): the shipped bundle next to the fast one.

Both have the same network, and are calibrated on the same rows, which were held out of its training. They are evaluated
on held-out messages of other hands and on SOFMattress; kinds of shop that are left out are measured by
``make leave-one-out LEAVE_ARGS=--early-exit``.
"""

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median

from rich.console import Console
from rich.table import Table

from triage_models.benchmarks.leave_out import other_strangers
from triage_models.bundle.bundle import CPU_MODEL
from triage_models.data.evaluation_rows import read_labelled_rows
from triage_models.errors import DataError, ModelError
from triage_models.paths import DEFAULT_BUNDLE, FAST_BUNDLE
from triage_models.report.evaluation import evaluate
from triage_models.serving.engine import Engine

FIGURES = ("accuracy", "aurc", "coverage", "selective_accuracy", "false_acceptance_rate")
ROUNDS = 5
LENGTH = 64
"""Tokens that both read at most while their rates are measured."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure both bundles and print the figures.

    Returns:
        0 if everything was measured; 2 if data is missing.
    """
    options = _parse(arguments)
    folders, texts = {"whole": options.bundle, "early exit": options.fast}, list[str]()
    table = Table("", *FIGURES)
    try:
        if not (options.data / "sofmattress").is_dir():
            raise DataError(f"{options.data} has no folder sofmattress: give the folder of the public data sets.")
        for part in other_strangers(options.data):
            data = part.write(options.runs / "data" / f"{part.name}.csv")
            texts += read_labelled_rows(data, lambda note: None).texts
            for name, folder in folders.items():
                found = evaluate(data, folder, output=options.runs / "reports" / f"{folder.name}_{part.name}")
                table.add_row(f"{part.title}, {name}", *(f"{found[figure]:.4f}" for figure in FIGURES))
    except ModelError as error:
        Console(stderr=True, highlight=False, soft_wrap=True).print(f"early-exit: {error}")
        return 2
    console = Console(highlight=False)
    console.print(table)
    rates = {name: median(rate) for name, rate in _rates(folders, texts).items()}
    console.print(
        f"These {len(texts)} rows, one thread, messages per second of CPU time: "
        + ", ".join(f"{name} {rate:,.0f}" for name, rate in rates.items())
        + f", {rates['early exit'] / rates['whole']:.2f} times as many"
    )
    return 0


def _rates(folders: dict[str, Path], texts: Sequence[str]) -> dict[str, list[float]]:
    """Run the texts through both bundles in turns, and return the messages per second of CPU time of each round."""
    engines = {name: Engine.open(folder, CPU_MODEL, LENGTH) for name, folder in folders.items()}
    found: dict[str, list[float]] = {name: [] for name in folders}
    for _ in range(ROUNDS):
        for name, seconds in _round(engines, texts):
            found[name].append(len(texts) / seconds)
    return found


def _round(engines: dict[str, Engine], texts: Sequence[str]) -> Iterator[tuple[str, float]]:
    for name, engine in engines.items():
        encoded = engine.encode(texts)
        started = time.thread_time()
        engine.outputs(encoded)
        yield name, time.thread_time() - started


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m triage_models.benchmarks.early_exit", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of the public data sets")
    parser.add_argument("--bundle", type=Path, default=DEFAULT_BUNDLE, help="folder of the bundle")
    parser.add_argument("--fast", type=Path, default=FAST_BUNDLE, help="folder of the same bundle with early exits")
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="folder for data and reports")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())

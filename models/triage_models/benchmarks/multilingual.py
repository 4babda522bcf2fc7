"""Measures a bundle on held-out messages in other languages (``make multilingual-check``), and on English strangers.

The messages (`models/held_out/languages`) were written by another hand than any that a bundle is trained on. The
English ones are those that `triage_models.benchmarks.leave_out` measures on, besides the kinds of shop.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from rich.console import Console

from triage_models.benchmarks.leave_out import Part, other_strangers
from triage_models.benchmarks.leave_out_results import Result, result_table, write_results
from triage_models.benchmarks.suite import EXIT_INCOMPLETE, print_results
from triage_models.data.corpus import LANGUAGE_COLUMNS, read_messages
from triage_models.data.held_out import LANGUAGES_DIR, PLAIN_DIR, SETTLED_DIR
from triage_models.data.tables import write_table
from triage_models.errors import DataError, ModelError
from triage_models.paths import MULTILINGUAL_BUNDLE
from triage_models.report.evaluation import evaluate


def main(arguments: Sequence[str] | None = None) -> int:
    """Evaluate, print and write the results.

    Returns:
        0 if everything was measured; 2 if data or the bundle is missing.
    """
    options = _parse(arguments)
    log = Console(stderr=True, highlight=False, soft_wrap=True)
    name = f"languages_{options.bundle.resolve().name}"
    results = []
    try:
        for part in [*_languages(), *other_strangers(options.data)]:
            log.print(f"{part.title} …")
            data = part.write(options.runs / "data" / f"{part.name}.csv")
            figures = evaluate(data, options.bundle, output=options.runs / "reports" / f"{name}_{part.name}")
            results.append(Result(part.title, figures, part.left_out))
    except ModelError as error:
        log.print(f"multilingual-check: {error}")
        return EXIT_INCOMPLETE
    written = write_results(options.runs / "reports" / f"{name}.json", name, results)
    print_results(result_table(results, "languages"), options.runs / "reports")
    log.print(f"The same figures, all with intervals: {written}")
    return 0


def _languages() -> Iterator[Part]:
    files = sorted(LANGUAGES_DIR.glob("*.csv"))
    if not files:
        raise DataError(f"There are no held-out messages in {LANGUAGES_DIR}: they are in a checkout, and in no wheel.")
    for file in files:
        yield Part(f"held_out_{file.stem}", f"held out: {file.stem}", partial(_join, [file]), left_out=True)
    yield Part("held_out_plain", "held out: plain, all", partial(_join, sorted(PLAIN_DIR.glob("*.csv"))))
    yield Part("held_out_settled_all", "held out: settled, all", partial(_join, sorted(SETTLED_DIR.glob("*.csv"))))


def _join(files: Sequence[Path], output: Path) -> Path:
    return write_table(output, LANGUAGE_COLUMNS, (row for file in files for row in read_messages(file)))


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m triage_models.benchmarks.multilingual", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of the public data sets")
    parser.add_argument("--bundle", type=Path, default=MULTILINGUAL_BUNDLE, help="the bundle to measure")
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="folder for data and reports")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())

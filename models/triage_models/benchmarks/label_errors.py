"""Measures how many wrong labels are found: flips some labels of a public data set, and looks for them.

``python -m triage_models.benchmarks.label_errors --data DIR`` prints precision and recall at the number of rows that
`triage train` would list. Data sets have errors of their own, which count as false alarms here.
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

from triage_models.benchmarks.suite import EXIT_INCOMPLETE
from triage_models.data.training_rows import read_training_rows
from triage_models.errors import ModelError
from triage_models.labelling.suspects import find_suspects, margins

SETS = {"banking77": "train.csv", "clinc150": "train.csv", "sofmattress": "v1_train.csv"}
"""Data sets, and the file of each."""


@dataclass(frozen=True)
class Detection:
    """What was found of the labels that were flipped.

    Attributes:
        rows: rows of the data.
        flipped: how many labels were flipped.
        suspects: rows that were listed.
        found: how many of them had been flipped.
        found_first: how many of the worst ``flipped`` rows had been flipped.
    """

    rows: int
    flipped: int
    suspects: int
    found: int
    found_first: int

    @property
    def precision(self) -> float:
        """Share of the listed rows that had been flipped."""
        return self.found / max(1, self.suspects)

    @property
    def recall(self) -> float:
        """Share of the flipped rows that were listed."""
        return self.found / max(1, self.flipped)


def flip(
    classes: NDArray[np.int64], count: int, share: float, seed: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Give a share of the rows another class, drawn uniformly; return the new classes and the rows that changed."""
    random = np.random.default_rng(seed)
    rows = random.permutation(len(classes))[: round(share * len(classes))]
    changed = classes.copy()
    changed[rows] = (classes[rows] + random.integers(1, count, size=len(rows))) % count
    return changed, rows


def measure(file: Path, share: float, seed: int) -> Detection:
    """Flip labels of a file and look for them as `triage train` does for rows in training."""
    from triage_models.training.base_model import default_base  # noqa: PLC0415 (torch is slow to import, and an extra)
    from triage_models.training.label_check import cross_fitted_probabilities, embed  # noqa: PLC0415

    rows = read_training_rows(file)
    names, classes = np.unique(np.array(rows.labels), return_inverse=True)
    given, flipped = flip(classes.astype(np.int64), len(names), share, seed)
    probabilities = cross_fitted_probabilities(embed(default_base(), rows.texts), given, len(names), seed)
    suspects = find_suspects(rows.texts, names.tolist(), probabilities, given)
    changed = set(flipped.tolist())
    worst = np.argsort(-margins(probabilities, given)[1], kind="stable")[: len(changed)]
    return Detection(
        len(rows),
        len(changed),
        len(suspects),
        sum(one.row in changed for one in suspects),
        sum(int(row) in changed for row in worst),
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; returns 2 if data is missing."""
    parser = argparse.ArgumentParser(prog="python -m triage_models.benchmarks.label_errors", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of the public data sets")
    parser.add_argument("--only", choices=sorted(SETS), action="append", help="measure only this one; may be repeated")
    parser.add_argument("--share", type=float, default=0.05, help="share of the labels to flip")
    parser.add_argument("--seed", type=int, default=0, help="seed of every draw")
    options = parser.parse_args(arguments)
    table = Table("data", "rows", "flipped", "listed", "precision", "recall", "of the worst", box=None)
    try:
        for name in options.only or SETS:
            found = measure(options.data / name / SETS[name], options.share, options.seed)
            shares = (found.precision, found.recall, found.found_first / max(1, found.flipped))
            counts = (f"{found.rows:,}", f"{found.flipped:,}", f"{found.suspects:,}")
            table.add_row(name, *counts, *(f"{value:.3f}" for value in shares))
    except ModelError as error:
        Console(stderr=True, highlight=False, soft_wrap=True).print(f"label-errors: {error}")
        return EXIT_INCOMPLETE
    Console(highlight=False).print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())

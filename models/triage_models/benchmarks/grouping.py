"""Measures how well messages are grouped without their labels, as `triage suggest` does it.

``python -m triage_models.benchmarks.grouping --data DIR`` groups the training rows of public data sets by the vectors
of the base model and, to compare, by those of a bundle, and prints how far the groups agree with the labels.
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
from triage_models.data.training_rows import TrainingRows, read_training_rows
from triage_models.errors import ModelError
from triage_models.labelling.profiles import profile_texts
from triage_models.paths import DEFAULT_BUNDLE
from triage_models.serving.classifier import Classifier
from triage_models.serving.decision import Floats

SETS = {"banking77": "train.csv", "clinc150": "train.csv", "sofmattress": "v1_train.csv"}
"""Data sets, and the file of each."""

MATCH = 0.5
"""An intent has a group of its own if so much of each lies in the other."""


@dataclass(frozen=True)
class Agreement:
    """How far groups agree with labels.

    Attributes:
        groups: how many groups there are.
        mutual_information: adjusted for chance: 1 is perfect, 0 is chance. Messages in no group count as one group.
        own_group: labels that have a group of their own.
        without_group: share of the messages that are in no group.
    """

    groups: int
    mutual_information: float
    own_group: int
    without_group: float


def compare(labels: Sequence[str], groups: NDArray[np.int64]) -> Agreement:
    """Compare groups ``[N]`` with labels ``[N]``."""
    from triage_models.training.grouping import adjusted_agreement  # noqa: PLC0415 (torch is slow to import)

    names = np.array(labels)
    own = 0
    for name in np.unique(names):
        inside = groups[(names == name) & (groups >= 0)]
        if not len(inside):
            continue
        largest = int(np.bincount(inside).argmax())
        both = int((inside == largest).sum())
        own += int(both >= MATCH * (names == name).sum() and both >= MATCH * (groups == largest).sum())
    return Agreement(
        int(groups.max(initial=-1)) + 1,
        adjusted_agreement(labels, groups),
        own,
        float((groups < 0).mean()),
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; returns 2 if data is missing."""
    parser = argparse.ArgumentParser(prog="python -m triage_models.benchmarks.grouping", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of the public data sets")
    parser.add_argument("--only", choices=sorted(SETS), action="append", help="measure only this one; may be repeated")
    parser.add_argument("--bundle", type=Path, default=DEFAULT_BUNDLE, help="the bundle whose vectors to compare")
    parser.add_argument("--rows", type=int, default=5000, help="messages to group, at most")
    parser.add_argument("--seed", type=int, default=0, help="seed of the draw")
    options = parser.parse_args(arguments)
    table = Table("data", "vectors", "messages", "labels", "groups", "AMI", "labels with a group", "no group", box=None)
    try:
        for name in options.only or SETS:
            rows = read_training_rows(options.data / name / SETS[name])
            chosen = np.random.default_rng(options.seed).permutation(len(rows))[: options.rows]
            for title, found in _measure(rows.take(chosen), options.bundle):
                labels = len(set(rows.labels))
                table.add_row(
                    name, title, f"{len(chosen):,}", str(labels), str(found.groups), f"{found.mutual_information:.3f}",
                    f"{found.own_group} of {labels}", f"{found.without_group:.1%}",
                )  # fmt: skip
    except ModelError as error:
        Console(stderr=True, highlight=False, soft_wrap=True).print(f"grouping: {error}")
        return EXIT_INCOMPLETE
    Console(highlight=False, width=120).print(table)
    return 0


def _measure(rows: TrainingRows, bundle: Path) -> list[tuple[str, Agreement]]:
    from triage_models.training.base_model import default_base  # noqa: PLC0415 (torch is slow to import, and an extra)
    from triage_models.training.grouping import group  # noqa: PLC0415
    from triage_models.training.label_check import embed  # noqa: PLC0415

    by: list[tuple[str, Floats]] = [
        ("base model", embed(default_base(), rows.texts)),
        ("bundle", profile_texts(Classifier.open(bundle, device="cpu"), rows.texts).vectors),
    ]
    return [(title, compare(rows.labels, group(vectors)[0])) for title, vectors in by]


if __name__ == "__main__":
    sys.exit(main())

"""What `triage learn` gains on a shop that the bundle never saw: part of it is answered by people, the rest judged."""

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from triage_models.benchmarks.sofmattress import FOREIGN
from triage_models.data.labelled import folded
from triage_models.feedback.answers import Answer
from triage_models.feedback.compare import judged
from triage_models.feedback.verdict import Compared
from triage_models.metrics.outcomes import SEPARATOR
from triage_models.metrics.rows import LabelledRows

FED = 300
DRAWS = 3
"""Random draws of the rows that are fed: what one lucky draw gains is no measure."""


@dataclass(frozen=True)
class Gain:
    """One draw: both bundles on the rest of the shop's rows with an intent, and how the learning went."""

    rest: Compared
    better: bool
    test_points: float
    seconds: float

    def line(self) -> str:
        """One line for people."""
        told = self.rest.figures()
        return (
            f"{told['rows']} rows: errors {told['errors']}, accepted {told['accepted']}, of those wrong "
            f"{told['accepted_errors']}; test {self.test_points:+.2f} points; "
            f"{'promoted' if self.better else 'not promoted'}; {self.seconds:.0f} s"
        )


def gain(shop: LabelledRows, serving: Path, output: Path, *, data: Path, test: Path, draw: int) -> Gain:
    """Feed `FED` rows of a shop as people's answers, and judge on the rest.

    A row for which several intents are right was answered with the first of them; on the rest, any of them is right.
    """
    from triage_models.feedback.learn import learn  # noqa: PLC0415 (torch is heavy)

    fed, rest = drawn(shop, draw)
    answers = [Answer(text, label.split(SEPARATOR)[0]) for text, label in zip(fed.texts, fed.labels, strict=True)]
    started = time.monotonic()
    learned = learn(answers, serving, output, data=data, test=test)
    seconds = time.monotonic() - started
    scope = frozenset({FOREIGN})
    compared = Compared(rest.labels, judged(serving, rest, scope), judged(output, rest, scope))
    on_test = learned.report["test"]
    assert isinstance(on_test, dict)
    before, after = on_test["accuracy"]
    return Gain(compared, learned.verdict.better, 100 * (after - before), seconds)


def drawn(shop: LabelledRows, draw: int) -> tuple[LabelledRows, LabelledRows]:
    """`FED` rows of different texts, drawn at random, and the rows with an intent among the rest."""
    first: dict[str, int] = {}
    for row, text in enumerate(shop.texts):
        first.setdefault(folded(text), row)
    order = np.random.default_rng([7, draw]).permutation(list(first.values()))
    fed, rest = np.zeros(len(shop), bool), np.zeros(len(shop), bool)
    fed[order[:FED]] = True
    rest[order[FED:]] = True
    return shop.take(fed), shop.take(rest & np.array([label != FOREIGN for label in shop.labels]))

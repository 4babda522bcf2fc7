"""Measures the gain of `triage learn` on a new shop: people answer some rows, and the rest is evaluated."""

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from triage_models.data.corpus import OOS_LABEL
from triage_models.data.evaluation_rows import LabelledRows
from triage_models.data.labelled import normalize_text
from triage_models.data.labels import SEPARATOR
from triage_models.feedback.answers import Answer
from triage_models.feedback.bundle_comparison import compare_bundles
from triage_models.feedback.promotion import BundleComparison

ANSWERED_ROWS = 300
DRAWS = 3
"""Random draws of the answered rows: the gain of a single draw varies too much."""


@dataclass(frozen=True)
class LearningGain:
    """The result of one draw.

    Attributes:
        rest: both bundles on the remaining rows with an intent.
        better: whether the candidate would be promoted.
        test_points: change of accuracy on the test set, in points.
        seconds: how long learning took.
    """

    rest: BundleComparison
    better: bool
    test_points: float
    seconds: float

    def summary(self) -> str:
        """Return one line for the terminal."""
        figures = self.rest.to_json()
        return (
            f"{figures['rows']} rows: errors {figures['errors']}, accepted {figures['accepted']}, of those wrong "
            f"{figures['accepted_errors']}; test {self.test_points:+.2f} points; "
            f"{'promoted' if self.better else 'not promoted'}; {self.seconds:.0f} s"
        )


def learning_gain(
    shop: LabelledRows, serving: Path, output: Path, *, data: Path, test: Path, draw: int
) -> LearningGain:
    """Learn from `ANSWERED_ROWS` rows of a shop as people's answers, and evaluate on the rest.

    A row with several correct intents is answered with the first of them; on the rest, any of them is correct.

    Args:
        shop: the shop's rows.
        serving: folder of the serving bundle.
        output: folder of the candidate.
        data: the CSV that the serving bundle was trained on.
        test: CSV of the test set.
        draw: number of the draw, as its seed.
    """
    from triage_models.feedback.learn import learn  # noqa: PLC0415 (torch is slow to import)

    answered, rest = draw_rows(shop, draw)
    answers = [
        Answer(text, label.split(SEPARATOR)[0]) for text, label in zip(answered.texts, answered.labels, strict=True)
    ]
    started = time.monotonic()
    result = learn(answers, serving, output, data=data, test=test)
    seconds = time.monotonic() - started
    compared = compare_bundles(serving, output, rest, frozenset({OOS_LABEL}))
    on_test = result.report["test"]
    assert isinstance(on_test, dict)
    before, after = on_test["accuracy"]
    return LearningGain(compared, result.decision.better, 100 * (after - before), seconds)


def draw_rows(shop: LabelledRows, draw: int) -> tuple[LabelledRows, LabelledRows]:
    """Draw `ANSWERED_ROWS` rows of distinct texts at random, and return them and the other rows with an intent."""
    first_rows: dict[str, int] = {}
    for row, text in enumerate(shop.texts):
        first_rows.setdefault(normalize_text(text), row)
    order = np.random.default_rng([7, draw]).permutation(list(first_rows.values()))
    answered, rest = np.zeros(len(shop), bool), np.zeros(len(shop), bool)
    answered[order[:ANSWERED_ROWS]] = True
    rest[order[ANSWERED_ROWS:]] = True
    return shop.take(answered), shop.take(rest & np.array([label != OOS_LABEL for label in shop.labels]))

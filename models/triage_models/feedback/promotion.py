"""Decides whether a candidate is promoted: better on held-out answers, and nowhere worse than a margin."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import comb

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

MIN_ROWS = 30
"""With fewer held-out answers, a difference may be chance; an intent with fewer rows is not checked alone."""

RESAMPLES = 2000
LEVEL = 0.95
MARGIN = 0.2
"""Points of accuracy that a candidate may lose on the test set; a point is a hundredth of the rows."""

INTENT_MARGIN = 2.0
"""Points of accuracy that an intent may lose."""

COVERAGE_MARGIN = 2.0
"""Points of coverage that a candidate may lose on the test set."""

EPSILON = 1e-9
"""Tolerance for rounding when points are compared with a margin."""


@dataclass(frozen=True)
class BundleResults:
    """The results of one bundle on N rows.

    Attributes:
        correct: ``[N]`` whether its most likely label is correct; for an out-of-scope row, whether it predicted that.
        accepted: ``[N]``
        loss: ``[N]`` negative log-likelihood of the correct label, in nats.
    """

    correct: Flags
    accepted: Flags
    loss: Floats

    @property
    def errors(self) -> int:
        """How many rows are wrong."""
        return int((~self.correct).sum())

    @property
    def accepted_errors(self) -> int:
        """How many rows are accepted and wrong."""
        return int((self.accepted & ~self.correct).sum())

    @property
    def accuracy(self) -> float:
        """Share of correct rows, 0 to 1; 0 without rows."""
        return _share(self.correct)

    @property
    def coverage(self) -> float:
        """Share of accepted rows, 0 to 1; 0 without rows."""
        return _share(self.accepted)

    @property
    def accepted_error_rate(self) -> float:
        """Share of wrong rows among the accepted, 0 to 1; 0 if none is accepted."""
        return self.accepted_errors / max(1, int(self.accepted.sum()))


@dataclass(frozen=True)
class BundleComparison:
    """Two bundles on the same N rows.

    Attributes:
        intents: ``[N]`` the labels of the rows, the first one if several are correct.
        serving: the results of the bundle that serves.
        candidate: the results of the new bundle.
    """

    intents: Sequence[str]
    serving: BundleResults
    candidate: BundleResults

    def __len__(self) -> int:
        return len(self.intents)

    def to_json(self) -> dict[str, object]:
        """Return the figures of a report, each as [serving, candidate]; shares are from 0 to 1."""
        both = (self.serving, self.candidate)
        return {
            "rows": len(self),
            "errors": [one.errors for one in both],
            "accuracy": [one.accuracy for one in both],
            "accepted": [one.coverage for one in both],
            "accepted_errors": [one.accepted_errors for one in both],
            "mended": int((self.candidate.correct & ~self.serving.correct).sum()),
            "broken": int((self.serving.correct & ~self.candidate.correct).sum()),
            "loss": [float(one.loss.mean()) if len(self) else None for one in both],
            "loss_change_95": list(self.loss_change()),
        }

    def loss_change(self) -> tuple[float, float]:
        """Return the 95 % interval of the mean change of the loss, by paired bootstrap; below zero is better."""
        if not len(self):
            return -np.inf, np.inf
        change = self.candidate.loss - self.serving.loss
        drawn = np.random.default_rng(0).integers(len(change), size=(RESAMPLES, len(change)))
        tail = 50 * (1 - LEVEL)
        low, high = np.percentile(change[drawn].mean(axis=1), [tail, 100 - tail])
        return float(low), float(high)


@dataclass(frozen=True)
class PromotionDecision:
    """Whether to promote a candidate, and why.

    Attributes:
        better: whether it may be promoted.
        reasons: sentences: what is against promotion or, if nothing is, what is for it.
    """

    better: bool
    reasons: tuple[str, ...]


def decide_promotion(
    held_out: BundleComparison, test: BundleComparison | None, *, margin: float = MARGIN
) -> PromotionDecision:
    """Decide whether a candidate is promoted.

    It is better if it makes fewer errors on people's held-out answers and the 95 % interval of the change of its loss
    is below zero there: a few errors fewer can be chance, while the loss uses every row. It is not promoted if, on the
    test set, accuracy fell by more than ``margin`` points, or the error rate among accepted rows rose by more than
    that, or coverage fell by more than two points; or if an intent of at least 30 rows lost more than two points, and
    not by chance.

    Args:
        held_out: the comparison on people's held-out answers.
        test: the comparison on the test set.
        margin: points, hundredths of the rows.
    """
    objections = [*_not_better(held_out), *_worse_intents(held_out, "on held-out answers by people")]
    if test is not None:
        objections += [*_worse(test, margin), *_worse_intents(test, "on the test set")]
    if objections:
        return PromotionDecision(False, tuple(objections))
    return PromotionDecision(True, tuple(_improvements(held_out, test)))


def _not_better(held_out: BundleComparison) -> list[str]:
    rows = len(held_out)
    if rows < MIN_ROWS:
        return [f"There are too few held-out answers by people to decide ({rows}; the minimum is {MIN_ROWS})."]
    serving, candidate = held_out.serving.errors, held_out.candidate.errors
    if candidate >= serving:
        return [
            f"On {rows} held-out answers by people it makes {candidate} errors, and the serving bundle makes {serving}."
        ]
    low, high = held_out.loss_change()
    if high >= 0:
        return [
            f"On {rows} held-out answers by people it makes {candidate} errors instead of {serving}, which may be "
            f"chance: its loss changes by {low:+.3f} to {high:+.3f}, and that whole interval would have to be below 0."
        ]
    return []


def _worse(test: BundleComparison, margin: float) -> list[str]:
    found = []
    serving, candidate = test.serving, test.candidate
    accuracy = 100 * (candidate.accuracy - serving.accuracy)
    if accuracy < -margin - EPSILON:
        found.append(f"Its accuracy on the test set is {-accuracy:.2f} points lower; {margin:g} are allowed.")
    wrong = 100 * (candidate.accepted_error_rate - serving.accepted_error_rate)
    if wrong > margin + EPSILON:
        found.append(f"Of the test rows that it accepts, {wrong:.2f} points more are wrong; {margin:g} are allowed.")
    coverage = 100 * (candidate.coverage - serving.coverage)
    if coverage < -COVERAGE_MARGIN - EPSILON:
        found.append(f"It accepts {-coverage:.2f} points fewer of the test rows; {COVERAGE_MARGIN:g} are allowed.")
    return found


def _worse_intents(compared: BundleComparison, where: str) -> list[str]:
    """Find intents that lost more than the margin allows, if an exact sign test rules out chance."""
    found = []
    names = np.asarray(compared.intents)
    serving, candidate = compared.serving.correct, compared.candidate.correct
    for intent in sorted(set(compared.intents)):
        own = names == intent
        broken = int((own & serving & ~candidate).sum())
        fixed = int((own & candidate & ~serving).sum())
        lost = 100 * (broken - fixed) / int(own.sum())
        if own.sum() >= MIN_ROWS and lost > INTENT_MARGIN and sign_test(broken, fixed) <= 1 - LEVEL:
            found.append(f"{intent} lost {lost:.1f} points {where} ({broken} rows broken, {fixed} fixed).")
    return found


def _improvements(held_out: BundleComparison, test: BundleComparison | None) -> list[str]:
    low, high = held_out.loss_change()
    reasons = [
        f"On {len(held_out)} held-out answers by people it makes {held_out.candidate.errors} errors instead of "
        f"{held_out.serving.errors} (loss {low:+.3f} to {high:+.3f})."
    ]
    if test is not None:
        change = 100 * (test.candidate.accuracy - test.serving.accuracy)
        reasons.append(f"On the {len(test)} test rows accuracy changes by {change:+.2f} points.")
    return reasons


def sign_test(worse: int, better: int) -> float:
    """Return the exact one-sided probability of at least ``worse`` worse rows if both were equally likely."""
    pairs = worse + better
    return float(sum(comb(pairs, count) for count in range(worse, pairs + 1)) / 2**pairs)


def _share(flags: Flags) -> float:
    return float(flags.mean()) if len(flags) else 0.0

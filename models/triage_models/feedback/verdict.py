"""Whether a candidate may serve: better on people's held-out answers, and nowhere worse than a margin."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import comb

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

ENOUGH = 30
"""Held-out answers below which nobody could tell better from luck; rows of an intent below which it is not judged."""

RESAMPLES = 2000
LEVEL = 0.95
MARGIN = 0.2
INTENT_MARGIN = 2.0
COVERAGE_MARGIN = 2.0


@dataclass(frozen=True)
class Judged:
    """What one bundle made of N rows.

    Attributes:
        right: ``[N]`` whether its likeliest label is right; of a row out of scope, whether it said so.
        accepted: ``[N]``.
        loss: ``[N]`` negative log of the probability that it gave to what is right, in nats.
    """

    right: Flags
    accepted: Flags
    loss: Floats


@dataclass(frozen=True)
class Compared:
    """Two bundles on the same rows; ``intents`` ``[N]`` are the rows' labels, the first one of several."""

    intents: Sequence[str]
    before: Judged
    after: Judged

    def __len__(self) -> int:
        return len(self.intents)

    def figures(self) -> dict[str, object]:
        """What people want to read of it; shares from 0 to 1."""
        low, high = self.loss_change()
        return {
            "rows": len(self),
            "errors": [int((~one.right).sum()) for one in (self.before, self.after)],
            "accuracy": [_share(one.right) for one in (self.before, self.after)],
            "accepted": [_share(one.accepted) for one in (self.before, self.after)],
            "accepted_errors": [int((one.accepted & ~one.right).sum()) for one in (self.before, self.after)],
            "mended": int((self.after.right & ~self.before.right).sum()),
            "broken": int((self.before.right & ~self.after.right).sum()),
            "loss": [float(one.loss.mean()) if len(self) else None for one in (self.before, self.after)],
            "loss_change_95": [low, high],
        }

    def loss_change(self) -> tuple[float, float]:
        """The 95 % interval of the mean change of loss, by paired bootstrap; below zero is better."""
        if not len(self):
            return -np.inf, np.inf
        change = self.after.loss - self.before.loss
        drawn = np.random.default_rng(0).integers(len(change), size=(RESAMPLES, len(change)))
        tail = 50 * (1 - LEVEL)
        low, high = np.percentile(change[drawn].mean(axis=1), [tail, 100 - tail])
        return float(low), float(high)


@dataclass(frozen=True)
class Verdict:
    """Whether to promote, and why, in sentences: what speaks against it, or, where nothing does, what for it."""

    better: bool
    why: tuple[str, ...]


def judge(held: Compared, test: Compared | None, *, margin: float = MARGIN) -> Verdict:
    """Judge a candidate.

    It is better if it makes fewer errors on people's held-out answers, and the 95 % interval of the change of its loss
    there is below zero: a few errors fewer can be luck, the loss of every row tells more. It is not promoted if, on the
    old test set, accuracy fell by more than ``margin`` points, or more of the accepted are wrong by as much, or fewer
    are accepted by two points; or if an intent of at least 30 rows lost more than two points, and not by chance.

    Args:
        held: on people's held-out answers.
        test: on the old test set.
        margin: in points, hundredths of the rows.
    """
    against = [*_not_better(held), *_worse_intents(held, "of people's held-out answers")]
    if test is not None:
        against += [*_worse(test, margin), *_worse_intents(test, "of the test set")]
    return Verdict(False, tuple(against)) if against else Verdict(True, tuple(_better(held, test)))


def _not_better(held: Compared) -> list[str]:
    if len(held) < ENOUGH:
        return [f"People's held-out answers are too few to tell ({len(held)}, {ENOUGH} are the least)."]
    before, after = int((~held.before.right).sum()), int((~held.after.right).sum())
    if after >= before:
        return [f"On {len(held)} of people's held-out answers it makes {after} errors, and what serves {before}."]
    low, high = held.loss_change()
    if high >= 0:
        return [
            f"On {len(held)} of people's held-out answers it makes {after} errors instead of {before}, which may be "
            f"luck: its loss changes by {low:+.3f} to {high:+.3f}, and all of that would have to be below 0."
        ]
    return []


def _worse(test: Compared, margin: float) -> list[str]:
    found = []
    accuracy = 100 * (_share(test.after.right) - _share(test.before.right))
    if accuracy < -margin - 1e-9:
        found.append(f"Its accuracy on the test set is {-accuracy:.2f} points lower; {margin:g} are allowed.")
    wrong = 100 * (_accepted_wrong(test.after) - _accepted_wrong(test.before))
    if wrong > margin + 1e-9:
        found.append(f"Of the test rows that it accepts, {wrong:.2f} points more are wrong; {margin:g} are allowed.")
    coverage = 100 * (_share(test.after.accepted) - _share(test.before.accepted))
    if coverage < -COVERAGE_MARGIN - 1e-9:
        found.append(f"It accepts {-coverage:.2f} points fewer of the test rows; {COVERAGE_MARGIN:g} are allowed.")
    return found


def _worse_intents(compared: Compared, of_what: str) -> list[str]:
    """Intents that lost more than the margin allows, where an exact sign test says that it is no chance."""
    found = []
    names = np.asarray(compared.intents)
    for intent in sorted(set(compared.intents)):
        own = names == intent
        broken = int((own & compared.before.right & ~compared.after.right).sum())
        mended = int((own & compared.after.right & ~compared.before.right).sum())
        lost = 100 * (broken - mended) / int(own.sum())
        if own.sum() >= ENOUGH and lost > INTENT_MARGIN and sign_test(broken, mended) <= 1 - LEVEL:
            found.append(f"{intent} lost {lost:.1f} points {of_what} ({broken} rows broken, {mended} mended).")
    return found


def _better(held: Compared, test: Compared | None) -> list[str]:
    low, high = held.loss_change()
    told = [
        f"On {len(held)} of people's held-out answers it makes {int((~held.after.right).sum())} errors instead of "
        f"{int((~held.before.right).sum())} (loss {low:+.3f} to {high:+.3f})."
    ]
    if test is not None:
        change = 100 * (_share(test.after.right) - _share(test.before.right))
        told.append(f"On the {len(test)} test rows accuracy changes by {change:+.2f} points.")
    return told


def sign_test(worse: int, better: int) -> float:
    """The chance of so many worse, or more, if both were as likely: exact and one-sided."""
    pairs = worse + better
    return float(sum(comb(pairs, count) for count in range(worse, pairs + 1)) / 2**pairs)


def _share(flags: Flags) -> float:
    return float(flags.mean()) if len(flags) else 0.0


def _accepted_wrong(judged: Judged) -> float:
    return float((judged.accepted & ~judged.right).sum() / max(1, judged.accepted.sum()))

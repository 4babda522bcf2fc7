"""Chooses the thresholds of a bundle that is calibrated to a shop's own rows."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from triage_models.bundle.accepted_rows import AcceptedRows, RowArrays, summarize
from triage_models.bundle.manifest import Guarantee, IntentThreshold, Suggestion, Thresholds
from triage_models.calibration.binomial import at_most, min_accepted_rows, upper_bound
from triage_models.calibration.guarantee import (
    MIN_THRESHOLD,
    certified_threshold,
    describe,
    estimated_threshold,
    intent_count,
)
from triage_models.calibration.limits import ErrorLimits
from triage_models.calibration.rows_needed import UNATTAINABLE, IntentRows, intent_rows_needed, rows_needed

LEVEL = 0.95
RARE = 0.1
"""If so many errors or more have less than this chance at the allowed rate, they are too many."""

METHOD = "Learn-then-Test, fixed sequence from the likeliest threshold, Clopper-Pearson bound"
ESTIMATE = "estimate: the bundle's threshold before, or a stricter one"
INTENT_METHOD = "Clopper-Pearson bound at a threshold chosen before the labels were seen, Bonferroni over intents"


@dataclass(frozen=True)
class ScoredRows:
    """What thresholds are chosen by; every array is ``[N]``.

    Attributes:
        confidence: by the new calibration.
        expected: by the bundle itself, which has not seen the labels.
        eligible: false for rows that are never accepted, such as unfamiliar ones.
        correct: whether accepting the row would be correct.
        in_scope: whether the row has one of the labels.
        predicted: the position of the predicted label.
        counts: how many messages have the text of the row; None means one each.
    """

    confidence: NDArray[np.float64]
    expected: NDArray[np.float64]
    eligible: NDArray[np.bool_]
    correct: NDArray[np.bool_]
    in_scope: NDArray[np.bool_]
    predicted: NDArray[np.int64]
    counts: NDArray[np.int64] | None = None

    def weigh(self, accepted: NDArray[np.bool_]) -> list[tuple[int, int]]:
        """Return how many are accepted and how many of them are wrong: of the rows, and of the messages if repeated."""
        wrong = accepted & ~self.correct
        found = [(int(accepted.sum()), int(wrong.sum()))]
        if self.counts is not None:
            found.append((int(self.counts[accepted].sum()), int(self.counts[wrong].sum())))
        return found


@dataclass(frozen=True)
class OwnThreshold:
    """The thresholds that a bundle has before it is calibrated.

    Attributes:
        threshold: in terms of the new confidence; without a certified threshold, no lower one is chosen.
        risk: the error rate that it was made for, 0 to 1.
        familiarity: the least familiarity of accepted rows, which stays.
    """

    threshold: float
    risk: float
    familiarity: float


@dataclass(frozen=True)
class ChosenThresholds:
    """The thresholds, and what would make their guarantees better.

    Attributes:
        thresholds: as the manifest has them.
        suggestion: the threshold of suggestions.
        rows_needed: about how many further rows the guarantee needs; 0 if it is certified.
        rows_needed_by_intent: the same for each intent with a limit of its own.
        accepted: the rows that the thresholds accept, for an audit.
        messages: how many messages are accepted, and how many of them are wrong; as many as rows if no text repeats.
    """

    thresholds: Thresholds
    suggestion: Suggestion
    rows_needed: int
    rows_needed_by_intent: dict[str, int]
    accepted: AcceptedRows
    messages: tuple[int, int]


def choose_thresholds(
    rows: ScoredRows, labels: Sequence[str], limits: ErrorLimits, own: OwnThreshold
) -> ChosenThresholds:
    """Choose the thresholds, and test what they promise.

    The thresholds of intents are chosen first, by the bundle's own confidence and without the labels. So each is a
    single test, and the search for the threshold of all messages, given these, stays valid as it is.

    Args:
        rows: N rows, at least 1.
        labels: the bundle's labels.
        limits: the error rates that are allowed.
        own: the bundle's own threshold.
    """
    level = 1.0 - (1.0 - LEVEL) / max(1, len(limits.by_intent))
    needed = {
        label: _intent_threshold(rows, labels.index(label), risk, level) for label, risk in limits.by_intent.items()
    }
    all_needed = np.array([needed.get(label, 0.0) for label in labels])[rows.predicted]
    score = np.where(rows.eligible & (rows.confidence >= all_needed), rows.confidence, 0.0)
    found = _certified(rows, score, limits.overall)
    threshold = found or _uncertified_threshold(
        rows, score, max(own.threshold, MIN_THRESHOLD), own.risk, limits.overall
    )
    guarantee = _describe(rows, score >= threshold, limits.overall, certified=found is not None)
    intents = {
        label: _judge_intent(rows, rows.predicted == labels.index(label), (needs, threshold), risk, level)
        for (label, needs), risk in zip(needed.items(), limits.by_intent.values(), strict=True)
    }
    more = {
        label: 0
        if one.guarantee.certified
        else _more_of_intent(rows, labels.index(label), one.guarantee.risk, level, threshold)
        for label, one in intents.items()
    }
    return ChosenThresholds(
        Thresholds(confidence=threshold, familiarity=own.familiarity, guarantee=guarantee, by_intent=intents or None),
        _suggestion(rows, threshold, limits.suggest),
        0 if found is not None else _more(rows, score, limits.overall),
        more,
        _accepted(rows, score >= threshold),
        rows.weigh(score >= threshold)[-1],
    )


def _certified(rows: ScoredRows, score: NDArray[np.float64], risk: float) -> float | None:
    return certified_threshold(score, rows.correct, rows.expected, risk=risk, level=LEVEL, counts=rows.counts)


def _accepted(rows: ScoredRows, accepted: NDArray[np.bool_]) -> AcceptedRows:
    return summarize(RowArrays(rows.confidence[accepted], rows.predicted[accepted], ~rows.correct[accepted]))


def _uncertified_threshold(
    rows: ScoredRows, score: NDArray[np.float64], own: float, own_risk: float, risk: float
) -> float:
    """Return the bundle's own threshold, or a stricter one where the own one clearly lets too many errors through.

    A few rows with an error too many say little: the threshold moves only if so many errors would be rare at the
    allowed rate, or if the bundle was made for a higher rate.
    """
    accepted = score >= own
    chance = min(1.0 - at_most(errors - 1, count, risk) for count, errors in rows.weigh(accepted))
    if risk >= own_risk and chance >= RARE:
        return min(1.0, own)
    return min(1.0, max(own, estimated_threshold(score, risk=risk)))


def _describe(rows: ScoredRows, accepted: NDArray[np.bool_], risk: float, *, certified: bool) -> Guarantee:
    method = METHOD if certified else ESTIMATE
    found = describe(accepted, rows.correct, rows.in_scope, risk=risk, level=LEVEL, certified=certified, method=method)
    return found.model_copy(update={"upper_bound": _bound(rows, accepted, LEVEL)})


def _suggestion(rows: ScoredRows, threshold: float, risk: float) -> Suggestion:
    """Choose the threshold of suggestions, not above that of accepted messages.

    Where that lowers it, what was certified at the higher one is no longer promised.
    """
    score = np.where(rows.eligible, rows.confidence, 0.0)
    found = _certified(rows, score, risk)
    lowest = min(threshold, found or estimated_threshold(score, risk=risk))
    return Suggestion(confidence=lowest, guarantee=_describe(rows, score >= lowest, risk, certified=found == lowest))


def _intent_threshold(rows: ScoredRows, label: int, risk: float, level: float) -> float:
    """Return the confidence at which the test of an intent is likeliest to pass, by the bundle's own confidence.

    With too few rows for a test, it is the one from which no more errors are expected than are allowed. It may be lower
    than that of all messages, which then counts.
    """
    own = np.flatnonzero(rows.eligible & (rows.predicted == label))
    own = own[np.argsort(-rows.confidence[own], kind="stable")]
    first = min_accepted_rows(risk, level)
    if len(own) >= first:
        return float(rows.confidence[own[intent_count(len(own), rows.expected[own], risk=risk, level=level) - 1]])
    wrong = np.cumsum(1.0 - rows.expected[own]) / np.arange(1, len(own) + 1)
    accepted = int((wrong <= risk).sum())
    if accepted:
        return float(rows.confidence[own[accepted - 1]])
    return max(1.0 - risk, float(np.nextafter(rows.confidence[own].max(initial=0.0), 1.0)))


def _judge_intent(
    rows: ScoredRows, own: NDArray[np.bool_], thresholds: tuple[float, float], risk: float, level: float
) -> IntentThreshold:
    """Test the threshold of one intent, and where the threshold of all messages is higher, that one, too."""
    chosen_before, accepted = (
        own & rows.eligible & (rows.confidence >= threshold) for threshold in (thresholds[0], max(thresholds))
    )
    bound = _bound(rows, accepted, level)
    certified = max(bound, _bound(rows, chosen_before, level)) <= risk
    found = describe(
        accepted, rows.correct, rows.in_scope & own, risk=risk, level=LEVEL, certified=certified, method=INTENT_METHOD
    )
    described = found.model_copy(update={"upper_bound": bound, "calibration_rows": int(own.sum())})
    return IntentThreshold(confidence=min(1.0, max(thresholds)), guarantee=described)


def _bound(rows: ScoredRows, accepted: NDArray[np.bool_], level: float) -> float:
    """Return the higher of the bounds of the rows and of their messages."""
    return max(upper_bound(errors, count, level) for count, errors in rows.weigh(accepted))


def _more(rows: ScoredRows, score: NDArray[np.float64], risk: float) -> int:
    """Estimate how many further rows are needed, by the rows and by their messages; the larger number counts."""
    needed = rows_needed(score, rows.correct, risk=risk, level=LEVEL)
    if rows.counts is None or needed >= UNATTAINABLE:
        return needed
    repeated, correct = np.repeat(score, rows.counts), np.repeat(rows.correct, rows.counts)
    messages = rows_needed(repeated, correct, risk=risk, level=LEVEL)
    if messages >= UNATTAINABLE:
        return UNATTAINABLE
    return max(needed, 10 * math.ceil(messages * len(score) / len(repeated) / 10))


def _more_of_intent(rows: ScoredRows, label: int, risk: float, level: float, threshold: float) -> int:
    own = rows.eligible & (rows.predicted == label)
    of_intent = IntentRows(rows.confidence[own], rows.expected[own], rows.correct[own], len(rows.correct))
    return intent_rows_needed(of_intent, threshold=threshold, risk=risk, level=level)

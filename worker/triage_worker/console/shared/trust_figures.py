"""How far the model's decisions can be trusted, by people's answers: figures as values, from values."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from triage_models.audit.confidence_sequence import ErrorBound
from triage_models.audit.events import AuditedEvent, AuditedEvents
from triage_models.audit.expected_errors import confidence_drift, count_confidences
from triage_models.data.evaluation_rows import LabelledRows
from triage_models.labelling.suspects import Suspect, find_suspects
from triage_models.metrics.confusions import Confusion, worst_confusions
from triage_models.metrics.outcomes import build_outcomes

from triage_worker.console.queries.trust import Answer, Decided, Traffic, grouped
from triage_worker.console.state.traffic import STEPS

LOWEST_STEP = STEPS // 2
"""No threshold is lower: a decision that is more likely wrong than right is never accepted."""

GOALS = (0.95, 0.97, 0.98, 0.99)
CONFIDENCE = 0.95
OF_EACH = 0.975
"""Confidence of each of two bounds that hold together with `CONFIDENCE`."""

PAIRS, EXAMPLES, SUSPECTS, MOVED = 8, 3, 10, 4
LEAST_TRAFFIC = 100
"""Messages before and recently, for a comparison to say anything."""


@dataclass(frozen=True)
class Right:
    """How much is right, by answers.

    Attributes:
        share: the weighted share, 0 to 1; None without answers.
        least: at least so much is.
        most: at most so much is.
        answers: it stands on.
        wrong: those of them that contradict the model.
    """

    share: float | None
    least: float
    most: float
    answers: int
    wrong: int = 0


@dataclass(frozen=True)
class Point:
    """What a threshold would do.

    Attributes:
        threshold: on the confidence, 0 to 1.
        automated: share of all messages that would be accepted.
        right: of these.
    """

    threshold: float
    automated: float
    right: Right


class RightShare:
    """A running share of what is right: a bound that holds whenever it is looked at, as that of the audit.

    Args:
        confidence: of the bounds, 0 to 1.
        answers: that will be added; their largest weight is needed beforehand.
    """

    def __init__(self, answers: Sequence[Answer], confidence: float = CONFIDENCE) -> None:
        self._bound = ErrorBound(confidence, largest_weight=max([1.0, *(one.weight for one in answers)]))

    def extend(self, answers: Sequence[Answer]) -> "RightShare":
        """Add answers, and return this."""
        if answers:
            events = [
                AuditedEvent(one.key, one.confidence, one.intent, wrong=not one.right, weight=one.weight)
                for one in answers
            ]
            self._bound.extend(AuditedEvents.of(events, sorted({one.intent for one in events})))
        return self

    def value(self) -> Right:
        """Return the share as it is now."""
        bound = self._bound.bound()
        share = None if bound.estimate is None else 1.0 - bound.estimate
        return Right(share, 1.0 - bound.upper, 1.0 - bound.lower, bound.answers, bound.errors)


def right_of(answers: Sequence[Answer]) -> Right:
    """Return how much is right, by these answers."""
    return RightShare(answers).extend(answers).value()


def curve(decided: Decided, answers: Sequence[Answer], in_force: float) -> list[Point]:
    """Return what each threshold would do, the lowest first.

    Of what was accepted, answers are a random sample: the audit's. Below the threshold in force, messages were refused,
    and their answers are those that people gave where the LLM had none, so they are harder than most. Each of the two
    groups has the weight of its messages.

    Args:
        decided: what the bundle decided.
        answers: about these decisions.
        in_force: the threshold that holds now; what was refused above it was refused for another reason.
    """
    limit = min(int(in_force * STEPS), STEPS)
    own = [answer for answer in answers if answer.accepted and answer.audit]
    further = [answer for answer in answers if not answer.accepted and answer.step < limit]
    alone, both, below = RightShare(own), RightShare(own, OF_EACH), RightShare(further, OF_EACH)
    own_by_step, further_by_step = grouped(own, _step), grouped(further, _step)
    accepted = refused = 0
    points = []
    for step in range(STEPS, LOWEST_STEP - 1, -1):
        accepted += decided.accepted[step]
        refused += decided.refused[step] if step < limit else 0
        for share in (alone, both):
            share.extend(own_by_step.get(str(step), []))
        below.extend(further_by_step.get(str(step), []))
        right = alone.value() if not refused else _joined(both.value(), accepted, below.value(), refused)
        automated = (accepted + refused) / decided.messages if decided.messages else 0.0
        points.append(Point(step / STEPS, automated, right))
    return points[:0:-1]  # at 100 % nothing is accepted


def _step(answer: Answer) -> str:
    return str(answer.step)


def _joined(first: Right, messages: int, second: Right, others: int) -> Right:
    """Return how much is right of two groups of messages together."""
    parts = [(one, weight / (messages + others)) for one, weight in ((first, messages), (second, others)) if weight]
    shares = [one.share * weight for one, weight in parts if one.share is not None]
    return Right(
        sum(shares) if len(shares) == len(parts) else None,
        sum(one.least * weight for one, weight in parts),
        sum(one.most * weight for one, weight in parts),
        sum(one.answers for one, _ in parts),
        sum(one.wrong for one, _ in parts),
    )


def at(points: Sequence[Point], threshold: float) -> Point:
    """Return the point of a threshold, or the nearest one."""
    return min(points, key=lambda point: abs(point.threshold - threshold))


def reaching(points: Sequence[Point], goal: float, *, surely: bool) -> Point | None:
    """Return the point that automates most of those where so much is right, by the estimate or by its bound."""
    fit = [
        point
        for point in points
        if point.automated and point.right.share is not None
        if (point.right.least if surely else point.right.share) >= goal
    ]
    return max(fit, key=lambda point: (point.automated, point.threshold), default=None)


@dataclass(frozen=True)
class Slice:
    """Messages of one intent, language or channel.

    Attributes:
        value: which one; empty for messages that give none.
        messages: of the last week.
        accepted: share of them, 0 to 1.
        right: of those accepted, by the audit.
    """

    value: str
    messages: int
    accepted: float
    right: Right


def slices(decided: Decided, answers: Sequence[Answer], kind: str, most: int = 40) -> list[Slice]:
    """Return what is known of each intent, language or channel, the most frequent first."""
    groups = grouped((one for one in answers if one.accepted and one.audit), lambda one: str(getattr(one, kind)))
    frequent = sorted(decided.by[kind].items(), key=lambda one: (-one[1][0], one[0]))[:most]
    return [
        Slice(value, messages, accepted / messages, right_of(groups.get(value, [])))
        for value, (messages, accepted) in frequent
        if messages
    ]


def confusions(answers: Sequence[Answer], none: str) -> list[Confusion]:
    """Return which intents are taken for which, the most harmful pairs first; ``none`` is the label of no intent."""
    if not answers:
        return []
    rows = LabelledRows([one.text for one in answers], [one.label for one in answers], {})
    outcomes = build_outcomes(
        rows.labels,
        [one.intent for one in answers],
        [one.confidence for one in answers],
        [one.accepted for one in answers],
        known=sorted({one.intent for one in answers}),
        oos_labels=(none,),
    )
    return worst_confusions(rows, outcomes, pairs=PAIRS, examples=EXAMPLES)


def suspects(answers: Sequence[Answer], labels: Collection[str], none: str) -> list[Suspect]:
    """Return the answers that are probably wrong: the model is much surer of another intent, the surest first.

    Args:
        answers: those without scores cannot be judged.
        labels: the intents that the model knows; answers with another one cannot be judged.
        none: the label of no intent.
    """
    judged = [one for one in answers if one.scores]
    if not judged:
        return []
    classes = [*sorted({*labels, *(name for one in judged for name in one.scores)} - {none}), none]
    index = {name: number for number, name in enumerate(classes)}
    probabilities = np.zeros((len(judged), len(classes)), dtype=np.float32)
    for row, one in enumerate(judged):
        for name, score in one.scores.items():
            probabilities[row, index[name]] = score
        # Events have the three likeliest intents: the probability of no intent is at most what is left.
        probabilities[row, index[none]] = max(0.0, 1.0 - sum(one.scores.values()))
    given = np.array([index.get(one.label, -1) for one in judged], dtype=np.int64)
    return find_suspects([one.text for one in judged], classes, probabilities, given)[:SUSPECTS]


@dataclass(frozen=True)
class Moved:
    """How a mix of messages has moved.

    Attributes:
        name: of what.
        divergence: 0 for the same mix, 1 for one that has nothing in common (Jensen-Shannon).
        most: the values that moved most, with their shares before and recently.
    """

    name: str
    divergence: float
    most: list[tuple[str, float, float]]


def drift(before: Traffic, recent: Traffic) -> list[Moved]:
    """Return how intents, languages and confidences have moved; empty where there are too few messages to say."""
    if min(before.messages, recent.messages) < LEAST_TRAFFIC:
        return []
    mixes = (("intents", before.intents, recent.intents), ("languages", before.languages, recent.languages))
    found = []
    for name, first, second in mixes:
        values = sorted(first.keys() | second.keys())
        counts = [np.array([own[value] for value in values], dtype=np.int64) for own in (first, second)]
        shares = [(value, first[value] / before.messages, second[value] / recent.messages) for value in values]
        most = sorted(shares, key=lambda one: -abs(one[2] - one[1]))[:MOVED]
        found.append(Moved(name, confidence_drift(*counts) or 0.0, most))
    counts = [_confidences(own) for own in (before, recent)]
    accepted = ("accepted", before.accepted / before.messages, recent.accepted / recent.messages)
    return [*found, Moved("confidence", confidence_drift(*counts) or 0.0, [accepted])]


def _confidences(own: Traffic) -> "np.typing.NDArray[np.int64]":
    steps = np.array(sorted(own.confidence), dtype=np.int64)
    middles = np.minimum((steps + 0.5) / STEPS, 1.0)
    return count_confidences(np.repeat(middles, [own.confidence[step] for step in steps.tolist()]))

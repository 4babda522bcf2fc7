"""Simulated streams of audited events, with and without drift."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from triage_models.audit.events import AuditedEvents, Flags, Ints
from triage_models.audit.selection import AuditPolicy, Floats, SecondReaderPolicy
from triage_models.benchmarks.audit_population import Population, Shop

Drift = Literal[
    "sudden errors", "slow errors", "one label changes its meaning", "a new product line", "a new language", "a sale"
]
DRIFTS: Mapping[Drift, str] = {
    "sudden errors": "any event may be wrong, whatever its confidence",
    "slow errors": "the same, rising steadily over the first 200 answers",
    "one label changes its meaning": "events of the intent with the most events are wrong",
    "a new product line": "messages of BANKING77, none of which has an intent of the shop",
    "a new language": "messages whose letters were exchanged",
    "a sale": "twice as many questions about products and orders, no other change",
}
"""What each drift does. All but the sale end with the same share of accepted events wrong."""

SALE_FACTOR = 2.0
RAMP_ANSWERS = 200


@dataclass(frozen=True)
class SecondReader:
    """A simulated second reader, such as an LLM.

    Attributes:
        finds: probability that it contradicts an event that is wrong.
        doubts: probability that it contradicts an event that is right.
        policy: when a person is asked as well.
    """

    finds: float = 0.9
    doubts: float = 0.05
    policy: SecondReaderPolicy = field(default_factory=SecondReaderPolicy)

    def answers_per_event(self, error_rate: float) -> float:
        """Return how many answers of people an event needs on average."""
        disagreed = error_rate * self.finds + (1.0 - error_rate) * self.doubts
        return disagreed * self.policy.ask_if_not + (1.0 - disagreed) * self.policy.ask_if_agreed


@dataclass(frozen=True)
class Stream:
    """A simulated stream of audited events.

    Attributes:
        events: N events.
        wrong: ``[N]`` whether each is wrong, which only the simulation knows.
        change: the event from which on there is drift; N without any.
    """

    events: AuditedEvents
    wrong: Flags
    change: int

    def answers_until(self, event: int) -> int:
        """Return how many answers of people there are from the change up to this event, itself included."""
        return int(self.events.answered[self.change : event + 1].sum())


def draw_stream(
    shop: Shop,
    drift: Drift | None,
    before: int,
    after: int,
    random: np.random.Generator,
    *,
    reader: SecondReader | None = None,
    target: float = 0.1,
) -> Stream:
    """Draw a stream of audited events.

    Args:
        shop: its traffic.
        drift: what happens after ``before`` events; None for nothing.
        before: events before the change.
        after: events after it.
        random: source of every draw.
        reader: the second reader; without one, a person answers every event.
        target: the share of accepted events that is wrong after the change.
    """
    size, usual = before + after, shop.usual
    changed = np.arange(size) >= before
    rows = random.integers(len(usual), size=size)
    if drift == "a sale":
        common = np.argsort(np.bincount(usual.intent, minlength=len(shop.labels)))[-2:]
        chance = np.where(np.isin(usual.intent, common), SALE_FACTOR, 1.0)
        rows = np.where(changed, random.choice(len(usual), size, p=chance / chance.sum()), rows)
    confidence, intent, wrong = usual.confidence[rows], usual.intent[rows], usual.wrong[rows]
    if drift in {"sudden errors", "slow errors", "one label changes its meaning"}:
        reach = np.ones(size)
        if drift == "slow errors":
            answers = 1.0 if reader is None else reader.answers_per_event(usual.error_rate)
            reach = np.clip((np.arange(size) - before) * answers / RAMP_ANSWERS, 0.0, 1.0)
        one = int(np.bincount(usual.intent).argmax()) if drift == "one label changes its meaning" else None
        wrong = wrong | (changed & (random.random(size) < reach * _chance(usual, intent, one, target)))
    elif drift in {"a new product line", "a new language"}:
        other = shop.product_line if drift == "a new product line" else shop.language
        share = (target - usual.error_rate) / (other.error_rate - usual.error_rate)
        foreign = changed & (random.random(size) < share)
        drawn = random.integers(len(other), size=size)
        confidence = np.where(foreign, other.confidence[drawn], confidence)
        intent, wrong = np.where(foreign, other.intent[drawn], intent), np.where(foreign, other.wrong[drawn], wrong)
    return Stream(_audit(confidence, intent, wrong, reader, random), wrong, before if drift else size)


def thin(stream: Stream, policy: AuditPolicy, random: np.random.Generator) -> Stream:
    """Keep the events that a policy would audit, as many as it can in these proportions, and weigh them."""
    probability = policy.probabilities(stream.events.confidence)
    kept = random.random(len(probability)) < probability / probability.max()
    events = replace(stream.events, weight=policy.share / probability).take(kept)
    return Stream(events, stream.wrong[kept], int(kept[: stream.change].sum()))


def _chance(usual: Population, intent: Ints, one: int | None, target: float) -> Floats:
    """Return the probability ``[N]`` that an event which would be right is wrong instead."""
    reached = np.ones(len(usual), dtype=np.bool_) if one is None else usual.intent == one
    right = float((reached & ~usual.wrong).mean())
    chance = min((target - usual.error_rate) / right, 1.0)
    return np.where(True if one is None else intent == one, chance, 0.0)


def _audit(
    confidence: Floats, intent: Ints, wrong: Flags, reader: SecondReader | None, random: np.random.Generator
) -> AuditedEvents:
    size = len(wrong)
    ask = np.ones(size)
    if reader is not None:
        contradicts = random.random(size) < np.where(wrong, reader.finds, reader.doubts)
        ask = np.where(contradicts, reader.policy.ask_if_not, reader.policy.ask_if_agreed)
    answered = random.random(size) < ask
    error = np.where(answered & wrong, 1.0 / ask, 0.0)
    return AuditedEvents(confidence, intent, error, np.ones(size), answered, random.random(size))

"""People's answers with their places on the labels topic, and which of them a decision about the threshold left out."""

from collections.abc import Iterable, Mapping
from typing import TypeAlias

from aiokafka.structs import TopicPartition
from triage_models.audit.events import AuditedEvent
from triage_schemas.events import LabelEvent, SourceRef, ThresholdEvent

from triage_worker.kafka.record_order import Placed

Answer: TypeAlias = Placed[LabelEvent]


class AfterDecision:
    """Tells the answers that came after a decision from those that led to it, by their offsets.

    A decision that was written by hand, or by an earlier version, has no offsets. Neither do the offsets of a decision
    say anything about a topic of another name, or about one that does not reach as far: it was created again. Then the
    times of the answers decide, for want of anything better.

    Args:
        decided: the decision; None if there is none, so that every answer counts.
        ends: the end of each partition of the labels topic, as far as it is known.
    """

    def __init__(self, decided: ThresholdEvent | None, ends: Mapping[TopicPartition, int] | None = None) -> None:
        self._decided = decided
        before = [] if decided is None or decided.answered_before is None else decided.answered_before
        self._before = {TopicPartition(one.topic, one.partition): one.offset for one in before}
        self._topics = {one.topic for one in before}
        known = ends or {}
        self._created_again = {
            place.topic for place, offset in self._before.items() if offset > known.get(place, offset)
        }

    def includes(self, answer: Answer) -> bool:
        """Whether an answer counts from the decision on."""
        if self._decided is None:
            return True
        topic = answer.place.topic
        if topic in self._topics - self._created_again:
            return answer.offset >= self._before.get(answer.place, 0)
        return answer.event.labelled_at > self._decided.answered_until


class Positions:
    """How far each partition of the labels topic has been counted; never falls.

    Args:
        decided: the decision to begin from.
    """

    def __init__(self, decided: ThresholdEvent | None) -> None:
        before = [] if decided is None or decided.answered_before is None else decided.answered_before
        self._next = {TopicPartition(one.topic, one.partition): one.offset for one in before}

    def add(self, answers: Iterable[Answer]) -> None:
        """Move past these answers."""
        for answer in answers:
            self._next[answer.place] = max(self._next.get(answer.place, 0), answer.offset + 1)

    def as_references(self) -> list[SourceRef]:
        """Return the offset of each partition at which the next answer is, as a decision records it."""
        return [
            SourceRef(topic=place.topic, partition=place.partition, offset=offset)
            for place, offset in sorted(self._next.items())
        ]


def audited_event(label: LabelEvent) -> AuditedEvent:
    """Return what an answer says about the decision that it checks.

    Weights above 1 would come from an unequal selection, which no worker makes; the bets rely on that.
    """
    audited = label.audited
    assert audited is not None
    return AuditedEvent(
        label.message_id, audited.confidence, audited.intent, not audited.agreed, min(audited.weight, 1.0)
    )

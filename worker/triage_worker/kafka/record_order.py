"""Puts the events of a topic's partitions into one order, whatever the clocks of those who wrote them say.

Within a partition the offsets order events. Only between partitions is there no other order than that of times. A clock
that is wrong must not move what others have written. So the times of a partition are first replaced by the nearest ones
that never fall (least absolute deviations), which a minority of wrong clocks does not change.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from heapq import heappush, heappushpop, merge
from typing import Generic, TypeVar

from aiokafka.structs import TopicPartition

EventT = TypeVar("EventT")


@dataclass(frozen=True)
class Placed(Generic[EventT]):
    """An event, and where it is.

    Attributes:
        event: what the record says.
        place: its partition.
        offset: its offset there.
        at: when it happened, by the clock of the machine that wrote it.
    """

    event: EventT
    place: TopicPartition
    offset: int
    at: datetime


def in_order(events: Iterable[Placed[EventT]]) -> list[Placed[EventT]]:
    """Return events of any partitions in one order, in which each partition's offsets rise."""
    partitions: dict[TopicPartition, list[Placed[EventT]]] = defaultdict(list)
    for event in events:
        partitions[event.place].append(event)
    timed = []
    for _, own in sorted(partitions.items()):
        own.sort(key=lambda one: one.offset)
        timed.append(zip(rising_times([one.at.timestamp() for one in own]), own, strict=True))
    return [event for _, event in merge(*timed, key=lambda pair: pair[0])]


def rising_times(times: Sequence[float]) -> list[float]:
    """Return the times that never fall and are nearest to these: their absolute differences have the least sum."""
    largest: list[
        float
    ] = []  # a heap of negative numbers: the breakpoints of the sum so far, as a function of the last
    fitted = []
    for time in times:
        heappush(largest, -time)
        heappushpop(largest, -time)
        fitted.append(-largest[0])
    for number in range(len(fitted) - 2, -1, -1):
        fitted[number] = min(fitted[number], fitted[number + 1])
    return fitted

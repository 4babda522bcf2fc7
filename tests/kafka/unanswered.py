"""Measures how long messages wait for their answers while workers come and go."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from tests.kafka.message_outcomes import Position


@dataclass(frozen=True)
class Waits:
    """How long messages waited in a period.

    Attributes:
        messages: those that were sent in it.
        usual_s: the median wait of those that were sent before it.
        waited_s: how much longer than that they waited, all together: message-seconds.
        late: those that waited for more than half a second longer.
        longest_wait_s: the longest wait of a message.
        longest_gap_s: the longest time without an answer of one partition.
    """

    messages: int
    usual_s: float
    waited_s: float
    late: int
    longest_wait_s: float
    longest_gap_s: float


LATE_S = 0.5


def waits(sent: Mapping[Position, float], answered: Mapping[Position, float], begin: float, end: float) -> Waits:
    """Measure how long the messages waited that were sent from `begin` to `end`.

    Args:
        sent: when each message was sent, in seconds since the epoch.
        answered: when each message was first answered; some may be missing.
        begin: of the period.
        end: of the period.
    """
    usual_s = median(answered[position] - at for position, at in sent.items() if at < begin and position in answered)
    during = {position: answered[position] - at for position, at in sent.items() if begin <= at < end}
    more = [max(0.0, wait - usual_s) for wait in during.values()]
    by_partition: dict[int, list[float]] = defaultdict(list)
    for position in during:
        by_partition[position[0]].append(answered[position])
    gaps = [later - earlier for times in by_partition.values() for earlier, later in pairwise(sorted(times))]
    return Waits(
        messages=len(during),
        usual_s=usual_s,
        waited_s=sum(more),
        late=sum(wait > LATE_S for wait in more),
        longest_wait_s=max(during.values()),
        longest_gap_s=max(gaps),
    )

"""The longest times without outputs, while messages arrive at a constant rate."""

from collections import defaultdict
from collections.abc import Iterable
from itertools import pairwise

from tests.kafka.message_outcomes import MessageOutcomes


def longest_gaps(outcomes: MessageOutcomes, begin: float, end: float) -> tuple[float, float]:
    """Return the longest time without any output, and the longest time without an output of one partition, in seconds.

    A gap that ended between begin and end counts in full.

    Args:
        outcomes: of the messages.
        begin: seconds since the epoch.
        end: seconds since the epoch.

    Raises:
        ValueError: nothing was put out between begin and end.
    """
    by_partition: dict[int, list[float]] = defaultdict(list)
    for (partition, _), records in outcomes.records.items():
        by_partition[partition] += [record.timestamp / 1_000 for record in records]
    times = [second for seconds in by_partition.values() for second in seconds]
    return _longest(times, begin, end), max(_longest(seconds, begin, end) for seconds in by_partition.values())


def _longest(times: Iterable[float], begin: float, end: float) -> float:
    return max(later - earlier for earlier, later in pairwise(sorted(times)) if begin <= later < end)

"""Decides how long the partitions of one worker gather outputs for a transaction."""

from collections.abc import Iterator
from contextlib import contextmanager

MOST_PER_S = 100.0
"""Transactions a second that a worker begins at most. One costs about as much CPU time as classifying two messages, so
with hundreds of partitions that all have messages, there would be time for little else."""


class TransactionPace:
    """Lengthens the interval while many partitions have messages at the same time.

    Args:
        interval_s: for how many seconds outputs are gathered, while few partitions have some.
        most_per_s: transactions a second that all partitions together begin.
    """

    def __init__(self, interval_s: float, most_per_s: float = MOST_PER_S) -> None:
        self._interval_s = interval_s
        self._most_per_s = most_per_s
        self._gathering = 0

    @contextmanager
    def gathering(self) -> Iterator[float]:
        """Count a partition that begins to gather, within the context; yields for how many seconds it should."""
        self._gathering += 1
        try:
            yield max(self._interval_s, self._gathering / self._most_per_s)
        finally:
            self._gathering -= 1

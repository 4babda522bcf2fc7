"""Spreads the work of transactions over time, in a worker of many partitions: their starts, and the transactions."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

MOST_PER_S = 100.0
"""Transactions a second that a worker begins at most. One costs about as much CPU time as classifying two messages, so
with hundreds of partitions that all have messages, there would be time for little else."""


STARTS = 16
"""Partitions that start at the same time. Each asks for the state of all output partitions, so that hundreds that start
together would all be ready at the end only."""

START_S = 1.0
"""After so long, the next one starts, too: a partition may have to wait for a broker, and others must not."""


class TransactionPace:
    """Lets partitions start one after the other, and gather longer while many have messages at the same time.

    Args:
        interval_s: for how many seconds outputs are gathered, while few partitions have some.
        most_per_s: transactions a second that all partitions together begin.
        starts: partitions that start at the same time.
        start_s: seconds after which one that still starts is not counted any more.
    """

    def __init__(
        self, interval_s: float, most_per_s: float = MOST_PER_S, starts: int = STARTS, start_s: float = START_S
    ) -> None:
        self._interval_s = interval_s
        self._most_per_s = most_per_s
        self._gathering = 0
        self._starts = asyncio.Semaphore(starts)
        self._start_s = start_s

    @asynccontextmanager
    async def starting(self) -> AsyncIterator[None]:
        """Wait until a partition may start, and count it within the context."""
        await self._starts.acquire()
        counted = True

        def release() -> None:
            nonlocal counted
            if counted:
                counted = False
                self._starts.release()

        timer = asyncio.get_running_loop().call_later(self._start_s, release)
        try:
            yield
        finally:
            timer.cancel()
            release()

    @contextmanager
    def gathering(self) -> Iterator[float]:
        """Count a partition that begins to gather, within the context; yields for how many seconds it should."""
        self._gathering += 1
        try:
            yield max(self._interval_s, self._gathering / self._most_per_s)
        finally:
            self._gathering -= 1

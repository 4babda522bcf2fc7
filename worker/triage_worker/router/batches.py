"""A batch is whatever arrived while the last one ran. Records are acknowledged when their batch is through."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from time import monotonic
from typing import Protocol

from triage_worker.router.metrics import RouterMetrics
from triage_worker.router.records import Message

LARGEST = 1_000


class Event(Protocol):
    """A record that can be acknowledged."""

    message: Message

    def ack(self) -> bool:
        """The broker may count it as done."""


class Batches:
    """Collects events and works on them by batches.

    Args:
        handle: works on records; when it returns, all of it is safe.
        metrics: where batches are timed.
    """

    def __init__(self, handle: Callable[[Sequence[Message]], Awaitable[None]], metrics: RouterMetrics) -> None:
        self._handle = handle
        self._metrics = metrics
        self._waiting: deque[Event] = deque()
        self._filled = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        self.turned_at = monotonic()
        self.between = asyncio.Lock()
        """Held while a batch is worked on; who holds it can be sure that none is."""

    async def put(self, event: Event) -> None:
        """Hand over an event; waits while there is enough to do."""
        await self._room.wait()
        self._waiting.append(event)
        self._filled.set()
        if len(self._waiting) >= LARGEST:
            self._room.clear()

    async def run(self) -> None:
        """Work until cancelled.

        Raises:
            KafkaError: what was worked on is not safe, and was not acknowledged.
        """
        while True:
            await self._filled.wait()
            async with self.between:
                batch = list(self._waiting)
                self._empty()
                if batch:
                    await self._work(batch)

    async def drop(self) -> None:
        """Finish the current batch and forget what waits: it is not ours any more, or will be read again."""
        async with self.between:
            self._empty()

    async def _work(self, batch: Sequence[Event]) -> None:
        started = self.turned_at = monotonic()
        await self._handle([event.message for event in batch])
        for event in batch:
            event.ack()
        self._metrics.batch_s.observe(monotonic() - started)

    def _empty(self) -> None:
        self._waiting.clear()
        self._filled.clear()
        self._room.set()

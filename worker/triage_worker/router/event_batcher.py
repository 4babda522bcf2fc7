"""Collects Faust's events into batches: each batch is what arrived while the previous one was processed."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from time import monotonic
from typing import Protocol

from triage_worker.kafka.records import InputRecord
from triage_worker.router.metrics import RouterMetrics

MAX_PENDING = 1_000


class AckableEvent(Protocol):
    """A record that can be acknowledged."""

    message: InputRecord

    def ack(self) -> bool:
        """Mark the record as processed, so that its offset is committed."""
        ...


class EventBatcher:
    """Collects events, and processes and acknowledges them in batches.

    Args:
        process: processes the records of a batch; when it returns, their outputs and state are stored.
        metrics: where the duration of batches is measured.
        prepare: fetches what the records of the next batch need. It may take long, so partitions can be handed over
            meanwhile.

    Attributes:
        batch_started_at: when the last batch began, by `time.monotonic`.
        lock: held while a batch is processed. While another task holds it, no batch runs.
    """

    def __init__(
        self,
        process: Callable[[Sequence[InputRecord]], Awaitable[None]],
        metrics: RouterMetrics,
        prepare: Callable[[Sequence[InputRecord]], Awaitable[None]] | None = None,
    ) -> None:
        self._process = process
        self._prepare = prepare
        self._metrics = metrics
        self._pending: deque[AckableEvent] = deque()
        self._not_empty = asyncio.Event()
        self._not_full = asyncio.Event()
        self._not_full.set()
        self.batch_started_at = monotonic()
        self.lock = asyncio.Lock()

    async def put(self, event: AckableEvent) -> None:
        """Add an event to the next batch; waits while that batch is full."""
        await self._not_full.wait()
        self._pending.append(event)
        self._not_empty.set()
        if len(self._pending) >= MAX_PENDING:
            self._not_full.clear()

    async def run(self) -> None:
        """Process batches until cancelled.

        Raises:
            KafkaError: the outputs of a batch could not be stored; its events are not acknowledged.
        """
        while True:
            await self._not_empty.wait()
            if self._prepare is not None:
                await self._prepare([event.message for event in self._pending])
            async with self.lock:
                batch = list(self._pending)
                self._clear()
                if batch:
                    await self._run_batch(batch)

    async def discard_pending(self) -> None:
        """Wait for the current batch, then drop all pending events; the partitions' next owner reads them again."""
        async with self.lock:
            self._clear()

    async def _run_batch(self, batch: Sequence[AckableEvent]) -> None:
        started = self.batch_started_at = monotonic()
        await self._process([event.message for event in batch])
        for event in batch:
            event.ack()
        self._metrics.batch_s.observe(monotonic() - started)

    def _clear(self) -> None:
        self._pending.clear()
        self._not_empty.clear()
        self._not_full.set()

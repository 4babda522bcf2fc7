"""Finishes what is in flight when a service stops, as far as that can be done soon."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from time import monotonic

from triage_worker.resilience.tasks import wait_until
from triage_worker.streaming.delivery.delivery import Delivery
from triage_worker.streaming.process_end import this_process
from triage_worker.streaming.processor import MessageProcessor
from triage_worker.streaming.tracking.in_flight import InFlightMessages

log = logging.getLogger(__name__)

QUEUED_S = 1.5
"""How long queued messages are still begun. Then they are dropped, and only what is running is finished."""

STUCK_S = 1.0
"""A broker that has taken no output for so long is not waited for."""

COMMIT_S = 1.7
"""How long the last commit may take."""

STUCK_COMMIT_S = 0.5
"""How long it may take where a broker takes no outputs; the offsets may be another broker's."""

COMMITTED_S = 2.2
"""So long after the signal it is given up, unless work that was running was finished later than that."""


class Draining:
    """The end of the work of a service, from the signal to the last commit.

    Args:
        in_flight: what is in flight.
        processor: answers it.
        delivery: publishes the answers.
        limit_s: the longest time for work that is running, in seconds.
    """

    def __init__(
        self, in_flight: InFlightMessages, processor: MessageProcessor, delivery: Delivery, limit_s: float
    ) -> None:
        self._in_flight = in_flight
        self._processor = processor
        self._delivery = delivery
        self._limit_s = limit_s
        self._started = monotonic()

    async def run(self, commit: Callable[[], Awaitable[None]]) -> None:
        """Finish what can be finished, publish it, and commit.

        Args:
            commit: commits what is acknowledged, if the delivery does not.
        """
        this_process.finishing(self._limit_s)
        try:
            await self._finish()
            async with asyncio.timeout(self._commit_s):
                await commit()
        except TimeoutError:
            log.warning("The last commit was not confirmed in time; what it was about may be read again")
        finally:
            this_process.closing(soon=self._is_stuck)

    async def _finish(self) -> None:
        """Finish and publish what can be."""
        flushing = asyncio.ensure_future(self._delivery.flush())  # transactions wait for no more outputs from now on
        try:
            await self._until(lambda: self._messages == 0 or self._waits, min(QUEUED_S, self._limit_s))
            if self._messages:
                self._processor.pause()
                await self._until(lambda: self._processor.idle, self._left_s)
            await self._until(lambda: self._delivery.outstanding == 0, self._left_s)
        finally:
            flushing.cancel()
            await asyncio.gather(flushing, return_exceptions=True)
        if not self._processor.idle or self._delivery.outstanding:
            extra = {"in_flight": self._messages}
            log.warning("Not everything was finished in time; the rest is read again", extra=extra)

    @property
    def _messages(self) -> int:
        return self._in_flight.offsets.in_flight

    @property
    def _waits(self) -> bool:
        """Whether what is left waits for something that may never come, such as a registry."""
        return self._processor.idle and self._processor.down is not None

    @property
    def _is_stuck(self) -> bool:
        return min(self._delivery.waiting_s, monotonic() - self._started) > STUCK_S

    @property
    def _commit_s(self) -> float:
        """How long the last commit may take now."""
        if self._is_stuck:
            return STUCK_COMMIT_S
        left_s = self._started + COMMITTED_S - monotonic()
        return min(COMMIT_S, left_s) if left_s > STUCK_COMMIT_S else COMMIT_S

    @property
    def _left_s(self) -> float:
        return max(0.0, self._started + self._limit_s - monotonic())

    async def _until(self, done: Callable[[], bool], limit_s: float) -> None:
        """Wait for a condition up to a limit, and while the broker takes outputs."""
        try:
            async with asyncio.timeout(limit_s):
                await wait_until(lambda: done() or self._is_stuck)
        except TimeoutError:
            pass

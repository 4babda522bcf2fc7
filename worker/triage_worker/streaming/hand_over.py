"""Finishes with partitions that are revoked, before they are released and go to other members of the group."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection

from aiokafka.structs import TopicPartition

from triage_worker.resilience.tasks import wait_until
from triage_worker.streaming.processor import MessageProcessor
from triage_worker.streaming.tracking.in_flight import InFlightMessages

log = logging.getLogger(__name__)


class HandOver:
    """What is done about messages in flight when partitions are revoked.

    Args:
        in_flight: what is in flight.
        processor: answers it.
        limit_s: the longest wait, in seconds. What is not finished then is read again by the next owner.
    """

    def __init__(self, in_flight: InFlightMessages, processor: MessageProcessor, limit_s: float) -> None:
        self._in_flight = in_flight
        self._processor = processor
        self._limit_s = limit_s

    def leaves_some(self, partitions: Collection[TopicPartition]) -> bool:
        """Whether these are some of the tracked partitions, and others stay."""
        going = [tracker.partition in partitions for tracker in self._in_flight.offsets]
        return any(going) and not all(going)

    async def finish_some(self, partitions: Collection[TopicPartition], commit: Callable[[], Awaitable[None]]) -> None:
        """Wait until these partitions have nothing in flight, and commit; the others go on beside them.

        Args:
            partitions: that are not read any more.
            commit: commits what is acknowledged. What else is published is not waited for: that has no end.
        """
        going = [tracker for tracker in self._in_flight.offsets if tracker.partition in partitions]
        await self._finish(lambda: self._waits or not any(tracker.in_flight for tracker in going), commit)

    async def finish_all(self, flush_and_commit: Callable[[], Awaitable[None]]) -> None:
        """Wait until a processor that is paused has finished what is running, and publish and commit that."""
        await self._finish(lambda: self._processor.idle, flush_and_commit)

    @property
    def _waits(self) -> bool:
        """Whether what is in flight waits for something that may not come soon, such as a registry."""
        return self._processor.idle and self._processor.down is not None

    async def _finish(self, done: Callable[[], bool], commit: Callable[[], Awaitable[None]]) -> None:
        try:
            async with asyncio.timeout(self._limit_s):
                await wait_until(done)
                await commit()
        except TimeoutError:
            extra = {"in_flight": self._in_flight.offsets.in_flight}
            log.warning("Not everything was finished in time; the rest is read again", extra=extra)

"""Measures how far a service is behind, in messages and in seconds, which also shows whether the broker answers."""

import asyncio
import logging
from time import monotonic, time

from aiokafka.errors import KafkaError

from triage_worker.observability.metrics import Metrics
from triage_worker.streaming.consumer import Consumer
from triage_worker.streaming.tracking.offset_tracker import OffsetTracker
from triage_worker.streaming.tracking.output import Output

log = logging.getLogger(__name__)

INTERVAL_S = 3.0


class LagMonitor:
    """Asks for the end offsets of the assigned partitions every few seconds."""

    def __init__(self, consumer: Consumer, offsets: OffsetTracker[Output], metrics: Metrics) -> None:
        self._consumer = consumer
        self._offsets = offsets
        self._metrics = metrics
        self._answered_at = monotonic()

    @property
    def silent_s(self) -> float:
        """Seconds since the broker last answered."""
        return monotonic() - self._answered_at

    async def run(self) -> None:
        """Measure until cancelled."""
        while True:
            try:
                async with asyncio.timeout(INTERVAL_S):
                    await self._measure()
            except (KafkaError, TimeoutError) as error:
                log.debug("The end offsets of the partitions are unknown: %r", error)
            await asyncio.sleep(INTERVAL_S)

    async def _measure(self) -> None:
        client = self._consumer.client
        if client is None or not self._consumer.assigned:
            return
        trackers = {tracker.partition: tracker for tracker in self._offsets}
        if trackers:
            ends = await client.end_offsets(list(trackers))
        else:
            ends = {}
            await client.topics()
        self._answered_at = monotonic()
        for partition, end in ends.items():
            tracker = trackers[partition]
            if not tracker.active:
                continue
            begin = tracker.committable
            if begin is None or not tracker.in_flight:
                # The position, not the last message: a transaction ends with a marker, which has an offset of its own.
                begin = await client.position(partition)
            oldest = tracker.oldest_timestamp_ms
            age = max(0.0, time() - oldest / 1000) if oldest is not None and oldest >= 0 else 0.0
            self._metrics.lag(partition, max(0, end - begin), age)
            # The end is the last stable offset: messages behind another producer's open transaction come after it.
            high_watermark = client.highwater(partition)
            if high_watermark is not None:
                self._metrics.unreadable(partition, max(0, high_watermark - end))

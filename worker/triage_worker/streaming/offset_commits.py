"""Commits the offsets of acknowledged messages, for deliveries that do not commit offsets themselves."""

import asyncio
import logging
from time import monotonic

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError

from triage_worker.observability.metrics import Metrics
from triage_worker.streaming.tracking.offset_tracker import OffsetTracker
from triage_worker.streaming.tracking.output import Output

log = logging.getLogger(__name__)

COMMIT_S = 10.0
"""How long a commit may take. aiokafka repeats one for a topic that was deleted without an end, and the offsets of all
other topics would wait for it."""


class OffsetCommitter:
    """Commits by the consumer's client.

    Args:
        offsets: what may be committed.
        interval_s: seconds between two commits.
        metrics: where commits are timed.
    """

    def __init__(self, offsets: OffsetTracker[Output], *, interval_s: float, metrics: Metrics) -> None:
        self._offsets = offsets
        self._interval_s = interval_s
        self._metrics = metrics
        self._committing = asyncio.Lock()
        self._failing = False

    async def run(self, client: AIOKafkaConsumer) -> None:
        """Commit periodically until cancelled."""
        while True:
            await asyncio.sleep(self._interval_s)
            await self.commit(client)

    async def commit(self, client: AIOKafkaConsumer) -> None:
        """Commit now; an error is logged, and the same offsets are committed the next time."""
        async with self._committing:
            offsets = self._offsets.to_commit()
            if not offsets:
                return
            started = monotonic()
            try:
                async with asyncio.timeout(COMMIT_S):
                    await client.commit(offsets)
            except (KafkaError, TimeoutError) as error:
                # The partitions were revoked, or soon will be: their next owner continues from the last commit.
                if not self._failing:
                    log.warning("Offsets are not committed", extra={"error": type(error).__name__})
                self._failing = True
                return
            self._failing = False
            self._offsets.committed(offsets)
            self._metrics.stage("commit", monotonic() - started)

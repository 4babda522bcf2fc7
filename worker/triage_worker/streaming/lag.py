"""How far behind the worker is, in messages and in seconds; asking for it also tells whether the broker answers."""

import asyncio
import logging
from time import monotonic, time

from aiokafka.errors import KafkaError

from triage_worker.observability.metrics import Metrics
from triage_worker.streaming.consumer import Consumer
from triage_worker.streaming.tracking.offset_tracker import Ledger
from triage_worker.streaming.tracking.output import Output

log = logging.getLogger(__name__)

INTERVAL_S = 3.0


class Lag:
    """Looks at the ends of the assigned partitions every few seconds."""

    def __init__(self, consumer: Consumer, ledger: Ledger[Output], metrics: Metrics) -> None:
        self._consumer = consumer
        self._ledger = ledger
        self._metrics = metrics
        self._answered_at = monotonic()

    @property
    def silent_s(self) -> float:
        """Seconds since the broker last answered."""
        return monotonic() - self._answered_at

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            try:
                async with asyncio.timeout(INTERVAL_S):
                    await self._look()
            except (KafkaError, TimeoutError) as error:
                log.debug("No answer about the ends of the partitions: %r", error)
            await asyncio.sleep(INTERVAL_S)

    async def _look(self) -> None:
        client = self._consumer.client
        if client is None or not self._consumer.assigned:
            return
        ledgers = {ledger.partition: ledger for ledger in self._ledger}
        if ledgers:
            ends = await client.end_offsets(list(ledgers))
        else:
            ends = {}
            await client.topics()
        self._answered_at = monotonic()
        for partition, end in ends.items():
            ledger = ledgers[partition]
            if not ledger.active:
                continue
            begin = ledger.committable
            if begin is None or not ledger.in_flight:
                # Beyond the last message, too: a transaction ends with a marker, which has an offset and is no message.
                begin = await client.position(partition)
            oldest = ledger.oldest_timestamp_ms
            age = max(0.0, time() - oldest / 1000) if oldest is not None and oldest >= 0 else 0.0
            self._metrics.lag(partition.partition, max(0, end - begin), age)

"""The messages between the consumer and the delivery, from the poll to the acknowledgement.

This object is made first and given to all stages: the consumer adds records, the processor completes them with outputs
in any order, the delivery takes the outputs in offset order and acknowledges them. No stage calls another one back.
"""

import asyncio
from collections import deque
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from aiokafka.structs import ConsumerRecord, TopicPartition

from triage_worker.observability.metrics import Metrics
from triage_worker.streaming.tracking.offset_tracker import OffsetTracker, PartitionTracker
from triage_worker.streaming.tracking.output import Output


class TrackedRecords(NamedTuple):
    """Records of one partition, in offset order, and the tracker that their outputs refer to."""

    tracker: PartitionTracker[Output]
    records: Sequence[ConsumerRecord]


class InFlightMessages:
    """Holds what is in flight, and counts messages read, answered and returned.

    Args:
        metrics: where messages are counted.
    """

    def __init__(self, metrics: Metrics) -> None:
        self.offsets: OffsetTracker[Output] = OffsetTracker()
        self._metrics = metrics
        self._released: deque[Output] = deque()
        self._release = asyncio.Event()
        self._acknowledgement = asyncio.Event()
        metrics.watch(
            lambda: self.offsets.in_flight,
            lambda: self.offsets.in_flight_bytes,
            lambda: self.offsets.in_flight_by_topic,
        )

    def track(self, partition: TopicPartition, records: Sequence[ConsumerRecord]) -> TrackedRecords:
        """Add records that were read from an assigned partition."""
        tracker = self.offsets[partition]
        if records[0].offset <= tracker.last_offset:
            # The topic was deleted and created again, and the client moved to its new beginning.
            tracker = self.restart(partition)
        for record in records:
            size = len(record.value or b"") + len(record.key or b"")
            tracker.track(record.offset, timestamp_ms=record.timestamp, size=size)
        self._metrics.read(partition.topic, len(records))
        return TrackedRecords(tracker, records)

    def complete(self, outputs: Iterable[Output]) -> None:
        """Set the outputs of messages, in any order; those that may be published now become available to `take`."""
        for output in outputs:
            self._released += output.tracker.complete(output.offset, output)
        if self._released:
            self._release.set()

    async def take(self) -> list[Output]:
        """Wait for outputs that may be published; of each partition they come in offset order."""
        while not self._released:
            self._release.clear()
            await self._release.wait()
        taken = list(self._released)
        self._released.clear()
        return taken

    @property
    def released(self) -> int:
        """Outputs that wait for `take`."""
        return len(self._released)

    def acknowledge(self, output: Output) -> None:
        """Record that the broker has an output."""
        if output.tracker.acknowledge(output.offset, output.outcome):
            topic = output.tracker.partition.topic
            self._metrics.answered(topic, output.outcome, output.label, output.record.timestamp)
            if output.span is not None:
                output.span.end(output.outcome, output.label)
            self._acknowledgement.set()

    async def acknowledged(self) -> None:
        """Wait for the next acknowledgement."""
        self._acknowledgement.clear()
        await self._acknowledgement.wait()

    def restart(self, partition: TopicPartition) -> PartitionTracker[Output]:
        """Drop what is in flight of an assigned partition, which is then read again."""
        self.revoke([partition])
        return self.offsets.assign(partition)

    def revoke(self, partitions: Iterable[TopicPartition]) -> None:
        """End assignments; messages that are not acknowledged count as returned."""
        for partition in partitions:
            self._metrics.returned(partition.topic, self.offsets.revoke([partition]))

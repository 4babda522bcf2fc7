"""What stands between reading and publishing: it takes records in, keeps the books, and gives outputs out in order."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence

from aiokafka.structs import TopicPartition

from triage_worker.observability.metrics import Metrics
from triage_worker.observability.tracing import Traces
from triage_worker.streaming.tracking.offset_tracker import Ledger, PartitionLedger
from triage_worker.streaming.tracking.output import Consumed, Output


class Station(ABC):
    """The books that every service keeps, and what a consumer needs of whoever answers the messages.

    Args:
        publish: takes outputs of one partition, in the order of their offsets.
        metrics: where all is counted.
        traces: makes the spans of messages; None makes none.
    """

    def __init__(
        self, publish: Callable[[Sequence[Output]], None], metrics: Metrics, traces: Traces | None = None
    ) -> None:
        self.ledger: Ledger[Output] = Ledger()
        self._publish = publish
        self._metrics = metrics
        self._traces = traces
        self._progress = asyncio.Event()
        metrics.watch(lambda: self.ledger.in_flight, lambda: self.ledger.in_flight_bytes)

    @abstractmethod
    def start(self) -> "asyncio.Future[None]":
        """Begin to work; the future fails when that ends."""

    @abstractmethod
    def close(self) -> None:
        """End all work."""

    @abstractmethod
    async def accept(self, fetched: Mapping[TopicPartition, Sequence[Consumed]]) -> None:
        """Take in records of assigned partitions."""

    @abstractmethod
    def hold(self) -> None:
        """Drop what waits and begin nothing more, until `resume`; what runs goes on."""

    @abstractmethod
    def resume(self) -> None:
        """Go on after `hold`."""

    @property
    @abstractmethod
    def idle(self) -> bool:
        """Whether nothing runs."""

    @property
    @abstractmethod
    def longest_run_s(self) -> float:
        """How long the oldest of what runs has been running."""

    @property
    @abstractmethod
    def down(self) -> str | None:
        """What keeps all messages from being answered; None when nothing does."""

    def acknowledge(self, output: Output) -> None:
        """Note that the broker has an output."""
        if output.ledger.acknowledge(output.offset, output.outcome):
            self._metrics.answered(output)
            if output.span is not None:
                output.span.end(output.outcome, output.label)
            self._progress.set()

    async def progress(self) -> None:
        """Wait for the next acknowledgement."""
        self._progress.clear()
        await self._progress.wait()

    def _enter(self, partition: TopicPartition, records: Sequence[Consumed]) -> PartitionLedger[Output]:
        """Enter records that were read of a partition; returns its books."""
        ledger = self._ledger_for(partition, records)
        for record in records:
            size = len(record.value or b"") + len(record.key or b"")
            ledger.hand_out(record.offset, timestamp_ms=record.timestamp, size=size)
        self._metrics.read(len(records))
        return ledger

    def _ledger_for(self, partition: TopicPartition, records: Sequence[Consumed]) -> PartitionLedger[Output]:
        ledger = self.ledger[partition]
        if records[0].offset <= ledger.last_offset:
            # The topic was deleted and made again, and the client went to its new beginning.
            self._metrics.given_back(self.ledger.revoke([partition]))
            return self.ledger.assign(partition)
        return ledger

    def _complete(self, outputs: Sequence[Output]) -> None:
        for output in outputs:
            released = output.ledger.complete(output.offset, output)
            if released:
                self._publish(released)

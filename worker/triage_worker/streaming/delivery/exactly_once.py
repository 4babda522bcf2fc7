"""Exactly-once delivery: outputs and offsets of a partition in one transaction, partitions in parallel."""

import asyncio
import logging
from collections.abc import Collection, Iterable

from aiokafka.structs import TopicPartition

from triage_worker.kafka.authorization import REFUSED, refusal
from triage_worker.observability.metrics import Metrics
from triage_worker.resilience import file_descriptors
from triage_worker.resilience.tasks import run_together, wait_until
from triage_worker.streaming.delivery.delivery import PartitionRequest
from triage_worker.streaming.delivery.partition_transactions import PartitionTransactions, TransactionConfig
from triage_worker.streaming.tracking.dead_letters import DeadLetters
from triage_worker.streaming.tracking.in_flight import InFlightMessages
from triage_worker.streaming.tracking.output import Output

log = logging.getLogger(__name__)

CHECK_S = 1.0

RESERVED_FILES = 24
"""File descriptors that partitions leave free: for probes, metadata, bundles that are reloaded, and reconnects."""


class ExactlyOnce:
    """Publishes and commits in transactions, with one producer for each assigned partition.

    Args:
        config: what the transactions of all partitions have in common.
        in_flight: where outputs come from, and where they are acknowledged.
        dead_letters: makes the replacement of an output that the broker refuses.
        metrics: where transactions are counted.
    """

    commits_offsets = True

    def __init__(
        self, config: TransactionConfig, in_flight: InFlightMessages, dead_letters: DeadLetters, metrics: Metrics
    ) -> None:
        self._config = config
        self._in_flight = in_flight
        self._dead_letters = dead_letters
        self._metrics = metrics
        self.requests: asyncio.Queue[PartitionRequest] = asyncio.Queue()
        self._partitions: dict[TopicPartition, PartitionTransactions] = {}
        self._ever_resumed = False
        self.shortage: str | None = None

    @property
    def outstanding(self) -> int:
        """Outputs of all partitions that are not committed."""
        return self._in_flight.released + sum(partition.outstanding for partition in self._partitions.values())

    @property
    def waiting_s(self) -> float:
        """The longest wait of a partition; 0 if there is none."""
        return max((partition.waiting_s for partition in self._partitions.values()), default=0.0)

    @property
    def problem(self) -> str | None:
        """The error of the first partition whose last transaction failed; None if there is none."""
        problems = (partition.problem for partition in self._partitions.values())
        return next((problem for problem in problems if problem is not None), None)

    async def run(self) -> None:
        """Give outputs to their partitions until cancelled; fails when the work on a partition fails.

        Raises:
            ConfigError: the user lacks a right without which no partition can ever be resumed.
        """
        await run_together(self._receive_forever(), self._check_forever())

    def assign(self, partitions: Collection[TopicPartition], *, brokers: int) -> None:
        """Start a task for each partition, which runs until the partition is revoked.

        Partitions for whose connections there are too few file descriptors stay paused.
        """
        served = list(partitions)[: self._affordable(len(partitions), brokers)]
        for partition in served:
            self._partitions[partition] = PartitionTransactions(
                self._config, partition, self._in_flight, self._dead_letters, self.requests, self._metrics
            )

    def _affordable(self, partitions: int, brokers: int) -> int:
        """How many partitions can be served; sets `shortage` if those are not all."""
        each = brokers + 1  # a producer's connections: one to each leader, and one to its transaction coordinator
        available = file_descriptors.available()
        affordable = partitions if available is None else max(0, available - RESERVED_FILES) // each
        self.shortage = None
        if affordable < partitions:
            needed = (file_descriptors.limit() or 0) - (available or 0) + RESERVED_FILES + partitions * each
            self.shortage = (
                f"{partitions} partitions need about {needed} open files, and {file_descriptors.limit()} are allowed: "
                f"{partitions - affordable} of them are not read until you raise the limit (ulimit -n) or start more "
                f"workers"
            )
            log.error("Too few file descriptors: %s", self.shortage)
        return affordable

    async def flush(self) -> None:
        """Commit what each partition has now, and wait until nothing is outstanding."""
        partitions = list(self._partitions.values())
        for partition in partitions:
            partition.flush()
        await wait_until(lambda: not self._in_flight.released and all(not part.outstanding for part in partitions))

    async def revoke(self, partitions: Iterable[TopicPartition]) -> None:
        """Cancel the partitions' tasks, and wait until their producers are closed."""
        revoked = [self._partitions.pop(partition) for partition in partitions if partition in self._partitions]
        tasks = [partition.cancel() for partition in revoked]
        if tasks:
            await asyncio.wait(tasks)

    async def _receive_forever(self) -> None:
        while True:
            outputs: dict[TopicPartition, list[Output]] = {}
            for output in await self._in_flight.take():
                outputs.setdefault(output.tracker.partition, []).append(output)
            for partition, own in outputs.items():
                if partition in self._partitions:
                    self._partitions[partition].queue(own)

    async def _check_forever(self) -> None:
        while True:
            await asyncio.sleep(CHECK_S)
            for partition in list(self._partitions.values()):
                partition.raise_if_ended()
                self._ever_resumed |= partition.resumed_before
                if isinstance(partition.error, REFUSED) and not self._ever_resumed:
                    raise refusal(partition.error, "Write")

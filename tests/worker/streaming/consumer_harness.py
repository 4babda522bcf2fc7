"""A consumer between fakes of its client, the processor and the delivery."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiokafka.errors import KafkaError
from aiokafka.structs import TopicPartition
from triage_worker.config.topic_selection import TopicSelection
from triage_worker.observability.metrics import Metrics
from triage_worker.streaming.consumer import Consumer, ConsumerConfig
from triage_worker.streaming.offset_commits import OffsetCommitter

from tests.worker.fakes import record
from tests.worker.streaming.fakes import FakeClient, FakeDelivery, FakeProcessor, LoggingInFlight

A, B = TopicPartition("in", 0), TopicPartition("in", 1)


class ConsumerHarness:
    """A consumer between fakes.

    Args:
        commits_offsets: whether the delivery commits offsets.
        start_errors: the errors of the first clients.
        hangs: the start of a client never ends.
        max_in_flight: of the consumer.
        revoke_timeout_s: of the consumer.
        client: makes clients in place of fakes.
        topics: of the consumer.

    Attributes:
        calls: what was called, in order.
        clients: those that were made, in order.
    """

    def __init__(
        self,
        *,
        commits_offsets: bool = False,
        start_errors: tuple[KafkaError, ...] = (),
        hangs: bool = False,
        max_in_flight: int = 100,
        revoke_timeout_s: float = 10,
        client: Callable[[], Any] | None = None,
        topics: TopicSelection = TopicSelection(("in",)),  # noqa: B008 (it never changes)
    ) -> None:
        self.calls: list[str] = []
        self.clients: list[FakeClient] = []
        self._start_errors = list(start_errors)
        self._hangs = hangs
        self.metrics = Metrics()
        self.in_flight = LoggingInFlight(self.calls, self.metrics)
        self.processor = FakeProcessor(self.calls)
        self.delivery = FakeDelivery(self.calls, commits_offsets=commits_offsets)
        self.stop = asyncio.Event()
        make_client: Callable[[], Any] = client or self.make_client
        self.consumer = Consumer(
            make_client,
            topics,
            self.in_flight,
            self.processor,
            self.delivery,
            OffsetCommitter(self.in_flight.offsets, interval_s=60, metrics=self.metrics),
            ConsumerConfig(max_in_flight=max_in_flight, touch_s=0.01, revoke_timeout_s=revoke_timeout_s),
            self.metrics,
        )

    def make_client(self) -> FakeClient:
        error = self._start_errors.pop(0) if self._start_errors else None
        self.clients.append(FakeClient(self.calls, error, hangs=self._hangs))
        return self.clients[-1]

    @property
    def client(self) -> FakeClient:
        """The latest client."""
        return self.clients[-1]

    async def assign(self, *partitions: TopicPartition) -> None:
        """Assign partitions to a consumer that runs; the calls until then are forgotten."""
        await self.wait_for(lambda: bool(self.clients) and self.client.listener is not None)
        self.calls.clear()
        await self.consumer.on_partitions_assigned(set(partitions))

    async def wait_for(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(10):
            while not condition():  # noqa: ASYNC110
                await asyncio.sleep(0.001)

    def read(self, *offsets: int, partition: TopicPartition = A) -> None:
        """Track messages of a partition."""
        self.in_flight.track(partition, [record(partition, offset, b"{}") for offset in offsets])

    def acknowledge(self, *offsets: int, partition: TopicPartition = A) -> None:
        """Acknowledge messages of a partition."""
        for offset in offsets:
            self.in_flight.offsets[partition].acknowledge(offset, "accepted")


@asynccontextmanager
async def running(harness: ConsumerHarness, *, drain_s: float = 10) -> AsyncIterator["asyncio.Task[None]"]:
    """Run a consumer; it is stopped and must have ended without an error when the context ends."""
    task = asyncio.create_task(harness.consumer.run(harness.stop, drain_s))
    try:
        yield task
        harness.stop.set()
        async with asyncio.timeout(10):
            await task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

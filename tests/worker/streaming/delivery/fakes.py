"""A fake broker, and fakes of the aiokafka clients that partition transactions use."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, cast

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError, MessageSizeTooLargeError
from aiokafka.structs import TopicPartition
from triage_worker.observability.metrics import Metrics
from triage_worker.streaming.delivery.exactly_once import ExactlyOnce
from triage_worker.streaming.delivery.partition_transactions import TransactionConfig
from triage_worker.streaming.partition_control import PartitionControl
from triage_worker.streaming.tracking.dead_letters import DeadLetters
from triage_worker.streaming.tracking.in_flight import InFlightMessages
from triage_worker.streaming.tracking.output import Output, skipped

from tests.worker.fakes import record

SOURCE = TopicPartition("in", 0)
SIZE = 10
"""Bytes that the broker takes in a record."""


@dataclass
class Broker:
    """What was committed; ``fails`` are the errors of the next commits, and of the next batches of records."""

    records: list[tuple[str, bytes]] = field(default_factory=list)
    offset: int | None = None
    transactions: list[int] = field(default_factory=list)
    fails: list[KafkaError] = field(default_factory=list)
    fails_batches: list[KafkaError] = field(default_factory=list)
    refuses_start: KafkaError | None = None
    open: int = 0


class Sender:
    _retry_backoff = 0.0


class Producer:
    """aiokafka's, as far as the transactions use it. If one record of a batch is refused, all are.

    With ``early`` it refuses a record that is too large before it is in a batch.
    """

    def __init__(self, broker: Broker, early: bool, transactional_id: str) -> None:
        self._broker = broker
        self._early = early
        self._taken: list[tuple[str, bytes]] = []
        self._batch: list[tuple[asyncio.Future[None], str, bytes]] = []
        self._offset: int | None = None
        self._sender = Sender()
        self._started = False
        assert transactional_id == "triage-group-in-0"

    async def start(self) -> None:
        if self._broker.refuses_start:
            raise self._broker.refuses_start
        self._broker.open += 1
        self._started = True

    async def begin_transaction(self) -> None:
        self._taken, self._offset = [], None

    async def send(self, topic: str, value: bytes, **_: Any) -> "asyncio.Future[None]":
        if self._early and len(value) > SIZE:
            raise MessageSizeTooLargeError
        loop = asyncio.get_running_loop()
        if not self._batch:
            loop.call_soon(self._deliver)
        future: asyncio.Future[None] = loop.create_future()
        self._batch.append((future, topic, value))
        return future

    def _deliver(self) -> None:
        error = self._broker.fails_batches.pop(0) if self._broker.fails_batches else None
        if any(len(value) > SIZE for _, _, value in self._batch):
            error = MessageSizeTooLargeError()
        for future, topic, value in self._batch:
            if error is None:
                self._taken.append((topic, value))
                future.set_result(None)
            else:
                future.set_exception(error)
                future.exception()  # who asked may be gone
        self._batch.clear()

    async def send_offsets_to_transaction(self, offsets: dict[TopicPartition, int], group: str) -> None:
        assert group == "group"
        self._offset = offsets[SOURCE]

    async def commit_transaction(self) -> None:
        broker = self._broker
        if broker.fails:
            raise broker.fails.pop(0)
        broker.records += self._taken
        broker.transactions.append(len(self._taken))
        broker.offset = self._offset

    async def abort_transaction(self) -> None:
        self._taken = []

    async def close(self) -> None:
        self._broker.open -= self._started


class Client:
    """The consumer's client: its position, and whether it reads."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self.position = 0
        self.reads = True

    async def committed(self, partition: TopicPartition) -> int | None:
        return self._broker.offset

    def seek(self, partition: TopicPartition, offset: int) -> None:
        self.position = offset

    def pause(self, partition: TopicPartition) -> None:
        self.reads = False

    def resume(self, partition: TopicPartition) -> None:
        self.reads = True


class Acknowledging(InFlightMessages):
    """Remembers what was acknowledged, which must be committed before."""

    def __init__(self, broker: Broker, metrics: Metrics) -> None:
        super().__init__(metrics)
        self._broker = broker
        self.acknowledged_offsets: list[int] = []

    def acknowledge(self, output: Output) -> None:
        assert self._broker.offset is not None
        assert output.offset < self._broker.offset, "acknowledged before it was committed"
        before = output.tracker.in_flight
        super().acknowledge(output)
        assert output.tracker.in_flight == before - 1
        self.acknowledged_offsets.append(output.offset)


class Bench:
    """The transactions of one partition with their surroundings."""

    def __init__(self, early: bool = False, interval_s: float = 0.01) -> None:
        self.broker = Broker()
        self.client: Any = Client(self.broker)
        self.metrics = Metrics()
        self.in_flight = Acknowledging(self.broker, self.metrics)
        producer: Callable[[str], Any] = partial(Producer, self.broker, early)
        config = TransactionConfig(
            producer=producer, group="group", prefix="triage", interval_s=interval_s, rejoin_s=0.01
        )
        self.delivery = ExactlyOnce(config, self.in_flight, DeadLetters("dlq"), self.metrics)
        control = PartitionControl(self.delivery.requests, self.in_flight)
        self.running = asyncio.create_task(self.delivery.run())
        self._serving = asyncio.create_task(control.run(cast("AIOKafkaConsumer", self.client)))

    @property
    def acknowledged(self) -> list[int]:
        return self.in_flight.acknowledged_offsets

    def assign(self) -> None:
        """As the consumer does."""
        self.in_flight.offsets.assign(SOURCE)
        self.client.pause(SOURCE)
        self.delivery.assign([SOURCE], brokers=1)

    async def revoke(self) -> None:
        """As the consumer does."""
        self.in_flight.revoke([SOURCE])
        await self.delivery.revoke([SOURCE])

    async def close(self) -> None:
        await self.revoke()
        for task in (self.running, self._serving):
            task.cancel()
        await asyncio.wait([self.running, self._serving])

    async def resumed(self) -> None:
        """Until the partition is read."""
        await until(lambda: self.client.reads)

    async def publish(self, *values: bytes) -> None:
        """Read as many messages from the client's position, and complete their outputs together."""
        await self.resumed()
        self.publish_now(*values)

    def publish_now(self, *values: bytes) -> None:
        """The same for messages that were fetched before the partition was paused."""
        outputs = []
        for value in values:
            read = record(SOURCE, self.client.position, b"{}")
            tracker = self.in_flight.track(SOURCE, [read]).tracker
            outputs.append(Output(tracker, read, "accepted", "WISMO", "out", b"k", value, headers=[]))
            self.client.position += 1
        self.in_flight.complete(outputs)

    def skip(self) -> None:
        """Read a record that is no new message."""
        read = record(SOURCE, self.client.position, b"{}")
        tracker = self.in_flight.track(SOURCE, [read]).tracker
        self.in_flight.complete([skipped(tracker, read, "heartbeat")])
        self.client.position += 1

    async def flush(self) -> None:
        async with asyncio.timeout(10):
            await self.delivery.flush()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.001)

"""Fakes of the broker and of the aiokafka clients that partition transactions use, and a harness around them."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, ClassVar, cast

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError, MessageSizeTooLargeError
from aiokafka.structs import TopicPartition
from triage_worker.kafka.dead_letters import DeadLetterTopic
from triage_worker.observability.metrics import Metrics
from triage_worker.streaming.delivery.exactly_once import ExactlyOnce
from triage_worker.streaming.delivery.partition_transactions import TransactionConfig
from triage_worker.streaming.delivery.transaction_pace import TransactionPace
from triage_worker.streaming.partition_control import PartitionControl
from triage_worker.streaming.tracking.dead_letters import DeadLetters
from triage_worker.streaming.tracking.in_flight import InFlightMessages
from triage_worker.streaming.tracking.output import Output, skipped

from tests.worker.fakes import record

SOURCE = TopicPartition("in", 0)
MAX_RECORD_BYTES = 10
"""The largest value that the fake brokers accept."""


@dataclass
class FakeBroker:
    """Stores what is committed.

    Attributes:
        records: topics and values.
        offset: the committed offset of `SOURCE`.
        transactions: how many records each transaction had.
        commit_errors: the errors of the next commits.
        batch_errors: the errors of the next batches of records.
        start_error: the error of every producer's start, while it is set.
        open_producers: producers that are started and not closed.
    """

    records: list[tuple[str, bytes]] = field(default_factory=list)
    offset: int | None = None
    transactions: list[int] = field(default_factory=list)
    commit_errors: list[KafkaError] = field(default_factory=list)
    batch_errors: list[KafkaError] = field(default_factory=list)
    start_error: KafkaError | None = None
    open_producers: int = 0


class FakeSender:
    """The part of aiokafka's sender that transactions change."""

    _retry_backoff = 0.0


class FakeProducer:
    """The part of a transactional producer that transactions use.

    If one record of a batch is refused, all are.

    Args:
        broker: where it sends.
        client_checks_size: refuse a record that is too large before it is in a batch.
        transactional_id: must be that of `SOURCE`.
    """

    def __init__(self, broker: FakeBroker, client_checks_size: bool, transactional_id: str) -> None:
        self._broker = broker
        self._client_checks_size = client_checks_size
        self._uncommitted: list[tuple[str, bytes]] = []
        self._batch: list[tuple[asyncio.Future[None], str, bytes]] = []
        self._offset: int | None = None
        self._sender = FakeSender()
        self._started = False
        assert transactional_id == "triage-group-in-0"

    async def start(self) -> None:
        if self._broker.start_error:
            raise self._broker.start_error
        self._broker.open_producers += 1
        self._started = True

    async def begin_transaction(self) -> None:
        self._uncommitted, self._offset = [], None

    async def send(self, topic: str, value: bytes, **_: Any) -> "asyncio.Future[None]":
        if self._client_checks_size and len(value) > MAX_RECORD_BYTES:
            raise MessageSizeTooLargeError
        loop = asyncio.get_running_loop()
        if not self._batch:
            loop.call_soon(self._deliver)
        future: asyncio.Future[None] = loop.create_future()
        self._batch.append((future, topic, value))
        return future

    def _deliver(self) -> None:
        error = self._broker.batch_errors.pop(0) if self._broker.batch_errors else None
        if any(len(value) > MAX_RECORD_BYTES for _, _, value in self._batch):
            error = MessageSizeTooLargeError()
        for future, topic, value in self._batch:
            if error is None:
                self._uncommitted.append((topic, value))
                future.set_result(None)
            else:
                future.set_exception(error)
                future.exception()  # the sender may have been cancelled
        self._batch.clear()

    async def send_offsets_to_transaction(self, offsets: dict[TopicPartition, int], group: str) -> None:
        assert group == "group"
        self._offset = offsets[SOURCE]

    async def commit_transaction(self) -> None:
        broker = self._broker
        if broker.commit_errors:
            raise broker.commit_errors.pop(0)
        broker.records += self._uncommitted
        broker.transactions.append(len(self._uncommitted))
        broker.offset = self._offset

    async def abort_transaction(self) -> None:
        self._uncommitted = []

    async def close(self) -> None:
        self._broker.open_producers -= self._started


class FakeLastTransaction:
    """Starts producers; what is undecided is scripted.

    Attributes:
        undecided: whether each next start finds something.
        check_errors: the errors of the next checks.
    """

    undecided: ClassVar[list[bool]] = []
    check_errors: ClassVar[list[KafkaError]] = []

    def __init__(self, topics: Sequence[str], group: str, partition: TopicPartition) -> None:
        assert (list(topics), group, partition) == (["out"], "group", SOURCE)

    async def start(self, producer: FakeProducer) -> bool:
        await producer.start()
        return self.undecided.pop(0) if self.undecided else False

    async def check(self) -> None:
        if self.check_errors:
            raise self.check_errors.pop(0)


class FakeConsumerClient:
    """The consumer's client: its position, and whether the partition is paused."""

    def __init__(self, broker: FakeBroker) -> None:
        self._broker = broker
        self.position = 0
        self.paused = False

    async def committed(self, partition: TopicPartition) -> int | None:
        return self._broker.offset

    def seek(self, partition: TopicPartition, offset: int) -> None:
        self.position = offset

    def pause(self, partition: TopicPartition) -> None:
        self.paused = True

    def resume(self, partition: TopicPartition) -> None:
        self.paused = False


class RecordingInFlight(InFlightMessages):
    """Records the offsets that are acknowledged; each may be acknowledged once."""

    def __init__(self, metrics: Metrics) -> None:
        super().__init__(metrics)
        self.acknowledged_offsets: list[int] = []

    def acknowledge(self, output: Output) -> None:
        before = output.tracker.in_flight
        super().acknowledge(output)
        assert output.tracker.in_flight == before - 1
        self.acknowledged_offsets.append(output.offset)

    def read_and_complete(self, partition: TopicPartition, offset: int, *values: bytes) -> None:
        """Track messages from an offset on, and complete them together with outputs of these values."""
        outputs = []
        for number, value in enumerate(values):
            message = record(partition, offset + number, b"{}")
            tracker = self.track(partition, [message]).tracker
            outputs.append(Output(tracker, message, "accepted", "WISMO", "out", b"k", value, headers=[]))
        self.complete(outputs)

    def read_and_skip(self, partition: TopicPartition, offset: int) -> None:
        """Track a message, and complete it as skipped."""
        message = record(partition, offset, b"{}")
        tracker = self.track(partition, [message]).tracker
        self.complete([skipped(tracker, message, "heartbeat")])


class CommittedInFlight(RecordingInFlight):
    """Verifies that only committed messages are acknowledged."""

    def __init__(self, broker: FakeBroker, metrics: Metrics) -> None:
        super().__init__(metrics)
        self._broker = broker

    def acknowledge(self, output: Output) -> None:
        assert self._broker.offset is not None
        assert output.offset < self._broker.offset, "acknowledged before it was committed"
        super().acknowledge(output)


class TransactionHarness:
    """The transactions of one partition between a fake consumer and a fake broker.

    Args:
        client_checks_size: of the producer.
        interval_s: for how many seconds outputs are collected for one transaction.
    """

    def __init__(self, client_checks_size: bool = False, interval_s: float = 0.01) -> None:
        self.broker = FakeBroker()
        self.client: Any = FakeConsumerClient(self.broker)
        self.metrics = Metrics()
        self.in_flight = CommittedInFlight(self.broker, self.metrics)
        producer: Callable[[str], Any] = partial(FakeProducer, self.broker, client_checks_size)
        config = TransactionConfig(
            producer=producer,
            group="group",
            prefix="triage",
            topics=["out"],
            pace=TransactionPace(interval_s),
            rejoin_s=0.01,
        )
        self.delivery = ExactlyOnce(config, self.in_flight, DeadLetters(DeadLetterTopic("dlq")), self.metrics)
        control = PartitionControl(self.delivery.requests, self.in_flight)
        self.running = asyncio.create_task(self.delivery.run())
        self._control = asyncio.create_task(control.run(cast("AIOKafkaConsumer", self.client)))

    @property
    def acknowledged(self) -> list[int]:
        """The offsets of acknowledged messages."""
        return self.in_flight.acknowledged_offsets

    def assign(self) -> None:
        """Assign the partition as the consumer does."""
        self.in_flight.offsets.assign(SOURCE)
        self.client.pause(SOURCE)
        self.delivery.assign([SOURCE], brokers=1)

    async def revoke(self) -> None:
        """Revoke the partition as the consumer does."""
        self.in_flight.revoke([SOURCE])
        await self.delivery.revoke([SOURCE])

    async def close(self) -> None:
        """Revoke the partition and stop everything."""
        await self.revoke()
        for task in (self.running, self._control):
            task.cancel()
        await asyncio.wait([self.running, self._control])

    async def wait_until_resumed(self) -> None:
        """Wait until the partition is read."""
        await wait_for(lambda: not self.client.paused)

    async def publish(self, *values: bytes) -> None:
        """Read messages from the client's position, once it is resumed, and complete their outputs together."""
        await self.wait_until_resumed()
        self.publish_fetched(*values)

    def publish_fetched(self, *values: bytes) -> None:
        """Do the same with messages that were fetched before the partition was paused."""
        self.in_flight.read_and_complete(SOURCE, self.client.position, *values)
        self.client.position += len(values)

    def skip(self) -> None:
        """Read a message from the client's position, and skip it."""
        self.in_flight.read_and_skip(SOURCE, self.client.position)
        self.client.position += 1

    async def flush(self) -> None:
        """Wait until everything is committed."""
        async with asyncio.timeout(10):
            await self.delivery.flush()


async def wait_for(condition: Callable[[], bool]) -> None:
    """Wait until a condition holds, for up to 10 s."""
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.001)

"""A broker that only remembers, and what a lane needs of aiokafka."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from aiokafka.errors import KafkaError, MessageSizeTooLargeError
from aiokafka.structs import TopicPartition
from triage_worker.observability.metrics import Metrics
from triage_worker.streaming.delivery import partition_transactions as lane
from triage_worker.streaming.delivery.exactly_once import ExactlyOnce
from triage_worker.streaming.tracking.dead_letters import DeadLetters
from triage_worker.streaming.tracking.offset_tracker import Ledger
from triage_worker.streaming.tracking.output import Output

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
    """aiokafka's, as far as a lane asks. Of records that go together in a batch all are refused, if one is.

    With ``early`` it refuses what is too large before it is in a batch.
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
    """The consumer: where it reads, and whether."""

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


class Bench:
    """A lane, and what is around it."""

    def __init__(self, early: bool = False, interval_s: float = 0.01) -> None:
        self.broker = Broker()
        self.client: Any = Client(self.broker)
        self.ledger: Ledger[Output] = Ledger()
        self.acknowledged: list[int] = []
        self.metrics = Metrics()
        producer: Callable[[str], Any] = partial(Producer, self.broker, early)
        terms = lane.Terms(
            producer=producer,
            group="group",
            prefix="triage",
            dead_letters=DeadLetters("dlq"),
            acknowledge=self._acknowledge,
            interval_s=interval_s,
            rejoin_s=0.01,
            metrics=self.metrics,
        )
        self.delivery = ExactlyOnce(terms, self.ledger)

    def assign(self) -> None:
        self.delivery.assigned(self.client, [self.ledger.assign(SOURCE)])

    async def begun(self) -> None:
        """Until the partition is read."""
        await until(lambda: self.client.reads)

    async def publish(self, *values: bytes) -> None:
        """Read as many messages from where the client stands, and publish their answers together."""
        await self.begun()
        self.publish_now(*values)

    def publish_now(self, *values: bytes) -> None:
        """The same of what was read before."""
        books = self.ledger[SOURCE]
        outputs = []
        for value in values:
            offset = self.client.position
            books.hand_out(offset)
            outputs.append(
                Output(books, record(SOURCE, offset, b"{}"), "accepted", "WISMO", "out", b"k", value, headers=[])
            )
            self.client.position += 1
        self.delivery.publish(outputs)

    async def settle(self) -> None:
        async with asyncio.timeout(10):
            await self.delivery.settle()

    def _acknowledge(self, output: Output) -> None:
        assert self.broker.offset is not None
        assert output.offset < self.broker.offset, "acknowledged before it was committed"
        assert output.ledger.acknowledge(output.offset, output.outcome)
        self.acknowledged.append(output.offset)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.001)

"""The transactions of one partition on a broker that only remembers: what is committed is whole, in order, and once."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pytest
from aiokafka.errors import (
    KafkaConnectionError,
    KafkaError,
    MessageSizeTooLargeError,
    ProducerFenced,
    TransactionalIdAuthorizationFailed,
)
from aiokafka.structs import TopicPartition

from tests.worker.fakes import record
from worker import lane
from worker.dead_letters import DeadLetters
from worker.errors import ConfigError
from worker.ledger import Ledger
from worker.metrics import Metrics
from worker.outputs import Output
from worker.transactions import ExactlyOnce

SOURCE = TopicPartition("in", 0)
SIZE = 10
"""Bytes that the broker takes in a record."""


@dataclass
class Broker:
    """What was committed; ``fails`` are the errors of the next commits, None for one that goes well."""

    records: list[tuple[str, bytes]] = field(default_factory=list)
    offset: int | None = None
    transactions: list[int] = field(default_factory=list)
    fails: list[KafkaError | None] = field(default_factory=list)
    refuses_start: KafkaError | None = None
    open: int = 0


class Sender:
    _retry_backoff = 0.0


class Producer:
    """aiokafka's, as far as a lane asks. With ``early`` it looks at sizes itself, and not when the batch is back."""

    def __init__(self, broker: Broker, early: bool, transactional_id: str) -> None:
        self._broker = broker
        self._early = early
        self._taken: list[tuple[str, bytes]] = []
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
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if len(value) <= SIZE:
            self._taken.append((topic, value))
            future.set_result(None)
        elif self._early:
            raise MessageSizeTooLargeError
        else:
            future.set_exception(MessageSizeTooLargeError())
        return future

    async def send_offsets_to_transaction(self, offsets: dict[TopicPartition, int], group: str) -> None:
        assert group == "group"
        self._offset = offsets[SOURCE]

    async def commit_transaction(self) -> None:
        broker = self._broker
        if broker.fails and (error := broker.fails.pop(0)) is not None:
            raise error
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

    def __init__(self, early: bool = False) -> None:
        self.broker = Broker()
        self.client: Any = Client(self.broker)
        self.ledger: Ledger[Output] = Ledger()
        self.acknowledged: list[int] = []
        producer: Callable[[str], Any] = partial(Producer, self.broker, early)
        terms = lane.Terms(
            producer=producer,
            group="group",
            prefix="triage",
            dead_letters=DeadLetters("dlq"),
            acknowledge=self._acknowledge,
            interval_s=0.01,
            rejoin_s=0.01,
            metrics=Metrics(),
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


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lane, "BACKOFF_S", (0.01,))
    monkeypatch.setattr(lane, "abandon", Producer.close)


@pytest.fixture(params=[False, True], ids=["refused by the broker", "refused by the client"])
async def bench(request: pytest.FixtureRequest) -> AsyncIterator[Bench]:
    made = Bench(early=request.param)
    made.assign()
    yield made
    await made.delivery.revoked([SOURCE])
    assert made.broker.open == 0


async def test_outputs_and_their_offset_are_committed_together(bench: Bench) -> None:
    await bench.publish(b"a", b"b")
    await bench.publish(b"c")
    assert bench.delivery.outstanding == 3
    await bench.settle()
    assert bench.broker.transactions == [3]
    assert (bench.broker.records, bench.broker.offset) == ([("out", b"a"), ("out", b"b"), ("out", b"c")], 3)
    assert bench.acknowledged == [0, 1, 2]
    assert (bench.delivery.problem, bench.delivery.waiting_s) == (None, 0)


async def test_what_is_refused_is_a_dead_letter_in_its_place(bench: Bench) -> None:
    await bench.publish(b"a", b"much too large", b"c")
    await bench.settle()
    assert bench.broker.records == [("out", b"a"), ("dlq", b"{}"), ("out", b"c")]
    assert bench.broker.offset == 3
    assert bench.acknowledged == [0, 1, 2]


async def test_several_that_are_refused_are_found_one_by_one_and_the_others_go_out(bench: Bench) -> None:
    await bench.publish(b"a", b"much too large", b"c", b"too large as well", b"e")
    await bench.settle()
    letter = ("dlq", b"{}")
    assert bench.broker.records == [("out", b"a"), letter, ("out", b"c"), letter, ("out", b"e")]
    assert bench.acknowledged == [0, 1, 2, 3, 4]
    await bench.publish(b"f", b"g")
    await bench.settle()
    assert bench.broker.transactions[-1] == 2  # together again


async def test_a_transaction_that_fails_is_read_again_from_the_committed_offset(bench: Bench) -> None:
    await bench.publish(b"a")
    await bench.settle()
    bench.broker.fails = [KafkaConnectionError("gone"), None]
    before = bench.ledger[SOURCE]
    await bench.publish(b"b", b"c")
    await until(lambda: bench.delivery.problem is not None)
    assert "gone" in str(bench.delivery.problem)
    assert not bench.client.reads
    assert bench.delivery.waiting_s > 0
    await bench.begun()
    assert bench.client.position == 1
    assert not before.active
    assert bench.delivery.outstanding == 0
    await bench.publish(b"b", b"c")
    await bench.settle()
    assert bench.broker.records == [("out", b"a"), ("out", b"b"), ("out", b"c")]
    assert bench.delivery.problem is None
    found = bench.ledger.conservation()
    assert (found.read, found.accepted, found.given_back) == (5, 3, 2)
    assert found.holds


async def test_where_nothing_was_ever_committed_it_is_read_again_from_where_it_began(bench: Bench) -> None:
    bench.client.position = 7
    bench.broker.fails = [ProducerFenced("another has it")]
    await bench.publish(b"a", b"b")
    await until(lambda: bench.client.position == 7)
    await bench.publish(b"a", b"b")
    await bench.settle()
    assert (bench.broker.records, bench.broker.offset) == ([("out", b"a"), ("out", b"b")], 9)


async def test_what_is_revoked_is_neither_published_nor_acknowledged(bench: Bench) -> None:
    await bench.publish(b"a")
    await bench.delivery.revoked([SOURCE])
    assert (bench.broker.records, bench.acknowledged) == ([], [])
    assert bench.delivery.outstanding == 0


async def test_a_right_that_is_missing_from_the_start_ends_it(bench: Bench) -> None:
    bench.broker.refuses_start = TransactionalIdAuthorizationFailed("triage-group-in-0")
    await bench.delivery.revoked([SOURCE])
    bench.assign()
    with pytest.raises(ConfigError, match="transactional id triage-group-in-0"):
        async with asyncio.timeout(10):
            await bench.delivery.run()

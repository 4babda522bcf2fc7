"""At least once on a broker that only remembers: nothing lost, nothing overtaken, and committed is what it has."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from aiokafka.errors import CommitFailedError, KafkaConnectionError, KafkaError, MessageSizeTooLargeError
from aiokafka.structs import TopicPartition
from triage_worker.observability.metrics import Metrics
from triage_worker.streaming.delivery import at_least_once as publisher
from triage_worker.streaming.delivery.at_least_once import AtLeastOnce
from triage_worker.streaming.tracking.dead_letters import DeadLetters
from triage_worker.streaming.tracking.offset_tracker import Ledger
from triage_worker.streaming.tracking.output import Output

from tests.worker.fakes import record

A, B = TopicPartition("in", 0), TopicPartition("in", 1)
SIZE = 10
"""Bytes that the broker takes in a record."""

BATCH = 3
"""Records that go together; all are refused, if one is."""


class Producer:
    """aiokafka's, as far as the publisher asks. With ``early`` it refuses what is too large at once."""

    def __init__(self, bench: "Bench", early: bool) -> None:
        self._bench = bench
        self._early = early
        self._waiting: list[tuple[asyncio.Future[None], tuple[str, bytes]]] = []
        self.open = True

    async def start(self) -> None:
        asyncio.get_running_loop().call_soon(self._deliver)

    async def send(self, topic: str, value: bytes, **_: Any) -> "asyncio.Future[None]":
        if self._early and len(value) > SIZE:
            raise MessageSizeTooLargeError
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((future, (topic, value)))
        return future

    def _deliver(self) -> None:
        if not self.open:
            return
        batch, self._waiting = self._waiting[:BATCH], self._waiting[BATCH:]
        error: KafkaError | None = None
        if batch and self._bench.fails:
            error = self._bench.fails.pop(0)
        if any(len(value) > SIZE for _, (_, value) in batch):
            error = MessageSizeTooLargeError()
        for future, sent in batch:
            if error is None:
                self._bench.records.append(sent)
                future.set_result(None)
            else:
                future.set_exception(error)
                future.exception()  # who asked may be gone
        loop = asyncio.get_running_loop()
        if self._waiting:
            loop.call_soon(self._deliver)  # the next batch is on its way when the answer to this one comes
        else:
            loop.call_later(0.001, self._deliver)


def halted(producer: Any) -> None:
    producer.open = False


async def abandoned(producer: Any) -> None:
    producer.open = False


class Bench:
    """A publisher, and what is around it; it is its consumer, too."""

    def __init__(self, early: bool) -> None:
        self.records: list[tuple[str, bytes]] = []
        self.fails: list[KafkaError] = []
        self.refuses_commits = False
        self.committed: dict[TopicPartition, int] = {}
        self.commits = 0
        self.acknowledged: list[int] = []
        self.ledger: Ledger[Output] = Ledger()
        make: Callable[[], Any] = lambda: Producer(self, early)  # noqa: E731
        self.publisher = AtLeastOnce(
            make, self.ledger, DeadLetters("dlq"), self._acknowledge, commit_interval_s=60, metrics=Metrics()
        )
        client: Any = self
        self.publisher.assigned(client, [self.ledger.assign(partition) for partition in (A, B)])

    def publish(self, *values: bytes, partition: TopicPartition = A) -> None:
        """Messages are read, and their answers published together."""
        books = self.ledger[partition]
        outputs = []
        for value in values:
            offset = books.last_offset + 1
            books.hand_out(offset)
            read = record(partition, offset, b"{}")
            outputs.append(Output(books, read, "accepted", "WISMO", "out", b"k", value, headers=[]))
        self.publisher.publish(outputs)

    async def settle(self) -> None:
        async with asyncio.timeout(10):
            await self.publisher.settle()

    async def commit(self, offsets: dict[TopicPartition, int]) -> None:
        if self.refuses_commits:
            raise CommitFailedError
        self.committed |= offsets
        self.commits += 1

    def _acknowledge(self, output: Output) -> None:
        assert output.ledger.acknowledge(output.offset, output.outcome)
        self.acknowledged.append(output.offset)


@pytest.fixture(params=[False, True], ids=["refused by the broker", "refused by the client"])
async def bench(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Bench]:
    monkeypatch.setattr(publisher, "BACKOFF_S", (0.001,))
    monkeypatch.setattr(publisher, "halt", halted)
    monkeypatch.setattr(publisher, "abandon", abandoned)
    made = Bench(early=request.param)
    running = asyncio.create_task(made.publisher.run())
    yield made
    running.cancel()
    await asyncio.wait([running])


def first_times(records: list[tuple[str, bytes]]) -> list[tuple[str, bytes]]:
    """Without the repeats."""
    return list(dict.fromkeys(records))


async def test_what_the_broker_has_is_acknowledged_and_committed(bench: Bench) -> None:
    bench.publish(b"a", b"b")
    bench.publish(b"c", partition=B)
    assert bench.publisher.outstanding == 3
    await bench.settle()
    assert bench.records == [("out", b"a"), ("out", b"b"), ("out", b"c")]
    assert bench.committed == {A: 2, B: 1}
    assert (bench.publisher.problem, bench.publisher.waiting_s) == (None, 0)


async def test_what_is_refused_is_a_dead_letter_and_nothing_overtakes_it(bench: Bench) -> None:
    bench.publish(*[b"%d" % number for number in range(4)], b"much too large", *[b"%d" % n for n in range(5, 12)])
    await bench.settle()
    expected = [("out", b"%d" % number) for number in range(12)]
    expected[4] = ("dlq", b"{}")
    assert first_times(bench.records) == expected
    assert sorted(bench.acknowledged) == list(range(12))
    assert bench.committed == {A: 12}


async def test_several_that_are_refused_are_found_and_the_others_go_out(bench: Bench) -> None:
    bench.publish(b"a", b"much too large", b"c", b"too large as well", b"e", b"f", b"g")
    await bench.settle()
    assert [value for topic, value in bench.records if topic == "dlq"] == [b"{}", b"{}"]
    assert first_times([sent for sent in bench.records if sent[0] == "out"]) == [("out", b"%c" % c) for c in b"acefg"]
    assert bench.committed == {A: 7}


async def test_what_fails_is_sent_again_in_its_order(bench: Bench) -> None:
    bench.fails = [KafkaConnectionError("gone"), KafkaConnectionError("gone")]
    bench.publish(b"a", b"b", b"c", b"d", b"e")
    async with asyncio.timeout(10):
        while bench.publisher.problem is None:  # noqa: ASYNC110
            await asyncio.sleep(0.001)
    assert "gone" in bench.publisher.problem
    assert bench.publisher.waiting_s > 0
    await bench.settle()
    assert first_times(bench.records) == [("out", b"%c" % c) for c in b"abcde"]
    assert bench.publisher.problem is None


async def test_what_was_revoked_is_left_out(bench: Bench) -> None:
    bench.publish(b"a")
    bench.publish(b"b", partition=B)
    bench.ledger.revoke([A])
    await bench.settle()
    assert (bench.records, bench.committed) == ([("out", b"b")], {B: 1})


async def test_a_commit_that_fails_is_made_the_next_time(bench: Bench) -> None:
    bench.refuses_commits = True
    bench.publish(b"a")
    await bench.settle()
    assert bench.committed == {}
    bench.refuses_commits = False
    await bench.settle()
    assert bench.committed == {A: 1}
    await bench.settle()
    assert bench.commits == 1, "there was nothing new"

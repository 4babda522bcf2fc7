"""At-least-once delivery to a fake broker: nothing is lost or overtaken, and only what the broker has is committed."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from aiokafka.errors import CommitFailedError, KafkaConnectionError, KafkaError, MessageSizeTooLargeError
from aiokafka.structs import TopicPartition
from triage_worker.observability.metrics import Metrics
from triage_worker.resilience.backoff import FixedDelays
from triage_worker.streaming.delivery import at_least_once
from triage_worker.streaming.delivery.at_least_once import AtLeastOnce
from triage_worker.streaming.offset_commits import OffsetCommitter
from triage_worker.streaming.tracking.dead_letters import DeadLetters
from triage_worker.streaming.tracking.in_flight import InFlightMessages
from triage_worker.streaming.tracking.output import Output, skipped

from tests.worker.fakes import record

A, B = TopicPartition("in", 0), TopicPartition("in", 1)
SIZE = 10
"""Bytes that the broker takes in a record."""

BATCH = 3
"""Records that go together; all are refused, if one is."""


class Producer:
    """aiokafka's, as far as the delivery uses it. With ``early`` it refuses what is too large at once."""

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


class Acknowledging(InFlightMessages):
    """Remembers what was acknowledged; each output must be acknowledged once."""

    def __init__(self, acknowledged: list[int]) -> None:
        super().__init__(Metrics())
        self._acknowledged_offsets = acknowledged

    def acknowledge(self, output: Output) -> None:
        before = output.tracker.in_flight
        super().acknowledge(output)
        assert output.tracker.in_flight == before - 1
        self._acknowledged_offsets.append(output.offset)


class Bench:
    """A delivery with its surroundings; also the consumer that commits."""

    def __init__(self, early: bool) -> None:
        self.records: list[tuple[str, bytes]] = []
        self.fails: list[KafkaError] = []
        self.refuses_commits = False
        self.committed: dict[TopicPartition, int] = {}
        self.commits = 0
        self.acknowledged: list[int] = []
        self.in_flight = Acknowledging(self.acknowledged)
        make: Callable[[], Any] = lambda: Producer(self, early)  # noqa: E731
        self.delivery = AtLeastOnce(make, self.in_flight, DeadLetters("dlq"))
        self.committer = OffsetCommitter(self.in_flight.offsets, interval_s=60, metrics=Metrics())
        for partition in (A, B):
            self.in_flight.offsets.assign(partition)
        self.delivery.assign([A, B], brokers=1)

    def publish(self, *values: bytes, partition: TopicPartition = A) -> None:
        """Read messages, and complete their outputs together."""
        tracker = self.in_flight.offsets[partition]
        outputs = []
        for value in values:
            offset = tracker.last_offset + 1
            read = record(partition, offset, b"{}")
            self.in_flight.track(partition, [read])
            outputs.append(Output(tracker, read, "accepted", "WISMO", "out", b"k", value, headers=[]))
        self.in_flight.complete(outputs)

    def skip(self, partition: TopicPartition = A) -> None:
        """Read a record that is no new message."""
        tracker = self.in_flight.offsets[partition]
        read = record(partition, tracker.last_offset + 1, b"{}")
        self.in_flight.track(partition, [read])
        self.in_flight.complete([skipped(tracker, read, "heartbeat")])

    async def flush_and_commit(self) -> None:
        client: Any = self
        async with asyncio.timeout(10):
            await self.delivery.flush()
            await self.committer.commit(client)

    async def commit(self, offsets: dict[TopicPartition, int]) -> None:
        if self.refuses_commits:
            raise CommitFailedError
        self.committed |= offsets
        self.commits += 1


@pytest.fixture(params=[False, True], ids=["refused by the broker", "refused by the client"])
async def bench(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Bench]:
    monkeypatch.setattr(at_least_once, "RETRY", FixedDelays((0.001,)))
    monkeypatch.setattr(at_least_once, "halt", halted)
    monkeypatch.setattr(at_least_once, "abandon", abandoned)
    made = Bench(early=request.param)
    running = asyncio.create_task(made.delivery.run())
    yield made
    running.cancel()
    await asyncio.wait([running])


def first_times(records: list[tuple[str, bytes]]) -> list[tuple[str, bytes]]:
    """Without the repeats."""
    return list(dict.fromkeys(records))


async def test_what_the_broker_has_is_acknowledged_and_committed(bench: Bench) -> None:
    bench.publish(b"a", b"b")
    bench.publish(b"c", partition=B)
    assert bench.delivery.outstanding == 3
    await bench.flush_and_commit()
    assert bench.records == [("out", b"a"), ("out", b"b"), ("out", b"c")]
    assert bench.committed == {A: 2, B: 1}
    assert (bench.delivery.problem, bench.delivery.waiting_s) == (None, 0)


async def test_what_is_refused_is_a_dead_letter_and_nothing_overtakes_it(bench: Bench) -> None:
    bench.publish(*[b"%d" % number for number in range(4)], b"much too large", *[b"%d" % n for n in range(5, 12)])
    await bench.flush_and_commit()
    expected = [("out", b"%d" % number) for number in range(12)]
    expected[4] = ("dlq", b"{}")
    assert first_times(bench.records) == expected
    assert sorted(bench.acknowledged) == list(range(12))
    assert bench.committed == {A: 12}


async def test_several_that_are_refused_are_found_and_the_others_go_out(bench: Bench) -> None:
    bench.publish(b"a", b"much too large", b"c", b"too large as well", b"e", b"f", b"g")
    await bench.flush_and_commit()
    assert [value for topic, value in bench.records if topic == "dlq"] == [b"{}", b"{}"]
    assert first_times([sent for sent in bench.records if sent[0] == "out"]) == [("out", b"%c" % c) for c in b"acefg"]
    assert bench.committed == {A: 7}


async def test_what_fails_is_sent_again_in_its_order(bench: Bench) -> None:
    bench.fails = [KafkaConnectionError("gone"), KafkaConnectionError("gone")]
    bench.publish(b"a", b"b", b"c", b"d", b"e")
    async with asyncio.timeout(10):
        while bench.delivery.problem is None:  # noqa: ASYNC110
            await asyncio.sleep(0.001)
    assert "gone" in bench.delivery.problem
    assert bench.delivery.waiting_s > 0
    await bench.flush_and_commit()
    assert first_times(bench.records) == [("out", b"%c" % c) for c in b"abcde"]
    assert bench.delivery.problem is None


async def test_what_was_revoked_is_left_out(bench: Bench) -> None:
    bench.publish(b"a")
    bench.publish(b"b", partition=B)
    bench.in_flight.revoke([A])
    await bench.flush_and_commit()
    assert (bench.records, bench.committed) == ([("out", b"b")], {B: 1})


async def test_a_commit_that_fails_is_made_the_next_time(bench: Bench) -> None:
    bench.refuses_commits = True
    bench.publish(b"a")
    await bench.flush_and_commit()
    assert bench.committed == {}
    bench.refuses_commits = False
    await bench.flush_and_commit()
    assert bench.committed == {A: 1}
    await bench.flush_and_commit()
    assert bench.commits == 1, "there was nothing new"


async def test_a_skipped_record_is_committed_and_nothing_is_published_for_it(bench: Bench) -> None:
    bench.publish(b"a")
    bench.skip()
    bench.publish(b"b")
    await bench.flush_and_commit()
    assert bench.records == [("out", b"a"), ("out", b"b")]
    assert (sorted(bench.acknowledged), bench.committed) == ([0, 1, 2], {A: 3})
    assert bench.in_flight.offsets.counts().skipped == 1

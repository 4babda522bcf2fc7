"""At-least-once delivery to a fake broker: no output is lost or overtaken, and only acknowledged ones are committed."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from aiokafka.errors import CommitFailedError, KafkaConnectionError, KafkaError, MessageSizeTooLargeError
from aiokafka.structs import TopicPartition
from triage_worker.kafka.dead_letters import DeadLetterTopic
from triage_worker.observability.metrics import Metrics
from triage_worker.resilience.backoff import FixedDelays
from triage_worker.streaming.delivery import at_least_once
from triage_worker.streaming.delivery.at_least_once import AtLeastOnce
from triage_worker.streaming.offset_commits import OffsetCommitter
from triage_worker.streaming.tracking.dead_letters import DeadLetters

from tests.worker.streaming.delivery.fakes import MAX_RECORD_BYTES, RecordingInFlight, wait_for

A, B = TopicPartition("in", 0), TopicPartition("in", 1)
BATCH_RECORDS = 3
"""Records that are sent together; if one is refused, all are."""


class FakeProducer:
    """The part of an idempotent producer that the delivery uses.

    Args:
        harness: the broker.
        client_checks_size: refuse a record that is too large before it is in a batch.
    """

    def __init__(self, harness: "DeliveryHarness", client_checks_size: bool) -> None:
        self._harness = harness
        self._client_checks_size = client_checks_size
        self._waiting: list[tuple[asyncio.Future[None], tuple[str, bytes]]] = []
        self.open = True

    async def start(self) -> None:
        asyncio.get_running_loop().call_soon(self._deliver)

    async def send(self, topic: str, value: bytes, **_: Any) -> "asyncio.Future[None]":
        if self._client_checks_size and len(value) > MAX_RECORD_BYTES:
            raise MessageSizeTooLargeError
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((future, (topic, value)))
        return future

    def _deliver(self) -> None:
        if not self.open:
            return
        batch, self._waiting = self._waiting[:BATCH_RECORDS], self._waiting[BATCH_RECORDS:]
        error: KafkaError | None = None
        if batch and self._harness.batch_errors:
            error = self._harness.batch_errors.pop(0)
        if any(len(value) > MAX_RECORD_BYTES for _, (_, value) in batch):
            error = MessageSizeTooLargeError()
        for future, sent in batch:
            if error is None:
                self._harness.records.append(sent)
                future.set_result(None)
            else:
                future.set_exception(error)
                future.exception()  # the sender may have been cancelled
        loop = asyncio.get_running_loop()
        if self._waiting:
            loop.call_soon(self._deliver)  # the next batch is on its way when this one is answered
        else:
            loop.call_later(0.001, self._deliver)


def halt(producer: Any) -> None:
    producer.open = False


async def abandon(producer: Any) -> None:
    producer.open = False


class DeliveryHarness:
    """A delivery with a fake broker and the client that commits.

    Attributes:
        records: topics and values that the broker has.
        batch_errors: the errors of the next batches.
        refuses_commits: whether commits fail.
        committed: offsets by partition.
        commits: how many commits succeeded.
    """

    def __init__(self, client_checks_size: bool) -> None:
        self.records: list[tuple[str, bytes]] = []
        self.batch_errors: list[KafkaError] = []
        self.refuses_commits = False
        self.committed: dict[TopicPartition, int] = {}
        self.commits = 0
        self.in_flight = RecordingInFlight(Metrics())
        make: Callable[[], Any] = lambda: FakeProducer(self, client_checks_size)  # noqa: E731
        self.delivery = AtLeastOnce(make, self.in_flight, DeadLetters(DeadLetterTopic("dlq")))
        self.committer = OffsetCommitter(self.in_flight.offsets, interval_s=60, metrics=Metrics())
        for partition in (A, B):
            self.in_flight.offsets.assign(partition)
        self.delivery.assign([A, B], brokers=1)

    def publish(self, *values: bytes, partition: TopicPartition = A) -> None:
        """Read messages, and complete their outputs together."""
        offset = self.in_flight.offsets[partition].last_offset + 1
        self.in_flight.read_and_complete(partition, offset, *values)

    def skip(self) -> None:
        """Read a record that is skipped."""
        self.in_flight.read_and_skip(A, self.in_flight.offsets[A].last_offset + 1)

    async def flush_and_commit(self) -> None:
        """Wait until everything is acknowledged, and commit it."""
        client: Any = self
        async with asyncio.timeout(10):
            await self.delivery.flush()
            await self.committer.commit(client)

    async def commit(self, offsets: dict[TopicPartition, int]) -> None:
        """Commit as the consumer's client does."""
        if self.refuses_commits:
            raise CommitFailedError
        self.committed |= offsets
        self.commits += 1


@pytest.fixture(params=[False, True], ids=["refused by the broker", "refused by the client"])
async def harness(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[DeliveryHarness]:
    monkeypatch.setattr(at_least_once, "RETRY", FixedDelays((0.001,)))
    monkeypatch.setattr(at_least_once, "halt", halt)
    monkeypatch.setattr(at_least_once, "abandon", abandon)
    created = DeliveryHarness(client_checks_size=request.param)
    running = asyncio.create_task(created.delivery.run())
    yield created
    running.cancel()
    await asyncio.wait([running])


def without_repeats(records: list[tuple[str, bytes]]) -> list[tuple[str, bytes]]:
    return list(dict.fromkeys(records))


async def test_acknowledged_outputs_are_committed(harness: DeliveryHarness) -> None:
    harness.publish(b"a", b"b")
    harness.publish(b"c", partition=B)
    assert harness.delivery.outstanding == 3
    await harness.flush_and_commit()
    assert harness.records == [("out", b"a"), ("out", b"b"), ("out", b"c")]
    assert harness.committed == {A: 2, B: 1}
    assert (harness.delivery.problem, harness.delivery.waiting_s) == (None, 0)


async def test_a_refused_output_becomes_a_dead_letter_and_nothing_overtakes_it(harness: DeliveryHarness) -> None:
    harness.publish(*[b"%d" % number for number in range(4)], b"much too large", *[b"%d" % n for n in range(5, 12)])
    await harness.flush_and_commit()
    expected = [("out", b"%d" % number) for number in range(12)]
    expected[4] = ("dlq", b"{}")
    assert without_repeats(harness.records) == expected
    assert sorted(harness.in_flight.acknowledged_offsets) == list(range(12))
    assert harness.committed == {A: 12}


async def test_several_refused_outputs_are_found_and_the_others_are_published(harness: DeliveryHarness) -> None:
    harness.publish(b"a", b"much too large", b"c", b"too large as well", b"e", b"f", b"g")
    await harness.flush_and_commit()
    assert [value for topic, value in harness.records if topic == "dlq"] == [b"{}", b"{}"]
    published = without_repeats([sent for sent in harness.records if sent[0] == "out"])
    assert published == [("out", b"%c" % c) for c in b"acefg"]
    assert harness.committed == {A: 7}


async def test_after_an_error_outputs_are_sent_again_in_order(harness: DeliveryHarness) -> None:
    harness.batch_errors = [KafkaConnectionError("gone"), KafkaConnectionError("gone")]
    harness.publish(b"a", b"b", b"c", b"d", b"e")
    await wait_for(lambda: harness.delivery.problem is not None)
    assert "gone" in str(harness.delivery.problem)
    assert harness.delivery.waiting_s > 0
    await harness.flush_and_commit()
    assert without_repeats(harness.records) == [("out", b"%c" % c) for c in b"abcde"]
    assert harness.delivery.problem is None


async def test_outputs_of_a_revoked_partition_are_not_published(harness: DeliveryHarness) -> None:
    harness.publish(b"a")
    harness.publish(b"b", partition=B)
    harness.in_flight.revoke([A])
    await harness.flush_and_commit()
    assert (harness.records, harness.committed) == ([("out", b"b")], {B: 1})


async def test_outputs_are_gathered_while_many_messages_are_in_flight(
    harness: DeliveryHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(at_least_once, "BUSY_MESSAGES", 3)
    monkeypatch.setattr(at_least_once, "GATHER_S", 0.2)
    harness.publish(b"a", b"b")
    await wait_for(lambda: len(harness.records) == 2)
    harness.publish(b"c", b"d", b"e")  # goes at once; what comes after it is gathered
    await wait_for(lambda: len(harness.records) == 5)
    harness.publish(b"f")
    harness.publish(b"g")
    assert harness.in_flight.released == 2
    await asyncio.sleep(0)
    assert harness.in_flight.released == 2
    await harness.flush_and_commit()
    assert harness.records == [("out", b"%c" % c) for c in b"abcdefg"]
    assert harness.committed == {A: 7}


async def test_a_commit_that_fails_is_repeated_the_next_time(harness: DeliveryHarness) -> None:
    harness.refuses_commits = True
    harness.publish(b"a")
    await harness.flush_and_commit()
    assert harness.committed == {}
    harness.refuses_commits = False
    await harness.flush_and_commit()
    assert harness.committed == {A: 1}
    await harness.flush_and_commit()
    assert harness.commits == 1, "there was nothing new to commit"


async def test_a_skipped_record_is_committed_and_nothing_is_published_for_it(harness: DeliveryHarness) -> None:
    harness.publish(b"a")
    harness.skip()
    harness.publish(b"b")
    await harness.flush_and_commit()
    assert harness.records == [("out", b"a"), ("out", b"b")]
    assert (sorted(harness.in_flight.acknowledged_offsets), harness.committed) == ([0, 1, 2], {A: 3})
    assert harness.in_flight.offsets.counts().skipped == 1

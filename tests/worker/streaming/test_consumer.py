"""The consumer with fakes of its client, the processor and the delivery."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiokafka.errors import (
    GroupAuthorizationFailedError,
    KafkaConnectionError,
    KafkaError,
    TopicAuthorizationFailedError,
)
from aiokafka.structs import TopicPartition
from triage_worker.config.errors import ConfigError
from triage_worker.observability.metrics import Metrics
from triage_worker.streaming import consumer as consumer_module
from triage_worker.streaming.consumer import Consumer, ConsumerConfig
from triage_worker.streaming.offset_commits import OffsetCommitter

from tests.worker.fakes import record
from tests.worker.streaming.fakes import FakeClient, FakeDelivery, FakeProcessor, LoggingInFlight

A, B = TopicPartition("in", 0), TopicPartition("in", 1)


class RecordingDelays:
    """Retry delays of zero, which record the numbers of failures.

    Args:
        longest_s: a session that lasts longer than this counts as a success.
    """

    def __init__(self, longest_s: float) -> None:
        self.longest_s = longest_s
        self.failures: list[int] = []

    def delay_s(self, failures: int) -> float:
        self.failures.append(failures)
        return 0.0


class ConsumerHarness:
    """A consumer between fakes.

    Args:
        commits_offsets: whether the delivery commits offsets.
        start_errors: the errors of the first clients.
        hangs: the start of a client never ends.
        max_in_flight: of the consumer.
        revoke_timeout_s: of the consumer.

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
    ) -> None:
        self.calls: list[str] = []
        self.clients: list[FakeClient] = []
        self._start_errors = list(start_errors)
        self._hangs = hangs
        self.metrics = Metrics()
        self.in_flight = LoggingInFlight(self.calls, self.metrics)
        self.processor = FakeProcessor(self.calls)
        self.stop = asyncio.Event()
        make_client: Callable[[], Any] = self.make_client
        self.consumer = Consumer(
            make_client,
            "in",
            self.in_flight,
            self.processor,
            FakeDelivery(self.calls, commits_offsets=commits_offsets),
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


@pytest.fixture
def delays(monkeypatch: pytest.MonkeyPatch) -> RecordingDelays:
    created = RecordingDelays(longest_s=60)
    monkeypatch.setattr(consumer_module, "RETRY", created)
    return created


async def test_a_revocation_waits_flushes_commits_and_then_releases_the_partitions() -> None:
    harness = ConsumerHarness()
    async with running(harness):
        await harness.assign(A, B)
        harness.read(7, 8)
        harness.acknowledge(7)
        harness.processor.is_idle = False
        harness.calls.clear()
        revoking = asyncio.create_task(harness.consumer.on_partitions_revoked({A}))
        await asyncio.sleep(0.02)
        assert harness.calls == ["pause processor"]
        assert not harness.consumer.assigned
        harness.processor.is_idle = True
        await revoking
        assert harness.calls == ["pause processor", "flush", "commit {0: 8}", "release [0]", "revoke [0]"]
        assert harness.in_flight.offsets.counts().given_back == 1
        assert B in harness.in_flight.offsets


async def test_a_revocation_releases_the_partitions_when_its_time_is_up(caplog: pytest.LogCaptureFixture) -> None:
    harness = ConsumerHarness(revoke_timeout_s=0.01)
    async with running(harness, drain_s=0.01):
        await harness.assign(A)
        harness.processor.is_idle = False
        harness.calls.clear()
        await harness.consumer.on_partitions_revoked({A})
        assert harness.calls == ["pause processor", "release [0]", "revoke [0]"]
    assert "Not everything was finished in time" in caplog.text


async def test_offsets_that_the_delivery_commits_are_not_committed_by_the_consumer() -> None:
    harness = ConsumerHarness(commits_offsets=True)
    async with running(harness):
        await harness.assign(A)
        harness.read(7)
        harness.acknowledge(7)
        harness.calls.clear()
        await harness.consumer.on_partitions_revoked({A})
        assert harness.calls == ["pause processor", "flush", "release [0]", "revoke [0]"]


async def test_partitions_are_tracked_before_the_processor_continues() -> None:
    harness = ConsumerHarness()
    async with running(harness):
        await harness.assign(B, A)
        assert harness.calls == ["assign [0, 1] brokers 3", "resume processor"]
        assert (A in harness.in_flight.offsets, B in harness.in_flight.offsets) == (True, True)
        assert harness.consumer.assigned


async def test_partitions_start_paused_if_the_delivery_commits_offsets() -> None:
    harness = ConsumerHarness(commits_offsets=True)
    async with running(harness):
        await harness.assign(A, B)
        assert harness.calls == ["pause partitions [0, 1]", "assign [0, 1] brokers 3", "resume processor"]


async def test_a_rebalance_is_timed_from_the_revocation_to_the_next_assignment() -> None:
    harness = ConsumerHarness()
    async with running(harness):
        await harness.assign(A)
        await harness.consumer.on_partitions_revoked({A})
        await harness.consumer.on_partitions_assigned({A})
        assert harness.metrics.registry.get_sample_value("triage_rebalance_seconds_count") == 1


async def test_fetched_records_are_tracked_and_given_to_the_processor() -> None:
    harness = ConsumerHarness()
    async with running(harness, drain_s=0.01):
        await harness.assign(A)
        harness.client.fetched = [{A: [record(A, 7, b"{}"), record(A, 9, b"{}")]}]
        await harness.wait_for(lambda: bool(harness.processor.batches))
        (batch,) = harness.processor.batches
        assert [read.offset for read in batch.records] == [7, 9]
        assert batch.tracker is harness.in_flight.offsets[A]
        assert batch.tracker.in_flight == 2


async def test_no_more_messages_are_read_than_may_be_in_flight() -> None:
    harness = ConsumerHarness(max_in_flight=3)
    async with running(harness, drain_s=0.01):
        await harness.assign(A)
        harness.client.fetched = [{A: [record(A, offset, b"{}") for offset in range(3)]}]
        await harness.wait_for(lambda: harness.in_flight.offsets.in_flight == 3)
        harness.client.polls.clear()
        await harness.wait_for(lambda: len(harness.client.polls) > 1)
        assert set(harness.client.polls) == {((TopicPartition("in", -1),), None)}, "only to remain a member"
        harness.acknowledge(0, 1)
        harness.client.polls.clear()
        await harness.wait_for(lambda: ((), 2) in harness.client.polls)


async def test_nothing_is_read_while_the_messages_in_flight_are_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consumer_module, "MAX_BYTES_IN_FLIGHT", 10)
    harness = ConsumerHarness()
    async with running(harness, drain_s=0.01):
        await harness.assign(A)
        harness.client.fetched = [{A: [record(A, 0, b"x" * 11, key=None)]}]
        await harness.wait_for(lambda: harness.in_flight.offsets.in_flight == 1)
        harness.client.polls.clear()
        await harness.wait_for(lambda: len(harness.client.polls) > 1)
        assert set(harness.client.polls) == {((TopicPartition("in", -1),), None)}


async def test_a_stop_waits_for_messages_in_flight_commits_them_and_leaves_the_group() -> None:
    harness = ConsumerHarness()
    async with running(harness) as task:
        await harness.assign(A)
        harness.read(7)
        harness.calls.clear()
        harness.stop.set()
        await asyncio.sleep(0.02)
        assert (harness.calls, task.done()) == ([], False)
        harness.acknowledge(7)
    assert harness.calls == [
        "flush",
        "commit {0: 8}",
        "pause processor",
        "release [0]",
        "revoke [0]",
        "stop client",
    ]
    assert harness.consumer.client is None


async def test_a_stop_gives_up_on_messages_in_flight_when_its_time_is_up() -> None:
    harness = ConsumerHarness()
    async with running(harness, drain_s=0.01):
        await harness.assign(A)
        harness.read(7)
        harness.calls.clear()
    assert harness.calls == ["pause processor", "release [0]", "revoke [0]", "stop client"]
    assert harness.in_flight.offsets.counts().given_back == 1


async def test_a_stop_ends_the_start_of_a_client() -> None:
    harness = ConsumerHarness(hangs=True)
    async with running(harness):
        await harness.wait_for(lambda: bool(harness.clients))
    assert harness.calls[-1] == "stop client"


async def test_an_assignment_while_the_consumer_leaves_is_ignored() -> None:
    harness = ConsumerHarness()
    async with running(harness):
        await harness.assign(A)
    harness.calls.clear()
    await harness.consumer.on_partitions_assigned({A})
    assert (harness.calls, A in harness.in_flight.offsets) == ([], False)


async def test_a_consumer_that_fails_is_replaced_after_a_delay(delays: RecordingDelays) -> None:
    harness = ConsumerHarness(start_errors=(KafkaConnectionError("one"), KafkaConnectionError("two")))
    async with running(harness):
        await harness.wait_for(lambda: len(harness.clients) == 3)
        assert harness.consumer.problem == "KafkaConnectionError('two')"
        await harness.assign(A)
    assert delays.failures == [1, 2]
    assert len(harness.clients) == 3


async def test_the_client_that_failed_is_stopped(delays: RecordingDelays) -> None:
    harness = ConsumerHarness(start_errors=(KafkaConnectionError("one"),))
    async with running(harness):
        await harness.wait_for(lambda: len(harness.clients) == 2)
        assert harness.calls[:4] == ["pause processor", "release []", "revoke []", "stop client"]


async def test_a_session_that_lasted_starts_the_delays_again(delays: RecordingDelays) -> None:
    delays.longest_s = 0
    harness = ConsumerHarness(start_errors=(KafkaConnectionError("one"), KafkaConnectionError("two")))
    async with running(harness):
        await harness.wait_for(lambda: len(harness.clients) == 3)
    assert delays.failures == [1, 1]


async def test_a_stop_ends_the_delay(delays: RecordingDelays, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delays, "delay_s", lambda failures: 3_600.0)
    harness = ConsumerHarness(start_errors=(KafkaConnectionError("one"),))
    async with running(harness):
        await harness.wait_for(lambda: "stop client" in harness.calls)
    assert len(harness.clients) == 1


async def test_a_right_that_is_missing_from_the_start_is_a_configuration_error() -> None:
    harness = ConsumerHarness(start_errors=(GroupAuthorizationFailedError("triage-worker"),))
    with pytest.raises(ConfigError, match="Read on the group triage-worker: grant it"):
        await harness.consumer.run(harness.stop, 10)
    assert len(harness.clients) == 1


async def test_a_right_that_is_revoked_later_is_reported_and_waited_for(delays: RecordingDelays) -> None:
    harness = ConsumerHarness()
    async with running(harness):
        await harness.assign(A)
        harness.client.poll_error = TopicAuthorizationFailedError("in")
        await harness.wait_for(lambda: len(harness.clients) == 2)
        assert "Read on the topic in: grant it" in str(harness.consumer.problem)


async def test_a_missing_topic_is_reported_until_it_exists(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consumer_module, "HEALTHY_AFTER_S", -1.0)
    harness = ConsumerHarness()
    async with running(harness):
        await harness.assign(A)
        harness.client.partitions = None
        await harness.wait_for(lambda: harness.consumer.problem == "there is no topic in")
        harness.client.partitions = {0}
        await harness.wait_for(lambda: harness.consumer.problem is None)


async def test_an_error_is_reported_until_the_consumer_is_healthy_again(delays: RecordingDelays) -> None:
    harness = ConsumerHarness(start_errors=(KafkaConnectionError("one"),))
    async with running(harness, drain_s=0.01):
        await harness.wait_for(lambda: len(harness.clients) == 2)
        await harness.assign(A)
        await asyncio.sleep(0.02)
        assert harness.consumer.problem is not None, "polls without a record do not prove that it may read"
        harness.client.fetched = [{A: [record(A, 0, b"{}")]}]
        await harness.wait_for(lambda: harness.consumer.problem is None)


async def test_an_unexpected_error_of_a_commit_ends_the_consumer(monkeypatch: pytest.MonkeyPatch) -> None:
    harness = ConsumerHarness()
    monkeypatch.setattr(harness.consumer._committer, "_interval_s", 0.001)
    task = asyncio.create_task(harness.consumer.run(harness.stop, 0.01))
    await harness.assign(A)
    harness.client.commit_error = RuntimeError("a bug")
    harness.read(7)
    harness.acknowledge(7)
    with pytest.raises(RuntimeError, match="a bug"):
        async with asyncio.timeout(10):
            await task

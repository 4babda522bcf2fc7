"""What the consumer does when its client fails: delays, a new client, and what it reports meanwhile."""

import asyncio

import pytest
from aiokafka.errors import GroupAuthorizationFailedError, KafkaConnectionError, TopicAuthorizationFailedError
from triage_worker.config.errors import ConfigError
from triage_worker.streaming import consumer as consumer_module

from tests.worker.fakes import record
from tests.worker.streaming.consumer_harness import A, ConsumerHarness, running


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


@pytest.fixture
def delays(monkeypatch: pytest.MonkeyPatch) -> RecordingDelays:
    created = RecordingDelays(longest_s=60)
    monkeypatch.setattr(consumer_module, "RETRY", created)
    return created


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


async def test_a_topic_that_is_hidden_during_a_poll_is_not_taken_for_missing(
    delays: RecordingDelays, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumer_module, "HEALTHY_AFTER_S", -1.0)
    harness = ConsumerHarness()
    async with running(harness):
        await harness.assign(A)
        harness.client.hidden.add("in")
        harness.client.partitions = None
        await harness.wait_for(lambda: len(harness.clients) == 2)
        assert "Read on the topic in: grant it" in str(harness.consumer.problem)


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

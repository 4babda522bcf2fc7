"""Commits of acknowledged offsets by the consumer's client."""

import asyncio
from typing import Any, cast

import pytest
from aiokafka import AIOKafkaConsumer
from aiokafka.errors import CommitFailedError
from aiokafka.structs import TopicPartition
from triage_worker.observability.metrics import Metrics
from triage_worker.streaming import offset_commits
from triage_worker.streaming.offset_commits import OffsetCommitter
from triage_worker.streaming.tracking.offset_tracker import OffsetTracker

A, B = TopicPartition("in", 0), TopicPartition("in", 1)


class FakeClient:
    """A consumer's client, which answers commits while ``gate`` is set.

    Attributes:
        commits: the offsets of each commit.
        error: of every commit, while it is set.
        pending: commits that are not answered; more than one at a time is an error.
    """

    def __init__(self) -> None:
        self.commits: list[dict[TopicPartition, int]] = []
        self.error: Exception | None = None
        self.gate = asyncio.Event()
        self.gate.set()
        self.pending = 0

    async def commit(self, offsets: dict[TopicPartition, int]) -> None:
        self.pending += 1
        assert self.pending == 1, "two commits at once"
        try:
            await self.gate.wait()
        finally:
            self.pending -= 1
        if self.error is not None:
            raise self.error
        self.commits.append(offsets)


class CommitHarness:
    """A committer with two assigned partitions and a fake client."""

    def __init__(self, interval_s: float = 60.0) -> None:
        self.metrics = Metrics()
        self.offsets: OffsetTracker[Any] = OffsetTracker()
        self.client = FakeClient()
        self.committer = OffsetCommitter(self.offsets, interval_s=interval_s, metrics=self.metrics)
        for partition in (A, B):
            self.offsets.assign(partition)

    def acknowledge(self, partition: TopicPartition, *offsets: int) -> None:
        """Read and acknowledge messages."""
        for offset in offsets:
            self.offsets[partition].track(offset)
            self.offsets[partition].acknowledge(offset, "accepted")

    async def commit(self) -> None:
        await self.committer.commit(cast("AIOKafkaConsumer", self.client))


@pytest.fixture
def harness() -> CommitHarness:
    return CommitHarness()


async def test_offsets_up_to_the_first_unacknowledged_message_are_committed(harness: CommitHarness) -> None:
    harness.acknowledge(A, 3, 4)
    harness.offsets[A].track(5)
    harness.acknowledge(B, 0)
    await harness.commit()
    assert harness.client.commits == [{A: 5, B: 1}]
    assert harness.metrics.registry.get_sample_value("triage_stage_seconds_count", {"stage": "commit"}) == 1


async def test_only_offsets_that_changed_are_committed(harness: CommitHarness) -> None:
    harness.acknowledge(A, 3)
    harness.acknowledge(B, 0)
    await harness.commit()
    await harness.commit()
    harness.acknowledge(B, 1)
    await harness.commit()
    assert harness.client.commits == [{A: 4, B: 1}, {B: 2}]


async def test_a_commit_that_fails_is_logged_once_and_repeated(
    harness: CommitHarness, caplog: pytest.LogCaptureFixture
) -> None:
    harness.client.error = CommitFailedError()
    harness.acknowledge(A, 3)
    await harness.commit()
    await harness.commit()
    assert caplog.text.count("Offsets are not committed") == 1
    harness.client.error = None
    await harness.commit()
    assert harness.client.commits == [{A: 4}]
    harness.client.error = CommitFailedError()
    harness.acknowledge(A, 4)
    await harness.commit()
    assert caplog.text.count("Offsets are not committed") == 2
    assert harness.metrics.registry.get_sample_value("triage_stage_seconds_count", {"stage": "commit"}) == 1


async def test_a_commit_of_a_deleted_topic_does_not_hold_up_the_others(
    harness: CommitHarness, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """aiokafka repeats it without an end. When the topic is found to be gone, its partitions are revoked."""
    monkeypatch.setattr(offset_commits, "COMMIT_S", 0.01)
    harness.client.gate.clear()
    harness.acknowledge(A, 3)
    harness.acknowledge(B, 0)
    await harness.commit()
    assert "Offsets are not committed" in caplog.text
    harness.offsets.revoke([A])
    harness.client.gate.set()
    await harness.commit()
    assert harness.client.commits == [{B: 1}]


async def test_an_unexpected_error_is_raised(harness: CommitHarness) -> None:
    harness.client.error = RuntimeError("a bug")
    harness.acknowledge(A, 3)
    with pytest.raises(RuntimeError, match="a bug"):
        await harness.commit()


async def test_commits_wait_for_one_another_and_do_not_repeat_offsets(harness: CommitHarness) -> None:
    harness.client.gate.clear()
    harness.acknowledge(A, 3)
    first = asyncio.create_task(harness.commit())
    second = asyncio.create_task(harness.commit())
    await asyncio.sleep(0.01)
    harness.client.gate.set()
    await asyncio.gather(first, second)
    assert harness.client.commits == [{A: 4}]


async def test_offsets_are_committed_periodically() -> None:
    harness = CommitHarness(interval_s=0.001)
    running = asyncio.create_task(harness.committer.run(cast("AIOKafkaConsumer", harness.client)))
    try:
        async with asyncio.timeout(10):
            for offset in range(3):
                harness.acknowledge(A, offset)
                while len(harness.client.commits) <= offset:  # noqa: ASYNC110
                    await asyncio.sleep(0.001)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    assert harness.client.commits == [{A: 1}, {A: 2}, {A: 3}]

"""The lag of a service."""

from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.structs import TopicPartition
from triage_worker.observability.metrics import Metrics
from triage_worker.streaming.lag import LagMonitor
from triage_worker.streaming.tracking.offset_tracker import OffsetTracker

PARTITION = TopicPartition("in", 0)


class FakeClient:
    """A client of a topic with two messages and the marker of their transaction."""

    def __init__(self) -> None:
        self.read_up_to = 0
        self.high_watermark: int | None = 3

    async def end_offsets(self, partitions: list[TopicPartition]) -> dict[TopicPartition, int]:
        return dict.fromkeys(partitions, 3)

    def highwater(self, _: TopicPartition) -> int | None:
        return self.high_watermark

    async def position(self, _: TopicPartition) -> int:
        return self.read_up_to


@pytest.fixture
def client() -> FakeClient:
    return FakeClient()


async def measure(client: FakeClient, offsets: OffsetTracker[Any], metric: str = "triage_lag_messages") -> float | None:
    """Measure once, and return a metric of the partition."""
    metrics = Metrics()
    consumer: Any = SimpleNamespace(client=client, assigned=True)
    await LagMonitor(consumer, offsets, metrics)._measure()
    return metrics.registry.get_sample_value(metric, {"topic": "in", "partition": "0"})


async def test_the_lag_counts_unread_and_unanswered_messages(client: FakeClient) -> None:
    offsets = OffsetTracker[Any]()
    tracker = offsets.assign(PARTITION)
    assert await measure(client, offsets) == 3
    for offset in (0, 1):
        tracker.track(offset)
    client.read_up_to = 3
    tracker.acknowledge(0, "accepted")
    assert await measure(client, offsets) == 2


async def test_the_marker_of_a_transaction_does_not_count(client: FakeClient) -> None:
    """Otherwise an idle topic that is written in transactions would seem to have a lag."""
    offsets = OffsetTracker[Any]()
    tracker = offsets.assign(PARTITION)
    tracker.track(0)
    tracker.track(1)
    tracker.acknowledge(0, "accepted")
    tracker.acknowledge(1, "accepted")
    client.read_up_to = 3
    assert await measure(client, offsets) == 0


@pytest.mark.parametrize(("high_watermark", "expected"), [(3, 0), (9, 6), (None, None)])
async def test_messages_behind_an_open_transaction_are_counted(
    client: FakeClient, high_watermark: int | None, expected: float | None
) -> None:
    offsets = OffsetTracker[Any]()
    offsets.assign(PARTITION)
    client.read_up_to, client.high_watermark = 3, high_watermark
    assert await measure(client, offsets) == 0
    assert await measure(client, offsets, "triage_lag_unreadable_messages") == expected

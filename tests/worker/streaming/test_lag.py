"""The lag that a worker reports."""

from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.structs import TopicPartition
from triage_worker.observability.metrics import Metrics
from triage_worker.streaming.lag import LagMonitor
from triage_worker.streaming.tracking.offset_tracker import OffsetTracker

PARTITION = TopicPartition("in", 0)


class Client:
    """A topic that holds two messages and the marker of their transaction; ``read`` is the position of the client."""

    def __init__(self) -> None:
        self.read = 0
        self.high_watermark: int | None = 3

    async def end_offsets(self, partitions: list[TopicPartition]) -> dict[TopicPartition, int]:
        return dict.fromkeys(partitions, 3)

    def highwater(self, _: TopicPartition) -> int | None:
        return self.high_watermark

    async def position(self, _: TopicPartition) -> int:
        return self.read


@pytest.fixture
def client() -> Client:
    return Client()


async def _lag(client: Client, offsets: OffsetTracker[Any]) -> float | None:
    metrics = Metrics()
    consumer: Any = SimpleNamespace(client=client, assigned=True)
    await LagMonitor(consumer, offsets, metrics)._measure()
    return metrics.registry.get_sample_value("triage_lag_messages", {"partition": "0"})


async def test_what_is_not_read_and_what_is_not_answered_is_behind(client: Client) -> None:
    offsets = OffsetTracker[Any]()
    tracker = offsets.assign(PARTITION)
    assert await _lag(client, offsets) == 3
    for offset in (0, 1):
        tracker.track(offset)
    client.read = 3
    tracker.acknowledge(0, "accepted")
    assert await _lag(client, offsets) == 2


async def test_the_marker_of_a_transaction_is_nothing_to_wait_for(client: Client) -> None:
    """Else an idle topic that is written in transactions would look stuck."""
    offsets = OffsetTracker[Any]()
    tracker = offsets.assign(PARTITION)
    tracker.track(0)
    tracker.track(1)
    tracker.acknowledge(0, "accepted")
    tracker.acknowledge(1, "accepted")
    client.read = 3
    assert await _lag(client, offsets) == 0


@pytest.mark.parametrize(("high_watermark", "expected"), [(3, 0), (9, 6), (None, None)])
async def test_messages_behind_an_open_transaction_are_counted(
    client: Client, high_watermark: int | None, expected: float | None
) -> None:
    offsets = OffsetTracker[Any]()
    offsets.assign(PARTITION)
    client.read, client.high_watermark = 3, high_watermark
    metrics = Metrics()
    consumer: Any = SimpleNamespace(client=client, assigned=True)
    await LagMonitor(consumer, offsets, metrics)._measure()
    assert metrics.registry.get_sample_value("triage_lag_messages", {"partition": "0"}) == 0
    assert metrics.registry.get_sample_value("triage_lag_unreadable_messages", {"partition": "0"}) == expected

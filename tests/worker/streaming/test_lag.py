"""How far behind a worker says that it is."""

from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.structs import TopicPartition
from triage_worker.observability.metrics import Metrics
from triage_worker.streaming.lag import Lag
from triage_worker.streaming.tracking.offset_tracker import Ledger

PARTITION = TopicPartition("in", 0)


class Client:
    """A topic that holds two messages and the marker of their transaction; ``read`` says how far the client is."""

    def __init__(self) -> None:
        self.read = 0

    async def end_offsets(self, partitions: list[TopicPartition]) -> dict[TopicPartition, int]:
        return dict.fromkeys(partitions, 3)

    async def position(self, _: TopicPartition) -> int:
        return self.read


@pytest.fixture
def client() -> Client:
    return Client()


async def _lag(client: Client, ledger: Ledger[Any]) -> float | None:
    metrics = Metrics()
    consumer: Any = SimpleNamespace(client=client, assigned=True)
    await Lag(consumer, ledger, metrics)._look()
    return metrics.registry.get_sample_value("triage_lag_messages", {"partition": "0"})


async def test_what_is_not_read_and_what_is_not_answered_is_behind(client: Client) -> None:
    ledger = Ledger[Any]()
    books = ledger.assign(PARTITION)
    assert await _lag(client, ledger) == 3
    for offset in (0, 1):
        books.hand_out(offset)
    client.read = 3
    books.acknowledge(0, "accepted")
    assert await _lag(client, ledger) == 2


async def test_the_marker_of_a_transaction_is_nothing_to_wait_for(client: Client) -> None:
    """Else an idle topic that is written in transactions would look stuck."""
    ledger = Ledger[Any]()
    books = ledger.assign(PARTITION)
    books.hand_out(0)
    books.hand_out(1)
    books.acknowledge(0, "accepted")
    books.acknowledge(1, "accepted")
    client.read = 3
    assert await _lag(client, ledger) == 0

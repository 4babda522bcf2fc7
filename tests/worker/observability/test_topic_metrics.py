"""Messages are counted by the topic that they were read from."""

from typing import Any

import pytest
from aiokafka.structs import TopicPartition
from prometheus_client import generate_latest
from triage_worker.observability import topic_metrics
from triage_worker.observability.metrics import Metrics
from triage_worker.streaming.tracking.in_flight import InFlightMessages
from triage_worker.streaming.tracking.output import Output

from tests.kafka.topic_conservation import balance, check_balance
from tests.worker.fakes import record

A, B, C = TopicPartition("a", 0), TopicPartition("b", 0), TopicPartition("c", 0)


class Tracked:
    """What is in flight, and its metrics."""

    def __init__(self) -> None:
        self.metrics = Metrics()
        self.in_flight = InFlightMessages(self.metrics)
        self._outputs: dict[TopicPartition, list[Output]] = {}

    def read(self, partition: TopicPartition, count: int, outcome: Any = "accepted") -> None:
        self.in_flight.offsets.assign(partition)
        tracked = self.in_flight.track(partition, [record(partition, offset, b"{}") for offset in range(count)])
        self._outputs[partition] = [
            Output(tracked.tracker, read, outcome, "label", "out", None, b"", headers=[]) for read in tracked.records
        ]

    def answer(self, partition: TopicPartition, count: int) -> None:
        for output in self._outputs[partition][:count]:
            self.in_flight.acknowledge(output)

    @property
    def exported(self) -> str:
        return generate_latest(self.metrics.registry).decode()


def test_the_sum_of_each_topic_is_balanced_at_any_time() -> None:
    tracked = Tracked()
    tracked.read(A, 5)
    tracked.read(B, 3, "dead_letter")
    tracked.answer(A, 2)
    tracked.answer(B, 3)
    found = balance(tracked.exported)
    assert found["a"] == {"messages_read": 5, "accepted": 2, "in_flight_messages": 3}
    assert found["b"] == {"messages_read": 3, "dead_letter": 3, "in_flight_messages": 0}
    tracked.in_flight.revoke([A, B])
    check_balance(tracked.exported, {"a": 5, "b": 3})
    assert balance(tracked.exported)["a"]["messages_given_back"] == 3


def test_the_check_finds_a_message_that_is_missing() -> None:
    tracked = Tracked()
    tracked.read(A, 2)
    tracked.answer(A, 1)
    with pytest.raises(AssertionError):
        check_balance(tracked.exported, {"a": 2})


def test_topics_beyond_the_limit_are_counted_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(topic_metrics, "MOST_TOPICS", 1)
    tracked = Tracked()
    for partition, count in ((A, 1), (B, 2), (C, 3)):
        tracked.read(partition, count)
    tracked.answer(C, 1)
    found = balance(tracked.exported)
    assert found == {
        "a": {"messages_read": 1, "in_flight_messages": 1},
        "other": {"messages_read": 5, "accepted": 1, "in_flight_messages": 4},
    }

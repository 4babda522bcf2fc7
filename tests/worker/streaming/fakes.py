"""Fakes of what surrounds the consumer: its client, the processor and the delivery. They log what is called."""

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from types import SimpleNamespace
from typing import Any

from aiokafka import ConsumerRebalanceListener
from aiokafka.errors import KafkaError
from aiokafka.structs import ConsumerRecord, OffsetAndMetadata, TopicPartition
from triage_worker.observability.metrics import Metrics
from triage_worker.streaming.delivery.delivery import PartitionRequest
from triage_worker.streaming.processor import MessageProcessor
from triage_worker.streaming.tracking.in_flight import InFlightMessages, TrackedRecords

POLL_S = 0.001


class FakeClient:
    """A consumer's client.

    Args:
        calls: where calls are logged.
        start_error: the error of its start.
        hangs: its start never ends.

    Attributes:
        fetched: what the next polls return.
        after_fetch: is called when a poll is about to return records.
        polls: the partitions and the limit of each poll.
        poll_error: the error of every poll, while it is set.
        partitions: of the topic.
        hidden: the topics that the user may not see.
        positions: the offset that is read next, by partition.
        existing: the topics of the cluster.
        topics_error: the error of asking for them, while it is set.
        assigned: the partitions of the consumer.
        commit_error: the error of every commit, while it is set.
        listener: is notified of assignments and revocations.
    """

    def __init__(self, calls: list[str], start_error: Exception | None = None, *, hangs: bool = False) -> None:
        self._calls = calls
        self._start_error = start_error
        self._hangs = hangs
        self.fetched: list[Mapping[TopicPartition, Sequence[ConsumerRecord]]] = []
        self.after_fetch: Callable[[], None] = lambda: None
        self.polls: list[tuple[tuple[TopicPartition, ...], int | None]] = []
        self.poll_error: Exception | None = None
        self.partitions: set[int] | None = {0, 1}
        self.commit_error: Exception | None = None
        self.listener: ConsumerRebalanceListener | None = None
        self.hidden: set[str] = set()
        cluster = SimpleNamespace(brokers=lambda: [1, 2, 3], unauthorized_topics=self.hidden)
        self._client = SimpleNamespace(cluster=cluster)
        self.positions: dict[TopicPartition, int] = {}
        assignment = SimpleNamespace(all_consumed_offsets=self._consumed)
        self._subscription = SimpleNamespace(topics={"in"}, subscription=SimpleNamespace(assignment=assignment))
        self.existing: set[str] = {"in"}
        self.topics_error: KafkaError | None = None
        self.assigned: frozenset[TopicPartition] = frozenset()

    async def start(self) -> None:
        if self._hangs:
            await asyncio.Event().wait()
        if self._start_error is not None:
            raise self._start_error

    def subscribe(self, topics: Sequence[str], listener: ConsumerRebalanceListener) -> None:
        self._calls.append(f"subscribe {topics}")
        self.listener = listener

    def unsubscribe(self) -> None:
        self._calls.append("unsubscribe")

    def assignment(self) -> frozenset[TopicPartition]:
        return self.assigned

    async def topics(self) -> set[str]:
        if self.topics_error is not None:
            raise self.topics_error
        return set(self.existing)

    async def getmany(
        self, *partitions: TopicPartition, timeout_ms: int, max_records: int | None = None
    ) -> Mapping[TopicPartition, Sequence[ConsumerRecord]]:
        self.polls.append((partitions, max_records))
        await asyncio.sleep(POLL_S)
        if self.poll_error is not None:
            raise self.poll_error
        if partitions or not self.fetched:
            return {}
        self.after_fetch()
        return self.fetched.pop(0)

    def pause(self, *partitions: TopicPartition) -> None:
        self._calls.append(f"pause partitions {_numbers(partitions)}")

    async def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        if self.commit_error is not None:
            raise self.commit_error
        self._calls.append(f"commit { ({partition.partition: offset for partition, offset in offsets.items()}) }")

    def partitions_for_topic(self, topic: str) -> set[int] | None:
        return self.partitions

    async def stop(self) -> None:
        self._calls.append("stop client")

    def _consumed(self) -> dict[TopicPartition, OffsetAndMetadata]:
        return {partition: OffsetAndMetadata(position, "") for partition, position in self.positions.items()}


class FakeProcessor(MessageProcessor):
    """A processor that stores what it is given.

    Attributes:
        batches: in order.
    """

    def __init__(self, calls: list[str]) -> None:
        self._calls = calls
        self.batches: list[TrackedRecords] = []
        self.is_idle = True
        self.run_s = 0.0
        self.problem: str | None = None

    def start(self) -> "asyncio.Future[None]":
        return asyncio.get_running_loop().create_future()

    def close(self) -> None:
        pass

    async def process(self, batch: Sequence[TrackedRecords]) -> None:
        self.batches += batch

    def pause(self) -> None:
        self._calls.append("pause processor")

    def resume(self) -> None:
        self._calls.append("resume processor")

    @property
    def idle(self) -> bool:
        return self.is_idle

    @property
    def longest_run_s(self) -> float:
        return self.run_s

    @property
    def down(self) -> str | None:
        return self.problem


class FakeDelivery:
    """A delivery that publishes nothing."""

    def __init__(self, calls: list[str], *, commits_offsets: bool) -> None:
        self._calls = calls
        self.commits_offsets = commits_offsets
        self.requests: asyncio.Queue[PartitionRequest] = asyncio.Queue()
        self.outstanding = 0
        self.waiting_s = 0.0
        self.problem: str | None = None
        self.shortage: str | None = None

    async def run(self) -> None:
        await asyncio.Event().wait()

    def assign(self, partitions: Collection[TopicPartition], *, brokers: int) -> None:
        self._calls.append(f"assign {_numbers(partitions)} brokers {brokers}")

    async def flush(self) -> None:
        self._calls.append("flush")

    async def revoke(self, partitions: Iterable[TopicPartition]) -> None:
        self._calls.append(f"revoke {_numbers(partitions)}")


class LoggingInFlight(InFlightMessages):
    """Logs when partitions are released."""

    def __init__(self, calls: list[str], metrics: Metrics) -> None:
        super().__init__(metrics)
        self._calls = calls

    def revoke(self, partitions: Iterable[TopicPartition]) -> None:
        partitions = list(partitions)
        self._calls.append(f"release {_numbers(partitions)}")
        super().revoke(partitions)


def _numbers(partitions: Iterable[Any]) -> list[int]:
    return [partition.partition for partition in partitions]

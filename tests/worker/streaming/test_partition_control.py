"""What the consumer does for a delivery: partitions are paused, restarted and resumed at the right position."""

import asyncio
from collections.abc import AsyncIterator
from typing import Literal, cast

import pytest
from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaConnectionError
from aiokafka.structs import TopicPartition
from triage_worker.observability.metrics import Metrics
from triage_worker.streaming.delivery.delivery import PartitionRequest
from triage_worker.streaming.partition_control import PartitionControl
from triage_worker.streaming.tracking.in_flight import InFlightMessages

from tests.worker.fakes import record

A, B = TopicPartition("in", 0), TopicPartition("in", 1)


class Client:
    """A consumer's client with committed offsets; ``gate`` delays its answers."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, TopicPartition, int | None]] = []
        self.offsets: dict[TopicPartition, int | None] = {A: 5, B: None}
        self.gate = asyncio.Event()
        self.gate.set()
        self.error: Exception | None = None

    def pause(self, partition: TopicPartition) -> None:
        self.calls.append(("pause", partition, None))

    def resume(self, partition: TopicPartition) -> None:
        self.calls.append(("resume", partition, None))

    def seek(self, partition: TopicPartition, offset: int) -> None:
        self.calls.append(("seek", partition, offset))

    async def committed(self, partition: TopicPartition) -> int | None:
        await self.gate.wait()
        if self.error is not None:
            raise self.error
        return self.offsets[partition]


class Bench:
    def __init__(self) -> None:
        self.client = Client()
        self.in_flight = InFlightMessages(Metrics())
        self.requests: asyncio.Queue[PartitionRequest] = asyncio.Queue()
        control = PartitionControl(self.requests, self.in_flight)
        self.running = asyncio.create_task(control.run(cast("AIOKafkaConsumer", self.client)))

    def request(
        self, partition: TopicPartition, action: Literal["pause", "restart", "resume"]
    ) -> "asyncio.Future[None]":
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.requests.put_nowait(PartitionRequest(partition, action, done))
        return done


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    made = Bench()
    for partition in (A, B):
        made.in_flight.offsets.assign(partition)
    yield made
    made.running.cancel()
    await asyncio.wait([made.running])


async def test_a_partition_is_resumed_from_its_committed_offset(bench: Bench) -> None:
    await bench.request(A, "resume")
    assert bench.client.calls == [("seek", A, 5), ("resume", A, None)]


async def test_a_partition_without_a_committed_offset_is_resumed_where_it_is(bench: Bench) -> None:
    await bench.request(B, "resume")
    assert bench.client.calls == [("resume", B, None)]


async def test_a_restart_drops_what_is_in_flight_and_goes_back_to_its_first_message(bench: Bench) -> None:
    before = bench.in_flight.track(A, [record(A, offset, b"{}") for offset in (7, 8)]).tracker
    before.acknowledge(7, "accepted")
    await bench.request(A, "pause")
    assert before.active
    await bench.request(A, "restart")
    assert bench.client.calls == [("pause", A, None), ("seek", A, 8)]
    assert not before.active
    assert bench.in_flight.offsets.counts().given_back == 1


async def test_a_partition_that_is_revoked_while_the_broker_answers_is_not_moved(bench: Bench) -> None:
    """It may be assigned again by then, and its next owner must be fenced before anything is read."""
    bench.client.gate.clear()
    done = bench.request(A, "resume")
    await asyncio.sleep(0.01)
    done.cancel()
    bench.client.gate.set()
    await bench.request(B, "pause")
    await asyncio.sleep(0.01)
    assert bench.client.calls == [("pause", B, None)]


async def test_a_request_for_a_partition_that_was_revoked_before_is_ignored(bench: Bench) -> None:
    done = bench.request(A, "restart")
    done.cancel()
    bench.in_flight.revoke([A])
    await bench.request(B, "pause")
    assert bench.client.calls == [("pause", B, None)]
    assert not bench.running.done()


async def test_one_partition_does_not_wait_for_another(bench: Bench) -> None:
    bench.client.gate.clear()
    waiting = bench.request(A, "resume")
    await bench.request(B, "pause")
    assert not waiting.done()
    bench.client.gate.set()
    await waiting


@pytest.mark.parametrize("error", [KafkaConnectionError("gone"), RuntimeError("a bug")])
async def test_an_error_reaches_the_delivery(bench: Bench, error: Exception) -> None:
    bench.client.error = error
    with pytest.raises(type(error)):
        await bench.request(A, "resume")
    assert bench.client.calls == []
    assert not bench.running.done()

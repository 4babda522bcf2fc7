"""The consumer pauses, restarts and resumes partitions at the right position when a delivery asks for it."""

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


class FakeClient:
    """A consumer's client with committed offsets, which it answers while ``gate`` is set."""

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


class ControlHarness:
    """A partition control that serves requests, with a fake client."""

    def __init__(self) -> None:
        self.client = FakeClient()
        self.in_flight = InFlightMessages(Metrics())
        self.requests: asyncio.Queue[PartitionRequest] = asyncio.Queue()
        control = PartitionControl(self.requests, self.in_flight)
        self.running = asyncio.create_task(control.run(cast("AIOKafkaConsumer", self.client)))

    def request(
        self, partition: TopicPartition, action: Literal["pause", "restart", "resume"]
    ) -> "asyncio.Future[int | None]":
        """Request an action, as a delivery does."""
        done: asyncio.Future[int | None] = asyncio.get_running_loop().create_future()
        self.requests.put_nowait(PartitionRequest(partition, action, done))
        return done


@pytest.fixture
async def harness() -> AsyncIterator[ControlHarness]:
    created = ControlHarness()
    for partition in (A, B):
        created.in_flight.offsets.assign(partition)
    yield created
    created.running.cancel()
    await asyncio.wait([created.running])


async def test_a_partition_is_resumed_from_its_committed_offset(harness: ControlHarness) -> None:
    assert await harness.request(A, "resume") == 5
    assert harness.client.calls == [("seek", A, 5), ("resume", A, None)]


async def test_a_partition_without_a_committed_offset_is_resumed_where_it_is(harness: ControlHarness) -> None:
    await harness.request(B, "resume")
    assert harness.client.calls == [("resume", B, None)]


async def test_a_restart_drops_what_is_in_flight_and_goes_back_to_its_first_message(harness: ControlHarness) -> None:
    before = harness.in_flight.track(A, [record(A, offset, b"{}") for offset in (7, 8)]).tracker
    before.acknowledge(7, "accepted")
    await harness.request(A, "pause")
    assert before.active
    await harness.request(A, "restart")
    assert harness.client.calls == [("pause", A, None), ("seek", A, 8)]
    assert not before.active
    assert harness.in_flight.offsets.counts().returned == 1


async def test_a_partition_that_is_revoked_while_the_broker_answers_is_not_resumed(harness: ControlHarness) -> None:
    """It may be assigned again by then, and must not be read before the previous owner is fenced."""
    harness.client.gate.clear()
    done = harness.request(A, "resume")
    await asyncio.sleep(0.01)
    done.cancel()
    harness.client.gate.set()
    await harness.request(B, "pause")
    await asyncio.sleep(0.01)
    assert harness.client.calls == [("pause", B, None)]


async def test_a_request_for_a_revoked_partition_is_ignored(harness: ControlHarness) -> None:
    done = harness.request(A, "restart")
    done.cancel()
    harness.in_flight.revoke([A])
    await harness.request(B, "pause")
    assert harness.client.calls == [("pause", B, None)]
    assert not harness.running.done()


async def test_partitions_do_not_wait_for_one_another(harness: ControlHarness) -> None:
    harness.client.gate.clear()
    waiting = harness.request(A, "resume")
    await harness.request(B, "pause")
    assert not waiting.done()
    harness.client.gate.set()
    await waiting


@pytest.mark.parametrize("error", [KafkaConnectionError("gone"), RuntimeError("a bug")])
async def test_an_error_reaches_the_delivery(harness: ControlHarness, error: Exception) -> None:
    harness.client.error = error
    with pytest.raises(type(error)):
        await harness.request(A, "resume")
    assert harness.client.calls == []
    assert not harness.running.done()

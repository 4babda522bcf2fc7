"""Brokers that hang and topics that are deleted: the worker reports it, limits what is in flight, and continues."""

import asyncio
import signal
from pathlib import Path

import pytest

from tests.kafka import admin
from tests.kafka.endpoints import Endpoints, metric
from tests.kafka.fault_environment import running_cluster
from tests.kafka.harness import DELIVERIES, KafkaHarness, Message, message
from tests.kafka.processes import ServiceProcess, eventually

pytestmark = pytest.mark.kafka

IN_FLIGHT = 200


def accepted_messages(count: int) -> list[Message]:
    """Make messages that the fake model accepts."""
    return [(f"k{number % 7}".encode(), message(f"aa {number}")) for number in range(count)]


def start_worker(harness: KafkaHarness, delivery: str) -> tuple[ServiceProcess, Endpoints]:
    """Start a worker with little in flight, and with endpoints."""
    endpoints = Endpoints()
    worker = harness.start(delivery=delivery, max_in_flight=str(IN_FLIGHT), batch_tokens="512", **endpoints.settings)
    return worker, endpoints


async def in_flight(endpoints: Endpoints) -> float:
    """How many messages a worker has read and not answered."""
    return metric(await endpoints.metrics(), "triage_in_flight_messages")


@pytest.mark.parametrize(
    ("seconds", "delivery"),
    [
        (15, "exactly_once"),
        *(pytest.param(120, delivery, marks=pytest.mark.torture) for delivery in ("at_least_once", "exactly_once")),
    ],
)
async def test_a_worker_survives_a_broker_that_hangs(
    kafka_installed: None, tmp_path: Path, seconds: int, delivery: str
) -> None:
    """Connections stay open and nothing is answered, as with a paused machine or a network that drops packets."""
    with running_cluster(tmp_path / "kafka", 1, {}) as (node,), KafkaHarness(node.bootstrap, tmp_path) as harness:
        await harness.create_topics()
        worker, endpoints = start_worker(harness, delivery)
        sent = await harness.produce(accepted_messages(3_000))
        await harness.wait_for_first_commit()
        node.signal(signal.SIGSTOP)
        await asyncio.sleep(seconds)
        await eventually(endpoints.not_ready, 60, worker.log_text)
        assert await in_flight(endpoints) <= IN_FLIGHT
        assert (await endpoints.get("/livez"))[0] == 200
        node.signal(signal.SIGCONT)
        await eventually(endpoints.ready, 90, worker.log_text)
        await harness.verify_delivery([worker], sent, repeats_allowed=delivery == "at_least_once", timeout_s=90)


@pytest.mark.parametrize("delivery", DELIVERIES)
async def test_an_output_topic_that_is_deleted_and_created_again_loses_no_new_output(
    harness: KafkaHarness, delivery: str
) -> None:
    await harness.create_topics()
    worker, endpoints = start_worker(harness, delivery)
    await harness.produce(accepted_messages(50))
    await harness.wait_until_committed()
    await admin.delete_topic(harness.bootstrap, harness.output)
    sent = await harness.produce(accepted_messages(1_000))
    await eventually(endpoints.not_ready, 60, worker.log_text)
    assert await in_flight(endpoints) <= IN_FLIGHT
    assert "not taken an output" in (await endpoints.get("/readyz"))[1]
    await admin.create_topics(harness.bootstrap, [harness.output])
    await eventually(endpoints.ready, 60, worker.log_text)
    await harness.verify_delivery([worker], sent, repeats_allowed=delivery == "at_least_once")


@pytest.mark.parametrize("delivery", DELIVERIES)
async def test_an_input_topic_that_is_deleted_and_created_again_is_read_from_its_beginning(
    harness: KafkaHarness, delivery: str
) -> None:
    await harness.create_topics()
    worker, endpoints = start_worker(harness, delivery)
    await harness.produce(accepted_messages(50))
    await harness.wait_until_committed()
    before = len(await harness.read(harness.output))
    await admin.delete_topic(harness.bootstrap, harness.input)

    async def reported() -> bool:
        return await endpoints.get("/readyz") == (503, f"there is no topic {harness.input}\n")

    await eventually(reported, 60, worker.log_text)
    await admin.create_topics(harness.bootstrap, [harness.input])
    sent = await harness.produce(accepted_messages(20))

    async def answered() -> bool:
        return len(await harness.read(harness.output)) >= before + len(sent)

    await eventually(answered, 90, worker.log_text)
    await eventually(endpoints.ready, 60, worker.log_text)
    assert await worker.terminate() == 0, worker.log_text()

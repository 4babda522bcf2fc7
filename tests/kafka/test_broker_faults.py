"""Brokers and topics that fail under a running worker: it says so, takes in no more than it may, and goes on."""

import asyncio
import signal
from pathlib import Path

import pytest

from tests.kafka import admin, broker
from tests.kafka.harness import Bench, message
from tests.kafka.processes import Worker, eventually
from tests.kafka.test_service import get, metric, not_ready, own_broker, ready

pytestmark = pytest.mark.kafka

DELIVERIES = [pytest.param("at_least_once", marks=pytest.mark.torture), "exactly_once"]
IN_FLIGHT = 200


def conversation(count: int) -> list[tuple[bytes | None, bytes | None]]:
    return [(f"k{number % 7}".encode(), message(f"aa {number}")) for number in range(count)]


def observed(bench: Bench, delivery: str) -> tuple[Worker, int]:
    (port,) = broker.free_ports(1)
    worker = bench.worker(
        delivery=delivery, http_host="127.0.0.1", http_port=str(port), max_in_flight=str(IN_FLIGHT), batch_tokens="512"
    )
    return worker, port


async def in_flight(port: int) -> float:
    return metric((await get(port, "/metrics"))[1], "triage_in_flight_messages")


@pytest.mark.parametrize(
    ("seconds", "delivery"),
    [
        (15, "exactly_once"),
        *(pytest.param(120, delivery, marks=pytest.mark.torture) for delivery in ("at_least_once", "exactly_once")),
    ],
)
async def test_a_broker_that_answers_nobody_for_a_while(
    bootstrap: str, tmp_path: Path, seconds: int, delivery: str
) -> None:
    """Connections stay open and nothing comes: what a paused machine or a network that drops packets looks like."""
    async with own_broker(tmp_path / "kafka") as node:
        bench = Bench(node.bootstrap, tmp_path)
        try:
            await bench.create_topics()
            worker, port = observed(bench, delivery)
            sent = await bench.produce(conversation(3_000))
            await bench.committed_something()
            node.signal(signal.SIGSTOP)
            await asyncio.sleep(seconds)  # the fault itself
            await eventually(lambda: not_ready(port), 60, worker.said)
            assert await in_flight(port) <= IN_FLIGHT
            assert (await get(port, "/livez"))[0] == 200
            node.signal(signal.SIGCONT)
            await eventually(lambda: ready(port), 90, worker.said)
            await bench.kept_their_word([worker], sent, delivery, 90)
        finally:
            node.signal(signal.SIGCONT)
            bench.stop()


@pytest.mark.parametrize("delivery", DELIVERIES)
async def test_an_output_topic_that_is_deleted_and_made_again(bench: Bench, delivery: str) -> None:
    await bench.create_topics()
    worker, port = observed(bench, delivery)
    await bench.produce(conversation(50))
    await bench.answered()
    await admin.delete(bench.bootstrap, bench.output)
    sent = await bench.produce(conversation(1_000))
    await eventually(lambda: not_ready(port), 60, worker.said)
    assert await in_flight(port) <= IN_FLIGHT
    assert "not taken an output" in (await get(port, "/readyz"))[1]
    await admin.create(bench.bootstrap, [bench.output])
    await eventually(lambda: ready(port), 60, worker.said)
    await bench.kept_their_word([worker], sent, delivery)


@pytest.mark.parametrize("delivery", DELIVERIES)
async def test_an_input_topic_that_is_deleted_and_made_again(bench: Bench, delivery: str) -> None:
    await bench.create_topics()
    worker, port = observed(bench, delivery)
    await bench.produce(conversation(50))
    await bench.answered()
    before = len(await bench.read(bench.output))
    await admin.delete(bench.bootstrap, bench.input)

    async def missed() -> bool:
        return await get(port, "/readyz") == (503, f"there is no topic {bench.input}\n")

    await eventually(missed, 60, worker.said)
    await admin.create(bench.bootstrap, [bench.input])
    sent = await bench.produce(conversation(20))

    async def answered_again() -> bool:
        return len(await bench.read(bench.output)) >= before + len(sent)

    await eventually(answered_again, 90, worker.said)
    await eventually(lambda: ready(port), 60, worker.said)
    assert await worker.terminate() == 0, worker.said()

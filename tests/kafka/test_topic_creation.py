"""No client of ours creates a topic by asking for it, on a broker that would let it."""

import asyncio
import time
from functools import partial
from pathlib import Path

import pytest

from tests.kafka import admin, broker
from tests.kafka.harness import Bench
from tests.kafka.processes import eventually
from tests.kafka.test_broker_faults import conversation
from tests.kafka.test_monitoring import _installation
from tests.kafka.test_service import get, ready

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(300)]

WATCHED_S = 14
"""Longer than clients go without new metadata."""


@pytest.fixture
def node(tmp_path: Path) -> broker.Broker:
    (made,) = broker.cluster(tmp_path / "kafka", settings={"auto.create.topics.enable": "true"})
    made.start()
    made.wait()
    return made


async def test_deleted_topics_stay_deleted_while_all_services_run(node: broker.Broker, tmp_path: Path) -> None:
    bench = Bench(node.bootstrap, tmp_path)
    try:
        async with _installation(bench) as services:
            for port, worker in services.values():
                await eventually(partial(ready, port), 90, worker.said)
            await bench.produce(conversation(50))
            topics = {topic for topic in await topics_of(node) if not topic.startswith(("__", "router-"))}
            for topic in topics:
                await admin.delete(node.bootstrap, topic)
            until = time.monotonic() + WATCHED_S
            while time.monotonic() < until:
                assert not topics & await topics_of(node)
                await asyncio.sleep(0.5)
            for service in ("worker", "fallback"):
                port, _ = services[service]
                status, body = await get(port, "/readyz")
                assert (status, "there is no topic" in body) == (503, True), (service, body)
                assert (await get(port, "/livez"))[0] == 200
    finally:
        bench.stop()
        node.stop()


async def test_a_topic_that_comes_back_smaller_is_reported(node: broker.Broker, tmp_path: Path) -> None:
    bench = Bench(node.bootstrap, tmp_path)
    try:
        await bench.create_topics(partitions=6)
        (port,) = broker.free_ports(1)
        worker = bench.worker(http_host="127.0.0.1", http_port=str(port))
        await bench.produce(conversation(100))
        await bench.answered()
        await admin.delete(node.bootstrap, bench.input)
        await eventually(lambda: says(port, f"there is no topic {bench.input}"), 60, worker.said)
        await admin.create(node.bootstrap, [bench.input], partitions=1)
        await eventually(lambda: ready(port), 60, worker.said)
        await bench.produce(conversation(10))
        await bench.answered()
        await worker.has_said("created again with fewer partitions", 30)
    finally:
        bench.stop()
        node.stop()


async def says(port: int, part: str) -> bool:
    return part in (await get(port, "/readyz"))[1]


async def topics_of(node: broker.Broker) -> set[str]:
    async with admin.administrator(node.bootstrap) as client:
        return set(await client.list_topics())

"""No client of ours creates a topic by asking for it, on a broker that would allow it."""

import asyncio
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.kafka import admin
from tests.kafka.all_services import running_services
from tests.kafka.endpoints import Endpoints
from tests.kafka.fault_environment import running_cluster
from tests.kafka.harness import KafkaHarness
from tests.kafka.processes import eventually
from tests.kafka.test_broker_faults import accepted_messages

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(300)]

WATCHED_S = 14
"""Longer than clients go without new metadata."""


@pytest.fixture
def harness(kafka_installed: None, tmp_path: Path) -> Iterator[KafkaHarness]:
    """Topics on a broker that creates a topic when a client asks for it."""
    with (
        running_cluster(tmp_path / "kafka", 1, {"auto.create.topics.enable": "true"}) as (node,),
        KafkaHarness(node.bootstrap, tmp_path) as created,
    ):
        yield created


async def test_deleted_topics_stay_deleted_while_all_services_run(harness: KafkaHarness) -> None:
    async with running_services(harness) as services:
        for endpoints, service in services.values():
            await eventually(endpoints.ready, 90, service.log_text)
        await harness.produce(accepted_messages(50))
        topics = {topic for topic in await list_topics(harness) if not topic.startswith(("__", "router-"))}
        for topic in topics:
            await admin.delete_topic(harness.bootstrap, topic)
        until = time.monotonic() + WATCHED_S
        while time.monotonic() < until:
            assert not topics & await list_topics(harness)
            await asyncio.sleep(0.5)
        for name in ("worker", "fallback"):
            endpoints, _ = services[name]
            status, body = await endpoints.get("/readyz")
            assert (status, "there is no topic" in body) == (503, True), (name, body)
            assert (await endpoints.get("/livez"))[0] == 200


async def test_a_topic_that_is_created_again_with_fewer_partitions_is_reported(harness: KafkaHarness) -> None:
    await harness.create_topics(partitions=6)
    endpoints = Endpoints()
    worker = harness.start(**endpoints.settings)
    await harness.produce(accepted_messages(100))
    await harness.wait_until_committed()
    await admin.delete_topic(harness.bootstrap, harness.input)
    reported = partial(readyz_contains, endpoints, f"there is no topic {harness.input}")
    await eventually(reported, 60, worker.log_text)
    await admin.create_topics(harness.bootstrap, [harness.input], partitions=1)
    await eventually(endpoints.ready, 60, worker.log_text)
    await harness.produce(accepted_messages(10))
    await harness.wait_until_committed()
    await worker.wait_for_log("created again with fewer partitions", 30)


async def readyz_contains(endpoints: Endpoints, text: str) -> bool:
    """Whether the answer of /readyz contains a text."""
    return text in (await endpoints.get("/readyz"))[1]


async def list_topics(harness: KafkaHarness) -> set[str]:
    """Return the names of all topics."""
    async with admin.admin_client(harness.bootstrap) as client:
        return set(await client.list_topics())

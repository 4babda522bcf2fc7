"""Many partitions and few file descriptors: a worker reports it, serves what it can, and stays alive."""

import resource
from pathlib import Path

import pytest

from tests.kafka.endpoints import Endpoints
from tests.kafka.harness import KafkaHarness
from tests.kafka.processes import ServiceProcess, eventually
from tests.kafka.test_broker_faults import accepted_messages

pytestmark = pytest.mark.kafka

PARTITIONS, LIMIT = 60, 100


async def test_a_worker_with_too_few_file_descriptors_reports_it_and_a_second_worker_helps(
    harness: KafkaHarness,
) -> None:
    await harness.create_topics(partitions=PARTITIONS)
    first, first_endpoints = start_limited_worker(harness)
    await first.wait_for_log("Too few file descriptors", 60)
    sent = await harness.produce([(None, value) for _, value in accepted_messages(300)])
    status, body = await first_endpoints.get("/readyz")
    assert status == 503
    assert f"{PARTITIONS} partitions need about" in body
    assert f"{LIMIT} are allowed" in body
    assert (await first_endpoints.get("/livez"))[0] == 200
    assert open_files(first) < LIMIT
    second, second_endpoints = start_limited_worker(harness)
    await harness.wait_until_committed(90)
    for worker, endpoints in ((first, first_endpoints), (second, second_endpoints)):
        await eventually(endpoints.ready, 30, worker.log_text)
        assert len(worker.log_text()) < 20_000
    outcomes = await harness.outcomes()
    assert outcomes.lost(sent) == outcomes.duplicated() == []


def start_limited_worker(harness: KafkaHarness) -> tuple[ServiceProcess, Endpoints]:
    """Start a worker that may open `LIMIT` files, and has endpoints."""
    endpoints = Endpoints()
    worker = harness.start(delivery="exactly_once", **endpoints.settings)
    resource.prlimit(worker.process.pid, resource.RLIMIT_NOFILE, (LIMIT, LIMIT))
    return worker, endpoints


def open_files(worker: ServiceProcess) -> int:
    """How many files a worker has open."""
    return sum(1 for _ in Path(f"/proc/{worker.process.pid}/fd").iterdir())

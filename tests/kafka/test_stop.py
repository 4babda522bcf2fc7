"""A service that receives a stop signal ends within seconds, whatever it waits for."""

import asyncio
import signal
import socket
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.kafka.all_services import SERVICES, AllServices, all_services
from tests.kafka.endpoints import Endpoints
from tests.kafka.fault_environment import running_cluster
from tests.kafka.harness import KafkaHarness
from tests.kafka.processes import ServiceProcess, eventually

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(180)]

LIMIT_S = 5.0
FAKE_WORKER = "tests.kafka.fake_worker"


async def seconds_to_stop(service: ServiceProcess) -> float:
    """Terminate a service, which must exit with 0; returns how long it takes."""
    started = time.monotonic()
    code = await service.terminate()
    assert code == 0, service.log_text()
    return time.monotonic() - started


@pytest.fixture
def silent_servers() -> Iterator[str]:
    """Two addresses where connections are accepted and nothing is answered."""
    with (
        socket.create_server(("127.0.0.1", 0), backlog=50) as first,
        socket.create_server(("127.0.0.1", 0), backlog=50) as second,
    ):
        yield ",".join(f"127.0.0.1:{server.getsockname()[1]}" for server in (first, second))


@pytest.fixture
async def startable(harness: KafkaHarness) -> AsyncIterator[AllServices]:
    """All services on the shared broker."""
    async with all_services(harness) as services:
        yield services


def start(services: AllServices, service: str, **settings: str) -> ServiceProcess:
    """Start a service; the worker has a fake model."""
    module = {"module": FAKE_WORKER} if service == "worker" else {}
    return services.start(service, **module, **settings)


@pytest.mark.parametrize("service", SERVICES)
async def test_a_service_stops_while_it_waits_for_brokers_that_do_not_answer(
    startable: AllServices, silent_servers: str, service: str
) -> None:
    endpoints = Endpoints()
    process = start(startable, service, bootstrap_servers=silent_servers, **endpoints.settings)
    await eventually(endpoints.alive, 30, process.log_text)
    await asyncio.sleep(1)
    assert process.process.poll() is None
    assert await seconds_to_stop(process) < LIMIT_S


@pytest.mark.parametrize(
    "service",
    ["router", *(pytest.param(service, marks=pytest.mark.torture) for service in SERVICES if service != "router")],
)
async def test_a_service_stops_while_its_group_waits_for_a_dead_member(startable: AllServices, service: str) -> None:
    await startable.create_topics()
    dead = start(startable, service, session_timeout_ms="30000")
    await dead.wait_for_log("Partitions assigned" if service != "helpdesk" else "Connected", 60)
    await asyncio.sleep(3 if service == "helpdesk" else 0)
    dead.kill()
    waiting = start(startable, service, session_timeout_ms="30000")
    await asyncio.sleep(6)
    assert waiting.log_text().count("Partitions assigned") == 0
    assert await seconds_to_stop(waiting) < LIMIT_S


@pytest.mark.parametrize(
    ("service", "delivery"),
    [
        ("worker", "exactly_once"),
        *(pytest.param(service, "", marks=pytest.mark.torture) for service in SERVICES),
    ],
)
async def test_a_service_stops_while_the_broker_hangs(
    kafka_installed: None, tmp_path: Path, service: str, delivery: str
) -> None:
    with running_cluster(tmp_path / "kafka", 1, {}) as (node,), KafkaHarness(node.bootstrap, tmp_path) as harness:
        async with all_services(harness) as services:
            await services.create_topics()
            endpoints = Endpoints()
            settings = {"delivery": delivery} if delivery else {}
            process = start(services, service, **settings, **endpoints.settings)
            await eventually(endpoints.ready, 60, process.log_text)
            node.signal(signal.SIGSTOP)
            await asyncio.sleep(4)
            assert await seconds_to_stop(process) < LIMIT_S

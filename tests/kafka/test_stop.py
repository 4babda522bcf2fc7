"""A service that is told to stop ends within seconds, whatever it is waiting for."""

import asyncio
import signal
import socket
import time
from collections.abc import AsyncIterator, Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.kafka import admin, broker
from tests.kafka.harness import Bench
from tests.kafka.processes import Worker, eventually
from tests.kafka.test_service import get, own_broker, ready
from tests.worker.fallback.llm_server import LlmServer, always, answer
from tests.worker.helpdesk.fakes import TOKEN, USER, FakeZendesk

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(180)]

WITHIN_S = 5.0
SERVICES = ["worker", "router", "fallback", "helpdesk"]
LONG = pytest.mark.torture


async def seconds_to_stop(worker: Worker) -> float:
    started = time.monotonic()
    code = await worker.terminate()
    assert code == 0, worker.said()
    return time.monotonic() - started


@pytest.fixture
def silent() -> Iterator[str]:
    """Two addresses where connections are accepted and nothing is answered."""
    with (
        socket.create_server(("127.0.0.1", 0), backlog=50) as a,
        socket.create_server(("127.0.0.1", 0), backlog=50) as b,
    ):
        yield ",".join(f"127.0.0.1:{server.getsockname()[1]}" for server in (a, b))


class Estate:
    """A broker with all topics, and the services on it."""

    def __init__(self, bench: Bench, site: str, llm: str) -> None:
        self.bench = bench
        self._own: dict[str, dict[str, str]] = {
            "worker": {"module": "tests.kafka.fake_worker"},
            "router": {},
            "fallback": {"llm_url": llm, "llm_model": "small"},
            "helpdesk": {"helpdesk": "zendesk", "helpdesk_url": site, "helpdesk_user": USER, "helpdesk_token": TOKEN},
        }
        self._topics = {f"{name}_topic": f"{name}-{bench.group}" for name in ("tickets", "alerts", "review", "labels")}

    async def create(self) -> None:
        await self.bench.create_topics(partitions=2)
        await admin.create(self.bench.bootstrap, self._topics.values(), partitions=2)

    def start(self, service: str, **settings: str) -> Worker:
        variables = {"module": f"triage_worker {service}"} | self._topics | self._own[service] | settings
        return self.bench.worker(group_id=f"{service}-{self.bench.group}", **variables)


@pytest.fixture
async def estate(bench: Bench) -> AsyncIterator[Estate]:
    async with LlmServer(always(lambda: answer("WISMO"))) as llm, FakeZendesk().running() as site:
        yield Estate(bench, site, llm.url)


@pytest.mark.parametrize("service", SERVICES)
async def test_while_it_waits_for_brokers_that_do_not_answer(estate: Estate, silent: str, service: str) -> None:
    (port,) = broker.free_ports(1)
    worker = estate.start(service, bootstrap_servers=silent, http_host="127.0.0.1", http_port=str(port))
    await eventually(partial(alive, port), 30, worker.said)
    await asyncio.sleep(1)
    assert worker.process.poll() is None
    assert await seconds_to_stop(worker) < WITHIN_S


@pytest.mark.parametrize(
    "service",
    ["router", *(pytest.param(service, marks=LONG) for service in SERVICES if service != "router")],
)
async def test_while_its_group_waits_for_a_dead_member(estate: Estate, service: str) -> None:
    await estate.create()
    dead = estate.start(service, session_timeout_ms="30000")
    await dead.has_said("Partitions assigned" if service != "helpdesk" else "Connected", 60)
    await asyncio.sleep(3 if service == "helpdesk" else 0)
    dead.kill()
    waiting = estate.start(service, session_timeout_ms="30000")
    await asyncio.sleep(6)
    assert waiting.said().count("Partitions assigned") == 0
    assert await seconds_to_stop(waiting) < WITHIN_S


@pytest.mark.parametrize(
    ("service", "delivery"),
    [
        ("worker", "exactly_once"),
        *(pytest.param(service, "", marks=LONG) for service in SERVICES),
    ],
)
async def test_while_the_broker_hangs(tmp_path: Path, service: str, delivery: str) -> None:
    async with (
        own_broker(tmp_path / "kafka") as node,
        FakeZendesk().running() as site,
        LlmServer(always(lambda: answer("WISMO"))) as llm,
    ):
        bench = Bench(node.bootstrap, tmp_path)
        estate = Estate(bench, site, llm.url)
        try:
            await estate.create()
            (port,) = broker.free_ports(1)
            further = {"delivery": delivery} if delivery else {}
            worker = estate.start(service, http_host="127.0.0.1", http_port=str(port), **further)
            await eventually(partial(ready, port), 60, worker.said)
            node.signal(signal.SIGSTOP)
            await asyncio.sleep(4)
            assert await seconds_to_stop(worker) < WITHIN_S
        finally:
            node.signal(signal.SIGCONT)
            bench.stop()


async def alive(port: int) -> bool:
    try:
        return (await get(port, "/livez"))[0] == 200
    except OSError:
        return False

"""Every service ends within five seconds of a stop signal, whatever it waits for: a table of states and services.

Each test is a row: all services that can be in a state are brought into it and stopped together. ``pytest -s`` prints
how long each took.
"""

import asyncio
import signal
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.errors import GroupCoordinatorNotAvailableError

from tests.kafka import admin
from tests.kafka.all_services import AllServices, all_services
from tests.kafka.broker import Broker, free_ports
from tests.kafka.endpoints import Endpoints
from tests.kafka.fault_environment import running_cluster
from tests.kafka.harness import KafkaHarness, conversations
from tests.kafka.processes import ServiceProcess, eventually

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(180)]

LIMIT_S = 5.0
DEAD_FOR_MS = 80_000
"""How long a group waits for a member that died; longer than the test, and not more than Faust takes."""

FAKE_WORKER = "tests.kafka.fake_worker"
EXACTLY_ONCE = "worker, exactly once"
GROUP_SERVICES = ("worker", EXACTLY_ONCE, "router", "fallback", "helpdesk")
SERVICES = (*GROUP_SERVICES, "audit")
FRAMED = b"\x00\x00\x00\x00\x01{}"
"""A value in Confluent's frame: with the schema of id 1."""


@dataclass
class Running:
    """A service that was started."""

    name: str
    process: ServiceProcess
    endpoints: Endpoints = field(default_factory=Endpoints)

    async def seconds_to_stop(self) -> float:
        """Send SIGTERM; returns how long the process takes to end, which must be with 0."""
        started = time.monotonic()
        code = await self.process.terminate()
        seconds = time.monotonic() - started
        assert code == 0, f"{self.name}: exit code {code}\n{self.process.log_text()}"
        return seconds


class Fleet:
    """Starts services, and stops them together.

    Args:
        harness: the topics.
        services: makes the processes.
    """

    def __init__(self, harness: KafkaHarness, services: AllServices) -> None:
        self.harness = harness
        self._services = services

    async def create_topics(self) -> None:
        await self._services.create_topics()

    def group(self, name: str) -> str:
        """The consumer group of a service."""
        return f"{name.replace(' ', '-').replace(',', '')}-{self.harness.group}"

    def start(self, name: str, **settings: str) -> Running:
        """Start a service; workers have a fake model."""
        endpoints = Endpoints()
        given = {"group_id": self.group(name), **endpoints.settings, **settings}
        if "worker" in name:
            given = {"module": FAKE_WORKER} | given
        if name == EXACTLY_ONCE:
            given["delivery"] = "exactly_once"
        service = "worker" if name == EXACTLY_ONCE else name
        return Running(name, self._services.start(service, **given), endpoints)

    async def start_all(self, names: Iterable[str] = SERVICES, **settings: str) -> list[Running]:
        """Start services, and wait until their event loops run."""
        running = [self.start(name, **settings) for name in names]
        for one in running:
            await eventually(one.endpoints.alive, 60, one.process.log_text)
        return running

    async def ready(self, **settings: str) -> list[Running]:
        """Start all services, and wait until each is at work."""
        running = await self.start_all(**settings)
        for one in running:
            await eventually(one.endpoints.ready, 60, one.process.log_text)
        return running

    async def at_work(self) -> list[Running]:
        """Start all services with more messages than they finish in the next seconds."""
        running = await self.ready(FAKE_DELAY_S="0.05", batch_tokens="512", max_in_flight="300")
        await self.harness.produce(conversations(4_000))

        async def answered() -> bool:
            counts = [await one.endpoints.metric("triage_in_flight_messages") for one in running[:2]]
            return all(counts)

        await eventually(answered, 60, running[0].process.log_text)
        await asyncio.sleep(0.5)
        return running


@pytest.fixture
async def fleet(harness: KafkaHarness) -> AsyncIterator[Fleet]:
    """All services on the shared broker."""
    async with all_services(harness) as services:
        yield Fleet(harness, services)


@pytest.fixture(scope="module")
def own_broker(kafka_installed: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """A broker that tests may freeze and kill."""
    with running_cluster(tmp_path_factory.mktemp("kafka"), 1, {}) as (node,):
        yield node


@asynccontextmanager
async def fleet_at_work(node: Broker, folder: Path) -> AsyncIterator[tuple[Fleet, list[Running]]]:
    """All services on a broker of their own, which is started if it does not run."""
    if not node.running:
        node.start()
        await asyncio.to_thread(node.wait)
    try:
        with KafkaHarness(node.bootstrap, folder) as harness:
            async with all_services(harness) as services:
                fleet = Fleet(harness, services)
                await fleet.create_topics()
                yield fleet, await fleet.at_work()
    finally:
        node.signal(signal.SIGCONT)


@pytest.fixture
def silent_servers() -> Iterator[str]:
    """Two addresses where connections are accepted and nothing is answered."""
    with (
        socket.create_server(("127.0.0.1", 0), backlog=50) as first,
        socket.create_server(("127.0.0.1", 0), backlog=50) as second,
    ):
        yield ",".join(f"127.0.0.1:{server.getsockname()[1]}" for server in (first, second))


async def check(state: str, running: Iterable[Running]) -> None:
    """Stop services together; each must end within the limit."""
    services = list(running)
    seconds = await asyncio.gather(*(one.seconds_to_stop() for one in services))
    table = {one.name: round(took, 2) for one, took in zip(services, seconds, strict=True)}
    print(f"{state}: {table}")
    slow = [one.process.log_text() for one, took in zip(services, seconds, strict=True) if took > LIMIT_S]
    assert not slow, "\n".join([str(table), *slow])


async def test_while_starting(fleet: Fleet) -> None:
    await fleet.create_topics()

    async def stop_at_once(one: Running) -> None:
        await eventually(one.endpoints.alive, 60, one.process.log_text)
        await check("starting", [one])

    await asyncio.gather(*(stop_at_once(fleet.start(name)) for name in SERVICES))


async def test_at_work(fleet: Fleet) -> None:
    await fleet.create_topics()
    await check("at work", await fleet.at_work())


async def test_brokers_that_do_not_answer(fleet: Fleet, silent_servers: str) -> None:
    running = await fleet.start_all(bootstrap_servers=silent_servers)
    await asyncio.sleep(1)
    assert [one.name for one in running if one.process.process.poll() is not None] == []
    await check("brokers do not answer", running)


async def die_in_group(bootstrap: str, group: str, topic: str) -> None:
    """Join a group and end without leaving it."""
    member = AIOKafkaConsumer(topic, bootstrap_servers=bootstrap, group_id=group, session_timeout_ms=DEAD_FOR_MS)
    await member.start()
    coordinator = member._coordinator
    coordinator.generation = -1  # so that it does not leave
    await member.stop()


async def members(fleet: Fleet, name: str) -> int:
    """How many members the group of a service has, dead ones included."""
    async with admin.admin_client(fleet.harness.bootstrap) as client:
        try:
            (answer,) = await client.describe_consumer_groups([fleet.group(name)])
        except GroupCoordinatorNotAvailableError:  # of a new broker
            return 0
        (described,) = answer.groups
        return len(described[5])


async def test_a_group_that_waits_for_a_dead_member(fleet: Fleet) -> None:
    await fleet.create_topics()
    harness, names = fleet.harness, GROUP_SERVICES
    dead_router = fleet.start("router", session_timeout_ms=str(DEAD_FOR_MS))
    others = [name for name in names if name != "router"]
    await dead_router.process.wait_for_log("Partitions assigned", 60)
    dead_router.process.kill()
    await asyncio.gather(*(die_in_group(harness.bootstrap, fleet.group(name), harness.input) for name in others))
    running = await fleet.start_all(names, session_timeout_ms=str(DEAD_FOR_MS))

    async def joining() -> bool:
        return all([await members(fleet, name) == 2 for name in names])

    await eventually(joining, 20, running[0].process.log_text)
    assert [one.name for one in running if "Partitions assigned" in one.process.log_text()] == []
    await check("the group waits for a dead member", running)
    assert {name: await members(fleet, name) for name in names} == dict.fromkeys(names, 1), "they left their groups"


async def test_a_router_that_recovers_its_tables(fleet: Fleet) -> None:
    await fleet.create_topics()
    bootstrap = fleet.harness.bootstrap
    changelog = f"{fleet.group('router')}-conversations-changelog"
    compacted = {changelog: {"cleanup.policy": "compact"}}
    await admin.create_topics(bootstrap, [changelog], partitions=2, configs=compacted)
    async with (
        AIOKafkaProducer(bootstrap_servers=bootstrap, transactional_id=changelog) as producer,
        producer.transaction(),
    ):
        for partition in range(2):
            await producer.send(changelog, b"value", key=b"key", partition=partition)
    # The changelog ends with the marker of a transaction, which Faust waits for in vain.
    (router,) = await fleet.start_all(["router"])

    async def joined() -> bool:
        return await members(fleet, "router") == 1

    await eventually(joined, 30, router.process.log_text)
    await asyncio.sleep(2)
    assert "Partitions assigned" not in router.process.log_text()
    await check("tables are recovered", [router])


async def test_a_schema_registry_that_is_away(fleet: Fleet, silent_servers: str) -> None:
    await fleet.create_topics()
    await fleet.harness.send(fleet.harness.input, [(b"k", FRAMED, [])] * 20)
    (closed,) = free_ports(1)
    urls = {"worker": f"http://127.0.0.1:{closed}", EXACTLY_ONCE: f"http://{silent_servers.partition(',')[0]}"}
    running = [fleet.start(name, schema_registry_url=url) for name, url in urls.items()]
    for one in running:

        async def waiting(one: Running = one) -> bool:
            return bool(await one.endpoints.metric("triage_in_flight_messages"))

        await eventually(waiting, 60, one.process.log_text)
    await check("the schema registry is away", running)


async def test_a_broker_that_hangs(own_broker: Broker, tmp_path: Path) -> None:
    async with fleet_at_work(own_broker, tmp_path) as (_, running):
        own_broker.signal(signal.SIGSTOP)
        await asyncio.sleep(2)
        await check("the broker hangs", running)


async def test_a_broker_that_is_gone(own_broker: Broker, tmp_path: Path) -> None:
    async with fleet_at_work(own_broker, tmp_path) as (_, running):
        await asyncio.to_thread(own_broker.stop)
        await asyncio.sleep(2)
        await check("the broker is gone", running)
        own_broker.start()
        await asyncio.to_thread(own_broker.wait)


@pytest.mark.torture
async def test_a_second_signal_while_a_broker_hangs(own_broker: Broker, tmp_path: Path) -> None:
    async def seconds_after_two_signals(one: Running) -> float:
        one.process.process.terminate()
        await asyncio.sleep(0.2)
        started = time.monotonic()
        code = await one.process.terminate()
        assert code in {0, 128 + signal.SIGTERM}, f"{one.name}: exit code {code}"  # 0: it had ended already
        return time.monotonic() - started

    async with fleet_at_work(own_broker, tmp_path) as (_, running):
        own_broker.signal(signal.SIGSTOP)
        await asyncio.sleep(2)
        seconds: Awaitable[list[float]] = asyncio.gather(*(seconds_after_two_signals(one) for one in running))
        assert max(await seconds) < 1

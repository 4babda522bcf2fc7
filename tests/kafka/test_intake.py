"""Each webhook becomes one message, while replicas are killed, brokers restart, and senders try again."""

import asyncio
import random
import signal
from collections.abc import Sequence
from pathlib import Path
from time import monotonic

import pytest

from tests.kafka import fault_environment
from tests.kafka.acls import documented_acls
from tests.kafka.broker import Broker, free_ports
from tests.kafka.harness import KafkaHarness
from tests.kafka.intake_traffic import IntakeHarness
from tests.kafka.secured_services import SecuredServices
from tests.worker.intake.signing import SECRET

pytestmark = pytest.mark.kafka

MOST_S = 8.0
"""The end takes 5 s at most; more on a busy machine."""


async def kill_and_start(intake: IntakeHarness, port: int) -> None:
    """Kill a replica, and start it again."""
    intake.replicas[port].kill()
    intake.start(port)
    await intake.ready(port)


async def test_a_replica_is_killed_while_webhooks_arrive(harness: KafkaHarness, tmp_path: Path, seed: int) -> None:
    """The short form: two replicas, one of which is killed twice."""
    rng = random.Random(seed)
    intake = IntakeHarness(harness, tmp_path, free_ports(2))
    await intake.prepare()
    for port in intake.ports:
        intake.start(port)
    for port in intake.ports:
        await intake.ready(port)
    sending = asyncio.create_task(intake.send_all(400, 100, rng))
    await asyncio.sleep(1.0)
    await kill_and_start(intake, intake.ports[0])
    answers = await sending
    await kill_and_start(intake, intake.ports[0])
    repeated = await intake.check(400)
    print(f"answers {dict(answers)}, repetitions left out {repeated}")
    assert answers[202] >= 400
    assert repeated > 0, "nothing was left out, so this proves nothing"
    for service in intake.replicas.values():
        begun = monotonic()
        assert await service.terminate() == 0, service.log_text()
        assert monotonic() - begun < MOST_S


async def test_it_needs_only_its_documented_rights(services: SecuredServices, tmp_path: Path) -> None:
    """Without one of them its log says which, and it takes webhooks for as long as it can write them."""
    (port,) = ports = free_ports(1)
    intake = IntakeHarness(services.kafka, tmp_path, ports)
    intake.write_sources()
    settings = {"intake_sources": str(intake.sources_file), "http_host": "127.0.0.1", "http_port": str(port)}
    acls = documented_acls("intake")
    async with services.granted("intake", acls):
        intake.replicas[port] = service = services.start("intake", SHOP_SECRET=SECRET, **settings)
        await intake.ready(port)
        answers = await intake.send_all(20, 100, random.Random(1))
        assert set(answers) == {202}
        await services.kafka.wait_until_committed(60, services.topics["intake_topic"])
        await services.terminate(service)
    assert await services.contains(services.topics["input_topic"], "where is my parcel 19")
    await services.skip("intake", services.topics["intake_topic"])
    for operation, status in (("Read", 202), ("Write", 503)):
        kept = [acl for acl in acls if acl[1:] != ("intake.received", False, operation)]
        async with services.granted("intake", kept):
            intake.replicas[port] = service = services.start("intake", SHOP_SECRET=SECRET, **settings)
            await intake.ready(port)
            assert await intake.send_once(20) == status
            await service.wait_for_log(f"{operation} on the topic intake.received", 60)
            service.kill()


@pytest.mark.torture
@pytest.mark.parametrize("nodes", [3, 1])
async def test_2000_webhooks_with_kills_and_broker_restarts(
    kafka_installed: None, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, seed: int, nodes: int
) -> None:
    """200 a second; meanwhile replicas are killed and brokers are restarted, one after the other.

    While the only broker of one is away, senders are told to try again.
    """
    rng = random.Random(seed)
    settings = fault_environment.REPLICATED if nodes > 1 else {}
    with fault_environment.running_cluster(tmp_path / "kafka", nodes, settings) as brokers:
        bootstrap = ",".join(node.bootstrap for node in brokers)
        with KafkaHarness(bootstrap, tmp_path_factory.mktemp("services")) as harness:
            intake = IntakeHarness(harness, tmp_path, free_ports(2))
            await intake.prepare(replicas=nodes)
            for port in intake.ports:
                intake.start(port)
            for port in intake.ports:
                await intake.ready(port)
            faults = asyncio.create_task(disturb(intake, brokers, rng))
            sent = 2_000
            answers = await intake.send_all(sent, 200, rng)
            while not faults.done():  # a slow machine takes longer for them
                answers += await intake.send_all(50, 50, rng, first=sent)
                sent += 50
            await faults
            repeated = await intake.check(sent)
            print(f"{sent} webhooks, answers {dict(answers)}, repetitions left out {repeated}")
            assert repeated > 0
            assert nodes > 1 or answers[503] > 0


@pytest.mark.torture
async def test_it_ends_in_time_while_the_broker_hangs(
    kafka_installed: None, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Also with webhooks in flight, which are answered with 503, or not at all."""
    with (
        fault_environment.running_cluster(tmp_path / "kafka", 1, {}) as (node,),
        KafkaHarness(node.bootstrap, tmp_path_factory.mktemp("services")) as harness,
    ):
        intake = IntakeHarness(harness, tmp_path, free_ports(1))
        await intake.prepare()
        service = intake.start(intake.ports[0])
        await intake.ready(intake.ports[0])
        assert await intake.send_once(0) == 202
        node.signal(signal.SIGSTOP)
        sending = [asyncio.create_task(intake.send_once(number)) for number in range(1, 20)]
        await asyncio.sleep(0.5)
        begun = monotonic()
        assert await service.terminate() == 0, service.log_text()
        assert monotonic() - begun < MOST_S
        answered = await asyncio.gather(*sending, return_exceptions=True)
        assert 202 not in answered
        node.signal(signal.SIGCONT)


async def disturb(intake: IntakeHarness, brokers: Sequence[Broker], rng: random.Random) -> None:
    """Kill each replica twice, and restart each broker: the first two gracefully, the last one by a kill."""
    for number, node in enumerate(brokers):
        await asyncio.sleep(rng.uniform(0.5, 1.5))
        await asyncio.to_thread(node.stop, signal.SIGKILL if number == 2 else signal.SIGTERM)
        port = intake.ports[number % len(intake.ports)]
        intake.replicas[port].kill()
        await asyncio.sleep(rng.uniform(0.5, 1.0))
        intake.start(port)
        node.start()
        await asyncio.to_thread(node.wait)
        await intake.ready(port)
    for port in intake.ports:
        await kill_and_start(intake, port)

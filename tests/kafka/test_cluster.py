"""A cluster of three: leaders that move under a worker, and brokers that are missing, frozen, or gone for good."""

import asyncio
import random
import signal
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path

import pytest

from tests.kafka import admin, faults, grounds
from tests.kafka.broker import Broker
from tests.kafka.harness import Bench
from tests.kafka.processes import eventually
from tests.kafka.scene import POISON, Scene, run
from tests.kafka.test_broker_faults import DELIVERIES, IN_FLIGHT, conversation, in_flight, observed
from tests.kafka.test_service import get, ready
from tests.kafka.verdict import kept

pytestmark = pytest.mark.kafka

AWAY_S = 60


@pytest.fixture(scope="module")
def nodes(bootstrap: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sequence[Broker]]:
    """Three brokers; ``bootstrap`` only sees to it that Kafka is there."""
    with grounds.started(tmp_path_factory.mktemp("three"), 3, grounds.REPLICATED) as three:
        yield three


@pytest.fixture
async def bench(nodes: Sequence[Broker], tmp_path: Path) -> AsyncIterator[Bench]:
    """Topics on the three, which all are up again when it ends."""
    bootstrap = ",".join(node.bootstrap for node in nodes)
    made = Bench(bootstrap, tmp_path)
    try:
        yield made
    finally:
        made.stop()
        for node in nodes:
            if node.running:
                node.signal(signal.SIGCONT)
            else:
                node.start()
                await asyncio.to_thread(node.wait)
        await admin.in_sync(bootstrap)


@pytest.mark.parametrize("delivery", DELIVERIES)
async def test_leaders_that_move_while_messages_flow(
    bench: Bench, nodes: Sequence[Broker], tmp_path: Path, seed: int, delivery: str
) -> None:
    scene = Scene(bench, tmp_path, delivery, "trickle", random.Random(seed), nodes, {"FAKE_POISON": POISON})
    (await run("leaders", faults.leaders, scene, seed)).check()


@pytest.mark.torture
@pytest.mark.xfail(reason="the coordinator forgets a transaction whose outputs the broker took", strict=False)
async def test_the_coordinator_of_transactions_that_moves_again_and_again(
    bench: Bench, nodes: Sequence[Broker], tmp_path: Path, seed: int
) -> None:
    scene = Scene(bench, tmp_path, "exactly_once", "trickle", random.Random(seed), nodes, {"FAKE_POISON": POISON})
    (await run("all leaders", faults.moved, scene, seed)).check()


@pytest.mark.parametrize("delivery", DELIVERIES)
async def test_fewer_replicas_than_the_output_wants(bench: Bench, nodes: Sequence[Broker], delivery: str) -> None:
    await bench.create_topics(replicas=3, output={"min.insync.replicas": "3"})
    worker, port = observed(bench, delivery)
    await eventually(lambda: ready(port), 60, worker.said)
    node = random.choice(nodes)
    await asyncio.to_thread(node.stop)
    sent = await bench.produce(conversation(2_000))

    async def told() -> bool:
        status, problem = await get(port, "/readyz")
        return status == 503 and "NotEnoughReplicas" in problem

    await eventually(told, 60, worker.said)
    assert await in_flight(port) <= IN_FLIGHT
    assert (await get(port, "/livez"))[0] == 200
    node.start()
    await asyncio.to_thread(node.wait)
    await eventually(lambda: ready(port), 90, worker.said)
    await bench.kept_their_word([worker], sent, delivery, 90)


@pytest.mark.torture
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "frozen"])
@pytest.mark.parametrize("delivery", ["at_least_once", "exactly_once"])
async def test_two_brokers_go_on_without_the_third(
    bench: Bench, nodes: Sequence[Broker], tmp_path: Path, seed: int, delivery: str, how: signal.Signals
) -> None:
    """What was asked of it must be asked of another, also where its connections stay open and nothing comes."""

    async def strike(scene: Scene) -> None:
        await asyncio.sleep(2)
        node = scene.dice.choice(scene.nodes)
        if how == signal.SIGSTOP:
            node.signal(how)
            await asyncio.sleep(AWAY_S)
            node.signal(signal.SIGCONT)
        else:
            await asyncio.to_thread(node.stop, how)
            await asyncio.sleep(AWAY_S)
            await faults.back(scene, node)
        await asyncio.sleep(2)

    scene = Scene(bench, tmp_path, delivery, "trickle", random.Random(seed), nodes, {"FAKE_POISON": POISON})
    word = {signal.SIGKILL: "killed", signal.SIGSTOP: "frozen"}[how]
    row = await run(f"one of three brokers {word} for {AWAY_S} s", strike, scene, seed)
    kept(row)
    assert row.gap_s < AWAY_S


@pytest.mark.torture
@pytest.mark.parametrize("delivery", ["at_least_once", "exactly_once"])
async def test_a_worker_and_a_broker_die_together(
    bench: Bench, nodes: Sequence[Broker], tmp_path: Path, seed: int, delivery: str
) -> None:
    async def strike(scene: Scene) -> None:
        for _ in range(3):
            await asyncio.sleep(scene.dice.uniform(1, 2))
            node = scene.dice.choice(scene.nodes)
            scene.take().kill()
            await asyncio.to_thread(node.stop)
            scene.start()
            await faults.back(scene, node)

    scene = Scene(bench, tmp_path, delivery, "trickle", random.Random(seed), nodes, {"FAKE_POISON": POISON})
    kept(await run("worker and broker", strike, scene, seed))

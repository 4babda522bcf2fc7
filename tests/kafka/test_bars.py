"""Faults of minutes, each with the bar that it must reach. ``make torture`` runs them before the matrix."""

import asyncio
import random
import signal
import time
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import pytest

from tests.kafka import faults, grounds
from tests.kafka.harness import Bench
from tests.kafka.processes import Worker
from tests.kafka.scene import ON_BROKERS_TIME, SESSION_S, Scene, messages, run
from tests.kafka.verdict import judge, kept

pytestmark = [pytest.mark.kafka, pytest.mark.torture, pytest.mark.timeout(1_200)]

MESSAGES = 30_000
KILLS = 12
FROZEN_S = 60
BROKER_KILLS = 18
EVERY_S = 10
PROGRESS_S = 15.0


@pytest.fixture(params=["at_least_once", "exactly_once"])
def delivery(request: pytest.FixtureRequest) -> str:
    return str(request.param)


async def test_twelve_kills_of_two_workers(bench: Bench, seed: int, delivery: str) -> None:
    dice = random.Random(seed)
    await bench.create_topics(6, 1, **ON_BROKERS_TIME)

    def start() -> Worker:
        # With the full window in flight and batches that take their time, every kill finds much undone.
        return bench.worker(delivery=delivery, FAKE_DELAY_S="0.03", session_timeout_ms="2000")

    workers = [start(), start()]
    sent: list[tuple[int, int]] = []
    for _ in range(KILLS):
        sent += await bench.produce(messages(dice, MESSAGES // KILLS))
        await asyncio.sleep(dice.uniform(0.5, 4.0))
        victim = dice.randrange(2)
        workers[victim].kill()
        workers[victim] = start()
    await bench.answered(300)
    await ended(workers)
    kept(await judge(bench, sent, fault="12 x kill -9", delivery=delivery, rate="2,500 at a time", seed=seed))


async def test_frozen_for_a_minute_past_its_session(bench: Bench, seed: int, delivery: str, tmp_path: Path) -> None:
    scene = Scene(bench, tmp_path, delivery, "trickle", random.Random(seed))

    async def strike(scene: Scene) -> None:
        await asyncio.sleep(2)
        await faults.frozen(scene, SESSION_S + FROZEN_S)
        await asyncio.sleep(2)

    kept(await run("frozen 60 s past its session", strike, scene, seed))


async def test_kills_with_the_shipped_model(bench: Bench, seed: int, delivery: str, tmp_path: Path) -> None:
    dice = random.Random(seed)
    scene = Scene(bench, tmp_path, delivery, "flood", dice, module="triage_worker worker", flood=2_000)
    kept(await run("kill, shipped model", faults.kill, scene, seed))


async def test_three_brokers_killed_in_turn(tmp_path: Path, bootstrap: str, seed: int, delivery: str) -> None:
    """One every ten seconds, for three minutes; on a busy machine as soon as the last one is back."""
    killed_at: list[float] = []

    async def strike(scene: Scene) -> None:
        for turn in range(BROKER_KILLS):
            node = scene.nodes[turn % len(scene.nodes)]
            killed_at.append(time.time())
            node.stop(signal.SIGKILL)
            await asyncio.gather(faults.back(scene, node), asyncio.sleep(EVERY_S))
        killed_at.append(time.time())

    with grounds.started(tmp_path / "kafka", 3, grounds.REPLICATED) as nodes:
        bench = Bench(",".join(node.bootstrap for node in nodes), tmp_path)
        scene = Scene(bench, tmp_path, delivery, "trickle", random.Random(seed), nodes)
        try:
            row = await run("three brokers killed in turn", strike, scene, seed)
            answered = [record.timestamp / 1_000 for topic in bench.topics[1:] for record in await bench.read(topic)]
        finally:
            bench.stop()
    waits = list(first_after(sorted(answered), killed_at[:-1]))
    print(f"seconds between kills: {[round(later - earlier, 1) for earlier, later in pairwise(killed_at)]}")
    print(f"seconds from each kill to the next answer: {[round(wait, 1) for wait in waits]}")
    kept(row)
    assert max(waits) < PROGRESS_S


def first_after(times: Sequence[float], moments: Sequence[float]) -> Iterator[float]:
    """How long after each moment the next of the times is."""
    for moment in moments:
        yield next((at for at in times if at > moment), float("inf")) - moment


async def ended(workers: Sequence[Worker]) -> None:
    for worker in workers:
        await worker.has_said("Partitions assigned")
        assert await worker.terminate() == 0, worker.said()

"""Faults that last minutes, each with a limit that the workers must meet; ``make torture`` runs them."""

import asyncio
import random
import signal
import time
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import pytest

from tests.kafka import fault_environment, faults
from tests.kafka.harness import KafkaHarness
from tests.kafka.message_outcomes import Position
from tests.kafka.processes import ServiceProcess
from tests.kafka.scenario import (
    BROKER_TIMESTAMPS,
    SESSION_S,
    Scenario,
    random_messages,
    run_scenario,
    terminate,
)
from tests.kafka.verification import record_and_check, verify

pytestmark = [pytest.mark.kafka, pytest.mark.torture, pytest.mark.timeout(1_200)]

MESSAGES = 30_000
KILLS = 12
FROZEN_S = 60
BROKER_KILLS = 18
INTERVAL_S = 10
LONGEST_WAIT_S = 15.0
"""After a broker was killed, the next answer must come within this time."""


@pytest.fixture(params=["at_least_once", "exactly_once"])
def delivery(request: pytest.FixtureRequest) -> str:
    return str(request.param)


async def test_twelve_kills_of_two_workers(harness: KafkaHarness, seed: int, delivery: str) -> None:
    rng = random.Random(seed)
    await harness.create_topics(6, 1, **BROKER_TIMESTAMPS)

    def start() -> ServiceProcess:
        # Slow batches and a full window in flight: at every kill, many messages are unfinished.
        return harness.start(delivery=delivery, FAKE_DELAY_S="0.03", session_timeout_ms="2000")

    workers = [start(), start()]
    sent: list[Position] = []
    for _ in range(KILLS):
        sent += await harness.produce(random_messages(rng, MESSAGES // KILLS))
        await asyncio.sleep(rng.uniform(0.5, 4.0))
        killed = rng.randrange(2)
        workers[killed].kill()
        workers[killed] = start()
    await harness.wait_until_committed(300)
    await terminate(workers)
    result = await verify(harness, sent, fault="12 x kill -9", delivery=delivery, rate="2,500 at a time", seed=seed)
    record_and_check(result)


async def test_a_worker_that_is_frozen_for_a_minute_past_its_session(
    harness: KafkaHarness, seed: int, delivery: str, tmp_path: Path
) -> None:
    async def freeze(scenario: Scenario) -> None:
        await asyncio.sleep(2)
        await faults.freeze_worker(scenario, SESSION_S + FROZEN_S)
        await asyncio.sleep(2)

    scenario = Scenario(harness, tmp_path, delivery, "trickle", random.Random(seed))
    record_and_check(await run_scenario("frozen 60 s past its session", freeze, scenario, seed))


async def test_kills_with_the_shipped_model(harness: KafkaHarness, seed: int, delivery: str, tmp_path: Path) -> None:
    rng = random.Random(seed)
    scenario = Scenario(harness, tmp_path, delivery, "flood", rng, module="triage_worker worker", flood_messages=2_000)
    record_and_check(await run_scenario("kill, shipped model", faults.kill, scenario, seed))


async def test_three_brokers_killed_in_turn(kafka_installed: None, tmp_path: Path, seed: int, delivery: str) -> None:
    """One is killed every ten seconds for three minutes; on a slow machine, as soon as the previous one is in sync."""
    killed_at: list[float] = []

    async def kill_in_turn(scenario: Scenario) -> None:
        for turn in range(BROKER_KILLS):
            broker = scenario.brokers[turn % len(scenario.brokers)]
            killed_at.append(time.time())
            broker.stop(signal.SIGKILL)
            await asyncio.gather(faults.restart_broker(scenario, broker), asyncio.sleep(INTERVAL_S))
        killed_at.append(time.time())

    with (
        fault_environment.running_cluster(tmp_path / "kafka", 3, fault_environment.REPLICATED) as brokers,
        KafkaHarness(",".join(broker.bootstrap for broker in brokers), tmp_path) as harness,
    ):
        scenario = Scenario(harness, tmp_path, delivery, "trickle", random.Random(seed), brokers)
        result = await run_scenario("three brokers killed in turn", kill_in_turn, scenario, seed)
        answered = [record.timestamp / 1_000 for topic in harness.topics[1:] for record in await harness.read(topic)]
    waits = list(waits_after(killed_at[:-1], sorted(answered)))
    print(f"seconds between kills: {[round(later - earlier, 1) for earlier, later in pairwise(killed_at)]}")
    print(f"seconds from each kill to the next answer: {[round(wait, 1) for wait in waits]}")
    record_and_check(result)
    assert max(waits) < LONGEST_WAIT_S


def waits_after(moments: Sequence[float], times: Sequence[float]) -> Iterator[float]:
    """Return how long after each moment the next of the times is; the times are sorted."""
    for moment in moments:
        yield next((at for at in times if at > moment), float("inf")) - moment

"""A cluster of three brokers: leaders that move, and brokers that are missing, frozen or killed."""

import asyncio
import random
import signal
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer
from aiokafka.errors import NoError, NotLeaderForPartitionError, for_code
from aiokafka.protocol.fetch import FetchRequest
from triage_worker.kafka.client_compat.patches import apply_patches

from tests.kafka import admin, faults
from tests.kafka.broker import Broker
from tests.kafka.harness import DELIVERIES, KafkaHarness
from tests.kafka.processes import eventually
from tests.kafka.scenario import POISON, Scenario, run_scenario
from tests.kafka.test_broker_faults import IN_FLIGHT, accepted_messages, in_flight, start_worker
from tests.kafka.verification import record_and_check
from tests.unpatched import undo_patches

pytestmark = pytest.mark.kafka

AWAY_S = 60


@pytest.fixture
async def harness(brokers: Sequence[Broker], tmp_path: Path) -> AsyncIterator[KafkaHarness]:
    """Topics on the three brokers, which all run and are in sync again when the test ends."""
    bootstrap = ",".join(broker.bootstrap for broker in brokers)
    try:
        with KafkaHarness(bootstrap, tmp_path) as created:
            yield created
    finally:
        for broker in brokers:
            if broker.running:
                broker.signal(signal.SIGCONT)
            else:
                broker.start()
                await asyncio.to_thread(broker.wait)
        await admin.wait_until_in_sync(bootstrap)


@pytest.fixture
def make_scenario(
    harness: KafkaHarness, brokers: Sequence[Broker], tmp_path: Path, seed: int
) -> Callable[[str], Scenario]:
    """Make a scenario with a trickle of messages, for a delivery."""
    rng = random.Random(seed)
    return lambda delivery: Scenario(harness, tmp_path, delivery, "trickle", rng, brokers, {"FAKE_POISON": POISON})


@pytest.mark.parametrize("delivery", DELIVERIES)
async def test_nothing_is_lost_while_leaders_move(
    make_scenario: Callable[[str], Scenario], seed: int, delivery: str
) -> None:
    (await run_scenario("leaders", faults.leaders, make_scenario(delivery), seed)).check()


@pytest.mark.torture
async def test_nothing_is_answered_twice_while_all_leaders_move(
    make_scenario: Callable[[str], Scenario], seed: int
) -> None:
    """The leaders of both coordinators move, too, and far more often than in operation."""
    record_and_check(await run_scenario("all leaders", faults.all_leaders, make_scenario("exactly_once"), seed))


@pytest.mark.parametrize("patched", [True, False], ids=["patched", "aiokafka alone"])
async def test_followers_answer_only_newer_fetch_requests(
    harness: KafkaHarness, monkeypatch: pytest.MonkeyPatch, patched: bool
) -> None:
    if patched:
        apply_patches()
    else:
        undo_patches(monkeypatch)
    await harness.create_topics(1, replicas=3)
    await harness.produce([(b"key", b"value")])
    async with admin.admin_client(harness.bootstrap) as client:
        (topic,) = await client.describe_topics([harness.input])
    ((leader, replicas),) = [(one["leader"], one["replicas"]) for one in topic["partitions"]]
    request = FetchRequest(100, 1, 1_000, 0, [(harness.input, [(0, 0, 1_000)])])
    async with AIOKafkaConsumer(bootstrap_servers=harness.bootstrap) as consumer:
        answers = {node: await consumer._client.send(node, request) for node in replicas}
    errors = {node: for_code(response.topics[0][1][0][1]) for node, response in answers.items()}
    assert errors.pop(leader) is NoError
    assert set(errors.values()) == {NotLeaderForPartitionError if patched else NoError}


@pytest.mark.parametrize("delivery", DELIVERIES)
async def test_a_worker_reports_missing_replicas_and_loses_nothing(
    harness: KafkaHarness, brokers: Sequence[Broker], delivery: str
) -> None:
    await harness.create_topics(replicas=3, output={"min.insync.replicas": "3"})
    worker, endpoints = start_worker(harness, delivery)
    await eventually(endpoints.ready, 60, worker.log_text)
    broker = random.choice(brokers)
    await asyncio.to_thread(broker.stop)
    sent = await harness.produce(accepted_messages(2_000))

    async def reported() -> bool:
        status, problem = await endpoints.get("/readyz")
        return status == 503 and "NotEnoughReplicas" in problem

    await eventually(reported, 60, worker.log_text)
    assert await in_flight(endpoints) <= IN_FLIGHT
    assert (await endpoints.get("/livez"))[0] == 200
    broker.start()
    await asyncio.to_thread(broker.wait)
    await eventually(endpoints.ready, 90, worker.log_text)
    await harness.verify_delivery([worker], sent, repeats_allowed=delivery == "at_least_once", timeout_s=90)


@pytest.mark.torture
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "frozen"])
@pytest.mark.parametrize("delivery", ["at_least_once", "exactly_once"])
async def test_two_brokers_answer_while_the_third_is_away(
    make_scenario: Callable[[str], Scenario], seed: int, delivery: str, number: signal.Signals
) -> None:
    """A frozen broker keeps its connections open and does not answer, so clients must turn to another one."""

    async def away(scenario: Scenario) -> None:
        await asyncio.sleep(2)
        broker = scenario.rng.choice(scenario.brokers)
        if number == signal.SIGSTOP:
            broker.signal(number)
            await asyncio.sleep(AWAY_S)
            broker.signal(signal.SIGCONT)
        else:
            await asyncio.to_thread(broker.stop, number)
            await asyncio.sleep(AWAY_S)
            await faults.restart_broker(scenario, broker)
        await asyncio.sleep(2)

    participle = {signal.SIGKILL: "killed", signal.SIGSTOP: "frozen"}[number]
    name = f"one of three brokers {participle} for {AWAY_S} s"
    result = await run_scenario(name, away, make_scenario(delivery), seed)
    record_and_check(result)
    assert result.gap_s < AWAY_S


@pytest.mark.torture
@pytest.mark.parametrize("delivery", ["at_least_once", "exactly_once"])
async def test_nothing_is_lost_when_a_worker_and_a_broker_die_together(
    make_scenario: Callable[[str], Scenario], seed: int, delivery: str
) -> None:
    async def kill_both(scenario: Scenario) -> None:
        for _ in range(3):
            await asyncio.sleep(scenario.rng.uniform(1, 2))
            broker = scenario.rng.choice(scenario.brokers)
            scenario.remove_worker().kill()
            await asyncio.to_thread(broker.stop)
            scenario.start_worker()
            await faults.restart_broker(scenario, broker)

    record_and_check(await run_scenario("worker and broker", kill_both, make_scenario(delivery), seed))

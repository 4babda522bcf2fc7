"""A coordinator that skips partitions without a leader loses markers (KAFKA-20734); the next owner writes them.

Two of three brokers hold everything: the first has the transactions' coordinator, the second has what a test names.
That one is shut down after a transaction's records were written, and before it is committed.
"""

import asyncio
import random
import signal
from collections.abc import AsyncIterator, Iterator, Sequence
from functools import partial
from pathlib import Path

import pytest
from triage_worker.kafka.client_compat.transaction_inspector import TransactionInspector

from tests.kafka import admin, fault_environment
from tests.kafka.broker import Broker
from tests.kafka.harness import KafkaHarness
from tests.kafka.partition_owner import COMMITTED, Partition
from tests.kafka.processes import eventually
from tests.kafka.scenario import Scenario, run_scenario
from tests.kafka.verification import record_and_check

pytestmark = [pytest.mark.kafka, pytest.mark.torture, pytest.mark.timeout(600)]

OFFSETS, TRANSACTIONS = "__consumer_offsets", "__transaction_state"
SETTINGS = {
    "offsets.topic.num.partitions": "1",
    "transaction.state.log.num.partitions": "1",
    "broker.session.timeout.ms": "3000",
    "broker.heartbeat.interval.ms": "500",
}


@pytest.fixture(scope="module")
def brokers(kafka_installed: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sequence[Broker]]:
    with fault_environment.running_cluster(tmp_path_factory.mktemp("kafka"), 3, SETTINGS) as running:
        yield running


@pytest.fixture
async def harness(brokers: Sequence[Broker], tmp_path: Path) -> AsyncIterator[KafkaHarness]:
    with KafkaHarness(",".join(broker.bootstrap for broker in brokers), tmp_path) as created:
        await created.create_topics(1)
        yield created


async def lose_markers(partition: Partition, broker: Broker, on_it: Sequence[str]) -> None:
    """Commit a transaction while some topics have no leader; the coordinator calls it complete."""
    harness = partition.harness
    async with partition.owner() as producer:
        await producer.start()
        await partition.answer(producer, COMMITTED - 1)
        await producer.commit_transaction()
        for topic in (TRANSACTIONS, OFFSETS, *harness.topics):
            await admin.place(harness.bootstrap, topic, broker.node_id if topic in on_it else 1)
        await partition.answer(producer, COMMITTED)
        await asyncio.to_thread(broker.stop, signal.SIGTERM)
        await eventually(partial(admin.has_leader, harness.bootstrap, on_it[-1], False), 60)
        await producer.commit_transaction()
        inspector = TransactionInspector(producer)

        async def complete() -> bool:
            return await inspector.state() == "CompleteCommit"

        await eventually(complete, 60)
    broker.start()
    await asyncio.to_thread(broker.wait)
    for topic in on_it:
        await eventually(partial(admin.has_leader, harness.bootstrap, topic, True), 60)


@pytest.mark.parametrize("lost", ["both", "outputs", "offset"])
async def test_the_next_owner_completes_what_the_coordinator_calls_complete(
    brokers: Sequence[Broker], harness: KafkaHarness, lost: str
) -> None:
    partition = Partition(harness)
    on_it = {"both": [OFFSETS, harness.output], "outputs": [harness.output], "offset": [OFFSETS]}[lost]
    await lose_markers(partition, brokers[1], on_it)
    assert await partition.committed() == (COMMITTED + (lost == "outputs")), "Kafka has lost no marker (KAFKA-20734)"
    async with partition.owner() as producer:
        assert await partition.last.start(producer)
        assert await partition.committed() == COMMITTED + 1
        assert len(await partition.answers()) == 2
        await partition.answer(producer, COMMITTED + 1)
        await producer.commit_transaction()
    answers = await partition.answers()
    assert [int(one.rpartition(b":")[2]) for one in answers] == [COMMITTED - 1, COMMITTED, COMMITTED + 1]
    async with partition.owner() as producer:
        assert not await partition.last.start(producer), "everything is decided"


async def test_without_that_a_message_is_answered_twice(brokers: Sequence[Broker], harness: KafkaHarness) -> None:
    """What every client does that only starts a producer and reads the committed offset."""
    partition = Partition(harness)
    await lose_markers(partition, brokers[1], [OFFSETS, harness.output])
    async with partition.owner() as producer:
        await producer.start()
        committed = await partition.committed()
        assert committed == COMMITTED
        await partition.answer(producer, committed)
        await producer.commit_transaction()
    answers = await partition.answers()
    assert len(answers) == 3
    assert len(set(answers)) == 2


async def outputs_without_leader(scenario: Scenario) -> None:
    """Shut the only broker of outputs and offsets down under load, replace a worker meanwhile, and start it again."""
    harness, (_, broker, _) = scenario.harness, scenario.brokers
    for topic, node in (
        *((topic, 1) for topic in (TRANSACTIONS, harness.input)),
        *((topic, broker.node_id) for topic in (OFFSETS, *harness.topics[1:])),
    ):
        await admin.place(harness.bootstrap, topic, node)
    for _ in range(5):
        await asyncio.sleep(scenario.rng.uniform(1, 3))
        await asyncio.to_thread(broker.stop, signal.SIGTERM)
        await asyncio.sleep(1)
        scenario.remove_worker().kill()
        scenario.start_worker()
        await asyncio.sleep(2)
        broker.start()
        await asyncio.to_thread(broker.wait)
    await asyncio.sleep(1)


@pytest.mark.parametrize("rate", ["trickle", "flood"])
async def test_nothing_is_answered_twice_where_outputs_lose_their_leader(
    brokers: Sequence[Broker], tmp_path: Path, seed: int, rate: str
) -> None:
    with KafkaHarness(",".join(broker.bootstrap for broker in brokers), tmp_path) as harness:
        scenario = Scenario(harness, tmp_path, "exactly_once", rate, random.Random(seed), brokers)
        record_and_check(await run_scenario("outputs without leader", outputs_without_leader, scenario, seed))

"""The lag as KEDA computes it, next to the worker's own metric, with a real worker outside of the cluster."""

import asyncio
import re

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.structs import TopicPartition

from tests.cluster.control_plane import Cluster
from tests.cluster.keda.processes import Keda
from tests.cluster.keda.scaling import Scaling, released, values
from tests.cluster.programs import MARKS, until
from tests.kafka import admin
from tests.kafka.harness import KafkaHarness, message
from tests.kafka.processes import eventually
from tests.kafka.test_broker_faults import accepted_messages, start_worker

pytestmark = [*MARKS, pytest.mark.kafka]


@pytest.mark.parametrize("delivery", ["at_least_once", "exactly_once"])
async def test_an_idle_topic_has_no_lag_behind_markers_and_deleted_messages(scaling: Scaling, delivery: str) -> None:
    harness = scaling.harness
    await write_in_transactions(harness)
    await admin.delete_records_before(harness.bootstrap, TopicPartition(harness.input, 0), 5)
    assert await asyncio.to_thread(scaling.lag) > 0
    worker, endpoints = start_worker(harness, delivery)

    async def no_lag() -> bool:
        return await asyncio.to_thread(scaling.lag) == 0

    async def no_own_lag() -> bool:
        found = re.findall(r"^triage_lag_messages\{.*\} (\S+)$", await endpoints.metrics(), re.MULTILINE)
        return bool(found) and sum(map(float, found)) == 0

    await eventually(no_lag, 60, worker.log_text)
    await eventually(no_own_lag, 30, worker.log_text)
    assert await worker.terminate() == 0, worker.log_text()
    await harness.produce(accepted_messages(60))
    assert await asyncio.to_thread(scaling.lag) == 60


async def test_a_pattern_counts_other_topics_only_until_the_first_commit(
    cluster: Cluster, running_keda: Keda, harness: KafkaHarness
) -> None:
    """A trigger for a pattern names no topic: KEDA takes those that the group has committed, and all if it has none."""
    await harness.produce(accepted_messages(300), topic=harness.dead_letters)
    chosen = values(harness)
    chosen["topics"]["input"] = f"^{harness.input}$"
    with released(cluster, harness, chosen) as scaling:
        await asyncio.to_thread(until, lambda: scaling.taken_over, 120, running_keda.log)
        assert await asyncio.to_thread(scaling.lag) >= 300
        worker, _ = start_worker(harness, "at_least_once")

        async def no_lag() -> bool:
            return await asyncio.to_thread(scaling.lag) == 0

        await eventually(no_lag, 60, worker.log_text)


async def write_in_transactions(harness: KafkaHarness) -> None:
    """Write messages by transactions, of which every second one is aborted."""
    async with AIOKafkaProducer(bootstrap_servers=harness.bootstrap, transactional_id=harness.group) as producer:
        for number in range(6):
            await producer.begin_transaction()
            for one in range(20):
                await producer.send(harness.input, message("aa"), key=f"k{one}".encode())
            await (producer.commit_transaction() if number % 2 else producer.abort_transaction())

"""Messages flow while Kubernetes replaces workers, which run as processes: an upgrade and a rollback."""

import asyncio
from collections.abc import AsyncIterator
from itertools import count, pairwise
from pathlib import Path
from time import time

import pytest

from tests.cluster.chart import worker_alone
from tests.cluster.conftest import write_values
from tests.cluster.control_plane import Cluster
from tests.cluster.namespaces import Namespace
from tests.cluster.process_node import PROCESSES, ProcessNode
from tests.cluster.programs import MARKS
from tests.kafka.conftest import bootstrap, kafka_installed
from tests.kafka.harness import KafkaHarness, message
from tests.kafka.output_gaps import longest_gaps
from tests.kafka.traffic import constant_traffic

__all__ = ["bootstrap", "kafka_installed"]

pytestmark = MARKS

PARTITIONS = 6
PER_SECOND = 20
START_S = 240.0
AFTERWARDS_S = 15.0
"""How long messages still arrive after the last change."""


@pytest.fixture
async def harness(bootstrap: str, tmp_path: Path) -> AsyncIterator[KafkaHarness]:
    """Topics of the test's own."""
    with KafkaHarness(bootstrap, tmp_path) as created:
        await created.create_topics(PARTITIONS)
        yield created


def release(harness: KafkaHarness, delivery: str) -> dict[str, object]:
    """Values of a release with two workers on the processes' node, and nothing else."""
    settings = {"TRIAGE_DELIVERY": delivery, "TRIAGE_THREADS": "1"}
    return worker_alone(harness, nodeSelector={PROCESSES: "true"}, settings=settings)


@pytest.mark.parametrize("delivery", ["at_least_once", "exactly_once"])
async def test_an_upgrade_and_a_rollback_lose_nothing(
    cluster: Cluster, namespace: Namespace, harness: KafkaHarness, tmp_path: Path, values_file: Path, delivery: str
) -> None:
    given = ("--values", write_values(values_file, release(harness, delivery)), "--timeout", "9m")
    messages = ((f"c{number % 97}".encode(), message(f"where is parcel {number}")) for number in count())
    phases: list[tuple[str, float]] = []
    node = await asyncio.to_thread(ProcessNode(cluster, f"processes-{delivery[0]}", tmp_path).__enter__)
    try:
        await asyncio.to_thread(namespace.install, "triage", *given)
        async with constant_traffic(harness, messages, PER_SECOND) as traffic:
            await harness.wait_for_first_commit(START_S)
            phases.append(("upgrade", time()))
            await asyncio.to_thread(namespace.upgrade, "triage", *given, "--set", "settings.TRIAGE_LOG_LEVEL=DEBUG")
            await asyncio.sleep(AFTERWARDS_S)
            phases.append(("rollback", time()))
            await asyncio.to_thread(namespace.rollback, "triage", 1)
            await asyncio.sleep(AFTERWARDS_S)
        await harness.wait_until_committed(START_S)
    finally:
        await asyncio.to_thread(node.__exit__, None, None, None)
    outcomes = await harness.outcomes()
    assert outcomes.lost(traffic.positions) == []
    assert outcomes.out_of_order() == []
    assert delivery == "at_least_once" or outcomes.duplicated() == []
    assert node.problems == []
    print(f"\n{delivery}: {len(traffic.positions)} messages, {len(outcomes.duplicated())} answered twice")
    for (name, begin), (_, end) in pairwise([*phases, ("", time())]):
        gap, partition_gap = longest_gaps(outcomes, begin, end)
        print(f"{name}: longest without any output {gap:.2f} s, of one partition {partition_gap:.2f} s")

"""KEDA's own operator and metrics adapter, the HPA of the controller manager, and the chart, on a real Apache Kafka.

Pods are simulated. The lag is written by the test, and the CPU of pods is what the test says.
"""

import asyncio
import itertools
import random
import time

import pytest

from tests.cluster.control_plane import Cluster
from tests.cluster.keda.cpu_metrics import CpuMetrics
from tests.cluster.keda.group_lag import lag_of
from tests.cluster.keda.processes import Keda
from tests.cluster.keda.scaling import DOWN, MOST, PARTITIONS, POLLING_S, UP, Scaling, released, values
from tests.cluster.programs import MARKS
from tests.kafka.harness import KafkaHarness

pytestmark = [*MARKS, pytest.mark.kafka]

BAR_S = 2 * POLLING_S
"""From a lag to its pods."""

SYNC_S = 15
"""How often the controller manager decides: its default."""


async def test_a_burst_adds_pods_within_two_polling_intervals(scaling: Scaling) -> None:
    """Each burst asks for no more pods than `scaleUp` allows at once."""
    jitter = random.Random(19)
    seconds = []
    async with lag_of(scaling.harness, PARTITIONS) as lag:
        await lag.clear()
        await scaling.watch.reached(2, 60, ready=True)
        for pods, added in ((4, 350), (6, 200), (8, 200)):
            # At another moment between two decisions each time.
            await asyncio.sleep(UP["periodSeconds"] + jitter.random() * SYNC_S)
            await lag.add(added)
            began = time.monotonic()
            wanted = await scaling.watch.reached(pods, 90)
            ready = await scaling.watch.reached(pods, 90, ready=True)
            seconds.append((pods, round(wanted - began, 1), round(ready - began, 1)))
    print(f"\npods, seconds until they are wanted, seconds until they are ready: {seconds}")
    assert all(ready <= BAR_S for _, _, ready in seconds), seconds


async def test_no_lag_adds_more_pods_than_there_are_partitions(scaling: Scaling) -> None:
    async with lag_of(scaling.harness, PARTITIONS) as lag:
        await lag.clear()
        await scaling.watch.reached(2, 60, ready=True)
        began = time.monotonic()
        await lag.add(5_000)
        await scaling.watch.reached(PARTITIONS, 120)
        await asyncio.sleep(4 * SYNC_S)
        steps = scaling.watch.wanted_since(began)
        print(f"\nseconds, pods: {[(round(at, 1), pods) for at, pods in steps]}")
        assert [pods for _, pods in steps] == [2 + UP["pods"], PARTITIONS]
        assert PARTITIONS < scaling.autoscaler["spec"]["maxReplicas"] == MOST


async def test_pods_are_removed_slowly(scaling: Scaling) -> None:
    async with lag_of(scaling.harness, PARTITIONS) as lag:
        await lag.clear()
        await lag.add(450)
        await scaling.watch.reached(5, 120, ready=True)
        began = time.monotonic()
        await lag.clear()
        await scaling.watch.reached(2, 300)
        steps = scaling.watch.wanted_since(began)
        await asyncio.sleep(2 * SYNC_S)
        print(f"\nseconds, pods: {[(round(at, 1), pods) for at, pods in steps]}")
        assert scaling.watch.now.wanted == 2
    assert [pods for _, pods in steps] == [4, 3, 2]
    times = [at for at, _ in steps]
    assert times[0] >= DOWN["stabilizationSeconds"]
    assert all(later - earlier >= DOWN["periodSeconds"] - 1 for earlier, later in itertools.pairwise(times))
    behaviour = scaling.autoscaler["spec"]["behavior"]["scaleDown"]
    assert behaviour["stabilizationWindowSeconds"] == DOWN["stabilizationSeconds"]
    assert behaviour["policies"] == [{"type": "Pods", "value": DOWN["pods"], "periodSeconds": DOWN["periodSeconds"]}]


async def test_busy_pods_add_pods_without_a_lag(scaling: Scaling, cpu: CpuMetrics) -> None:
    async with lag_of(scaling.harness, PARTITIONS) as lag:
        await lag.clear()
        await scaling.watch.reached(2, 60, ready=True)
        began = time.monotonic()
        cpu.share = 1.0
        await scaling.watch.reached(3, 90)  # ⌈2 · 100 % / 70 %⌉
        print(f"\n{time.monotonic() - began:.1f} s from busy pods to one more")


async def test_a_sidecar_without_a_cpu_request_does_not_hide_the_cpu(scaling: Scaling, cpu: CpuMetrics) -> None:
    async with lag_of(scaling.harness, PARTITIONS) as lag:
        await lag.clear()
        scaling.add_container("proxy")
        await scaling.watch.reached(2, 60, ready=True)
        cpu.share = 1.0
        await scaling.watch.reached(3, 90)


async def test_without_a_metrics_server_it_adds_pods_and_removes_none(scaling: Scaling, cpu: CpuMetrics) -> None:
    async with lag_of(scaling.harness, PARTITIONS) as lag:
        await lag.clear()
        await scaling.watch.reached(2, 60, ready=True)
        with cpu.away():
            await lag.add(450)
            await scaling.watch.reached(5, 120)
            await lag.clear()
            await asyncio.sleep(DOWN["stabilizationSeconds"] + 4 * SYNC_S)
            print(f"\n{scaling.conditions()}")
            assert scaling.watch.now.wanted == 5
        await scaling.watch.reached(2, 300)


async def test_autoscaling_that_is_enabled_later_leaves_one_pod_for_a_moment(
    cluster: Cluster, running_keda: Keda, harness: KafkaHarness, cpu: CpuMetrics
) -> None:
    """Helm removes `replicas`, and without a number Kubernetes takes one; docs/operations.md warns of it."""
    chosen = values(harness)
    chosen["worker"] |= {"replicas": 4, "autoscaling": chosen["worker"]["autoscaling"] | {"enabled": False}}
    async with lag_of(harness, PARTITIONS) as lag:
        await lag.clear()
        with released(cluster, harness, chosen) as scaling:
            await scaling.watch.reached(4, 60, ready=True)
            began = time.monotonic()
            chosen["worker"]["autoscaling"] |= {"enabled": True, "minReplicas": 4}
            scaling.upgrade(chosen)
            await scaling.watch.reached(1, 60)
            await scaling.watch.reached(4, 60, ready=True)
            print(f"\nseconds, pods: {[(round(at, 1), pods) for at, pods in scaling.watch.wanted_since(began)]}")

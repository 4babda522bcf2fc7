"""What KEDA does while the broker is away, and when it is back."""

import asyncio
import signal
import time

import pytest

from tests.cluster.keda.group_lag import lag_of
from tests.cluster.keda.scaling import FALLBACK, PARTITIONS, POLLING_S, Scaling
from tests.cluster.programs import MARKS
from tests.kafka import admin
from tests.kafka.broker import Broker

pytestmark = [*MARKS, pytest.mark.kafka]

AWAY_S = 8 * POLLING_S
"""Twice as long as the chart's `fallback.failureThreshold` needs."""


async def observe(scaling: Scaling, seconds: float) -> list[dict[str, str]]:
    """Print what changes in the conditions during some seconds; returns the conditions, each once."""
    began = time.monotonic()
    seen: list[dict[str, str]] = []
    while time.monotonic() < began + seconds:
        conditions = await asyncio.to_thread(scaling.conditions)
        health = scaling.scaled_object["status"].get("health")
        if not seen or seen[-1] != conditions:
            print(f"{time.monotonic() - began:.0f} s: {conditions} {health}")
            seen.append(conditions)
        await asyncio.sleep(2)
    return seen


@pytest.mark.parametrize(("lag_before", "pods"), [(450, 5), (0, 2)])
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
async def test_no_pod_is_removed_while_the_broker_is_away(
    scaling: Scaling, node: Broker, lag_before: int, pods: int, how: signal.Signals
) -> None:
    async with lag_of(scaling.harness, PARTITIONS) as lag:
        await lag.clear()
        await lag.add(lag_before)
        await scaling.watch.reached(pods, 120, ready=True)
    began = time.monotonic()
    if how == signal.SIGKILL:
        node.stop(how)
    else:
        node.signal(how)
    try:
        await observe(scaling, AWAY_S)
    finally:
        if how == signal.SIGKILL:
            node.start()
        else:
            node.signal(signal.SIGCONT)
        node.wait()
    print(f"\nseconds, pods: {scaling.watch.wanted_since(began)}")
    assert min(step.wanted for step in [scaling.watch.now, *scaling.watch.since(began)]) >= pods
    back = time.monotonic()
    async with lag_of(scaling.harness, PARTITIONS) as lag:
        await lag.add(800 - await lag.now())
        await scaling.watch.reached(PARTITIONS, 180)
    print(f"{time.monotonic() - back:.0f} s from the broker's return to pods for a new lag")


async def test_brokers_that_answer_but_not_what_the_lag_is_start_the_fallback(scaling: Scaling) -> None:
    async with lag_of(scaling.harness, PARTITIONS) as lag:
        await lag.clear()
        await scaling.watch.reached(2, 60, ready=True)
    await admin.delete_topic(scaling.harness.bootstrap, scaling.harness.input)
    began = time.monotonic()
    await scaling.watch.reached(FALLBACK, 180)
    print(f"\n{time.monotonic() - began:.0f} s until {FALLBACK} pods: {scaling.scaled_object['status'].get('health')}")

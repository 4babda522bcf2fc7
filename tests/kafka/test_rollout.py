"""Scales workers with the shipped model up and down and replaces them, while messages arrive at a constant rate.

Nothing may be lost, and the gaps without output are measured.
"""

import asyncio
from collections.abc import Callable
from itertools import count, pairwise
from time import time

import pytest

from tests.kafka.harness import KafkaHarness, message
from tests.kafka.output_gaps import longest_gaps
from tests.kafka.processes import ServiceProcess
from tests.kafka.traffic import constant_traffic

pytestmark = [pytest.mark.kafka, pytest.mark.torture]

PARTITIONS = 12
PER_SECOND = 200
LONGEST_GAP_S = 10.0
START_S = 120.0
"""A busy machine starts a process slowly. That is not a gap, since the other workers continue."""

AFTERWARDS_S = 10.0
"""How long messages still arrive after the last change."""

BeginPhase = Callable[[str], None]
"""Records the beginning of a phase, by its name."""


@pytest.mark.parametrize("delivery", ["at_least_once", "exactly_once"])
async def test_scaling_and_a_roll_out_under_load_leave_no_long_gap(harness: KafkaHarness, delivery: str) -> None:
    await harness.create_topics(PARTITIONS)
    phases: list[tuple[str, float]] = []
    messages = ((f"c{number % 97}".encode(), message(f"where is parcel {number}")) for number in count())
    async with constant_traffic(harness, messages, PER_SECOND) as traffic:
        await _scale_and_roll_out(harness, delivery, lambda name: phases.append((name, time())))
    await harness.wait_until_committed(START_S)
    outcomes = await harness.outcomes()
    assert outcomes.lost(traffic.positions) == []
    assert outcomes.out_of_order() == []
    assert delivery == "at_least_once" or outcomes.duplicated() == []
    print(f"\n{delivery}: {len(traffic.positions)} messages, {len(outcomes.duplicated())} answered twice")
    for (name, begin), (_, end) in pairwise([*phases, ("", time())]):
        gap, partition_gap = longest_gaps(outcomes, begin, end)
        print(
            f"{name}: {end - begin:.0f} s, longest without any output {gap:.2f} s, "
            f"of one partition {partition_gap:.2f} s"
        )
        assert gap < LONGEST_GAP_S


async def _scale_and_roll_out(harness: KafkaHarness, delivery: str, begin_phase: BeginPhase) -> None:
    """Go from one worker to four, replace all four, go to one by SIGTERM, to four again, and to one by SIGKILL."""
    workers = [await _join(harness, delivery)]
    await harness.wait_for_first_commit()
    begin_phase("one to four")
    workers += [await _join(harness, delivery) for _ in range(3)]
    begin_phase("four replaced one by one")
    for old in list(workers):
        workers.append(await _join(harness, delivery))
        workers.remove(old)
        assert await old.terminate() == 0, old.log_text()
    begin_phase("four to one by SIGTERM")
    leaving = workers[1:]
    for worker in leaving:
        worker.process.terminate()
    assert [await worker.exit_code(START_S) for worker in leaving] == [0, 0, 0]
    await asyncio.sleep(AFTERWARDS_S)
    begin_phase("one to four again")
    killed = [await _join(harness, delivery) for _ in range(3)]
    begin_phase("four to one by SIGKILL")
    for worker in killed:
        worker.process.kill()
    await asyncio.sleep(AFTERWARDS_S)


async def _join(harness: KafkaHarness, delivery: str) -> ServiceProcess:
    return await harness.join(module="triage_worker worker", timeout_s=START_S, delivery=delivery, threads="1")

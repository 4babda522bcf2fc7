"""The leaders of the log of transactions move every second, run after run: nothing is answered twice.

``TORTURE_RUNS`` sets the number of runs.
"""

import asyncio
import os
import random
from dataclasses import replace
from pathlib import Path

import pytest

from tests.kafka import admin, fault_environment
from tests.kafka.harness import KafkaHarness
from tests.kafka.scenario import TRICKLE_PER_S, Scenario, run_scenario
from tests.kafka.verification import Result, record_and_check

RUNS = int(os.environ.get("TORTURE_RUNS", "20"))
MESSAGES = 500
RUN_TIMEOUT_S = 300

pytestmark = [pytest.mark.kafka, pytest.mark.torture, pytest.mark.timeout(RUNS * RUN_TIMEOUT_S)]


async def move_every_second(scenario: Scenario) -> None:
    """Move the leaders of transactions once a second, for as long as it takes to send the messages."""
    for _ in range(MESSAGES // TRICKLE_PER_S):
        await asyncio.gather(
            admin.move_leaders(scenario.harness.bootstrap, scenario.rng, only=("__transaction_state",)),
            asyncio.sleep(1),
        )


async def test_nothing_is_answered_twice_in_any_run(kafka_installed: None, tmp_path: Path, seed: int) -> None:
    results: list[Result] = []
    with fault_environment.running_cluster(tmp_path / "kafka", 3, fault_environment.REPLICATED) as brokers:
        for number in range(seed, seed + RUNS):
            folder = tmp_path / str(number)
            folder.mkdir()
            with KafkaHarness(",".join(broker.bootstrap for broker in brokers), folder) as harness:
                scenario = Scenario(harness, folder, "exactly_once", "trickle", random.Random(number), brokers)
                results.append(await run_scenario("leaders of transactions", move_every_second, scenario, number))
            print(f"run {len(results)}: {results[-1]}", flush=True)
    counts = ("messages", "lost", "duplicated", "reordered", "repeats")
    total = {name: sum(getattr(result, name) for result in results) for name in counts}
    longest = max(result.gap_s for result in results)
    record_and_check(replace(results[0], fault=f"leaders of transactions, {RUNS} runs", gap_s=longest, **total))

"""The fault matrix: every fault with both deliveries, as a trickle and as a flood. ``make torture`` runs it.

Each run prints its seed, and ``TORTURE_SEED=N`` repeats it. The results are appended to runs/torture.jsonl; a table of
the latest ones is in runs/torture.md.
"""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kafka import fault_environment, faults
from tests.kafka.harness import KafkaHarness
from tests.kafka.scenario import Scenario, run_scenario
from tests.kafka.verification import RESULTS, markdown_table, record_and_check

pytestmark = [pytest.mark.kafka, pytest.mark.torture, pytest.mark.timeout(400)]


@pytest.fixture(scope="module", autouse=True)
def write_table() -> Iterator[None]:
    """Write the table after all runs."""
    yield
    if RESULTS.is_file():
        table = markdown_table(RESULTS.read_text().splitlines())
        RESULTS.with_suffix(".md").write_text(table)
        print(f"\n{table}")


@pytest.mark.parametrize("rate", ["trickle", "flood"])
@pytest.mark.parametrize("delivery", ["at_least_once", "exactly_once"])
@pytest.mark.parametrize("fault", faults.MATRIX)
async def test_matrix(fault: str, delivery: str, rate: str, bootstrap: str, tmp_path: Path, seed: int) -> None:
    with (
        fault_environment.prepare(fault, tmp_path, bootstrap) as (servers, brokers, variables),
        KafkaHarness(servers, tmp_path) as harness,
    ):
        scenario = Scenario(harness, tmp_path, delivery, rate, random.Random(seed), brokers, variables)
        record_and_check(await run_scenario(fault, faults.MATRIX[fault], scenario, seed))

"""The fault matrix: every fault, both ways of delivery, a trickle and a flood. ``make torture`` runs it.

Each run prints its seed, and ``TORTURE_SEED=N`` repeats it. Rows are kept in runs/torture.jsonl, and the table of the
latest ones in runs/torture.md.
"""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kafka import faults, grounds
from tests.kafka.harness import Bench
from tests.kafka.scene import Scene, run
from tests.kafka.verdict import RESULTS, kept, table

pytestmark = [pytest.mark.kafka, pytest.mark.torture, pytest.mark.timeout(400)]


@pytest.fixture(scope="module", autouse=True)
def report() -> Iterator[None]:
    """The table, when all has run."""
    yield
    if RESULTS.is_file():
        lines = table(RESULTS.read_text().splitlines())
        RESULTS.with_suffix(".md").write_text(lines)
        print(f"\n{lines}")


@pytest.mark.parametrize("rate", ["trickle", "flood"])
@pytest.mark.parametrize("delivery", ["at_least_once", "exactly_once"])
@pytest.mark.parametrize("fault", faults.MATRIX)
async def test_matrix(fault: str, delivery: str, rate: str, bootstrap: str, tmp_path: Path, seed: int) -> None:
    with grounds.arranged(fault, tmp_path, bootstrap) as (servers, nodes, variables):
        bench = Bench(servers, tmp_path)
        scene = Scene(bench, tmp_path, delivery, rate, random.Random(seed), nodes, variables)
        try:
            kept(await run(fault, faults.MATRIX[fault], scene, seed))
        finally:
            bench.stop()

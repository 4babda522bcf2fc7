"""What a roll-out costs: workers are replaced one by one, and the waits of the messages are measured.

Each variant is a way to rebalance. What the services do is compared with what they did before, and with each of its two
parts alone: keeping partitions, and learning soon of a rebalance. A table is printed.
"""

import asyncio
from itertools import count
from pathlib import Path
from time import time
from typing import Any

import pytest

from tests.kafka.harness import KafkaHarness, message
from tests.kafka.traffic import constant_traffic
from tests.kafka.unanswered import Waits, waits

pytestmark = [pytest.mark.kafka, pytest.mark.torture]

WORKERS = 3
PARTITIONS = 12
PER_SECOND = 240
START_S = 120.0
STEADY_S = 4.0
"""How long messages arrive before the roll-out, between two replacements and after it."""

VARIANTS = {
    "all revoked, heartbeats of 3 s": {"FAKE_ASSIGNOR": "roundrobin", "FAKE_HEARTBEAT_MS": "3000"},
    "the same, sticky": {"FAKE_ASSIGNOR": "sticky", "FAKE_HEARTBEAT_MS": "3000"},
    "all revoked, heartbeats of 0.5 s": {"FAKE_ASSIGNOR": "roundrobin"},
    "cooperative, heartbeats of 3 s": {"FAKE_HEARTBEAT_MS": "3000"},
    "cooperative, heartbeats of 0.5 s": {},
}


@pytest.mark.parametrize("delivery", ["at_least_once", "exactly_once"])
async def test_messages_wait_half_as_long_as_where_all_partitions_are_revoked(
    bootstrap: str, tmp_path: Path, delivery: str
) -> None:
    print(
        f"\n{delivery}: beyond the usual wait, message-seconds | late | longest wait, gap of a partition | usual wait"
    )
    measured: list[Waits] = []
    for number, (name, variables) in enumerate(VARIANTS.items()):
        folder = tmp_path / str(number)
        folder.mkdir()
        with KafkaHarness(bootstrap, folder) as harness:
            found = await _roll_out(harness, delivery, variables)
        measured.append(found)
        print(
            f"{name}: {found.waited_s:.1f} | {found.late} of {found.messages} | "
            f"{found.longest_wait_s:.2f} s, {found.longest_gap_s:.2f} s | {found.usual_s:.3f} s"
        )
    assert measured[-1].waited_s <= measured[0].waited_s / 2


async def _roll_out(harness: KafkaHarness, delivery: str, variables: dict[str, Any]) -> Waits:
    """Replace all workers one by one, as a Deployment does: each new one is ready before an old one stops."""
    await harness.create_topics(PARTITIONS)
    messages = ((f"c{number % 997}".encode(), message(f"where is parcel {number}")) for number in count())
    settings: dict[str, Any] = {"delivery": delivery, "threads": "1", "session_timeout_ms": "45000", **variables}
    workers = [await harness.join(timeout_s=START_S, **settings) for _ in range(WORKERS)]
    async with constant_traffic(harness, messages, PER_SECOND) as traffic:
        await harness.wait_for_first_commit(START_S)
        await asyncio.sleep(STEADY_S)
        begin = time()
        for old in list(workers):
            workers.append(await harness.join(timeout_s=START_S, **settings))
            workers.remove(old)
            assert await old.terminate() == 0, old.log_text()
            await asyncio.sleep(STEADY_S)
        end = time()
        await asyncio.sleep(STEADY_S)
    outcomes = await harness.verify_delivery(
        workers, traffic.positions, repeats_allowed=delivery == "at_least_once", timeout_s=START_S
    )
    sent = {(record.partition, record.offset): record.timestamp / 1_000 for record in await harness.read(harness.input)}
    answered = {position: records[0].timestamp / 1_000 for position, records in outcomes.records.items()}
    return waits(sent, answered, begin, end)

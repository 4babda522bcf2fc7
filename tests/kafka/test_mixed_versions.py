"""A group of workers of two versions: an earlier one revokes all partitions at each rebalance, this one does not."""

import asyncio
from itertools import count
from typing import Any

import pytest

from tests.kafka.harness import DELIVERIES, KafkaHarness, message
from tests.kafka.traffic import constant_traffic

pytestmark = pytest.mark.kafka

EARLIER: dict[str, Any] = {"FAKE_ASSIGNOR": "roundrobin"}
PARTITIONS = 6


@pytest.mark.parametrize("delivery", DELIVERIES)
async def test_an_upgrade_and_a_roll_back_lose_nothing(harness: KafkaHarness, delivery: str) -> None:
    """Two earlier workers are replaced by two of this version, and these by earlier ones again."""
    await harness.create_topics(PARTITIONS)
    messages = ((f"c{number % 97}".encode(), message(f"where is parcel {number}")) for number in count())
    workers = [await harness.join(delivery=delivery, **EARLIER) for _ in range(2)]
    async with constant_traffic(harness, messages, 100) as traffic:
        await harness.wait_for_first_commit()
        for version in ({}, {}, EARLIER, EARLIER):
            workers.append(await harness.join(delivery=delivery, **version))
            await asyncio.sleep(1.0)
            assert await workers.pop(0).terminate() == 0
            await asyncio.sleep(1.0)
    outcomes = await harness.verify_delivery(workers, traffic.positions, repeats_allowed=delivery == "at_least_once")
    assert len(outcomes.duplicated()) < len(traffic.positions) / 10

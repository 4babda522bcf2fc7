"""Exactly-once delivery: how many partitions it serves with few file descriptors."""

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from typing import Any

import pytest
from aiokafka.structs import TopicPartition
from triage_worker.kafka.dead_letters import DeadLetterTopic
from triage_worker.observability.metrics import Metrics
from triage_worker.resilience import file_descriptors
from triage_worker.streaming.delivery.exactly_once import RESERVED_FILES, ExactlyOnce
from triage_worker.streaming.delivery.partition_transactions import TransactionConfig
from triage_worker.streaming.delivery.transaction_pace import TransactionPace
from triage_worker.streaming.tracking.dead_letters import DeadLetters
from triage_worker.streaming.tracking.in_flight import InFlightMessages

PARTITIONS = [TopicPartition("in", number) for number in range(4)]
BROKERS = 2
FILES_PER_PARTITION = BROKERS + 1


@pytest.fixture
async def delivery() -> AsyncIterator[ExactlyOnce]:
    metrics = Metrics()
    unused: Any = partial(pytest.fail, "no producer is needed")
    config = TransactionConfig(
        producer=unused, group="group", prefix="triage", topics=[], pace=TransactionPace(0.01), rejoin_s=0.01
    )
    created = ExactlyOnce(config, InFlightMessages(metrics), DeadLetters(DeadLetterTopic("dlq")), metrics)
    yield created
    await created.revoke(PARTITIONS)


async def served(delivery: ExactlyOnce) -> list[TopicPartition]:
    """Return the partitions whose transactions ask the consumer for a restart, which is the first that they do."""
    await asyncio.sleep(0.001)
    return [delivery.requests.get_nowait().partition for _ in range(delivery.requests.qsize())]


@pytest.mark.parametrize(
    ("available", "expected"),
    [
        (None, 4),
        (1_000, 4),
        (RESERVED_FILES + 4 * FILES_PER_PARTITION, 4),
        (RESERVED_FILES + 4 * FILES_PER_PARTITION - 1, 3),
        (RESERVED_FILES + FILES_PER_PARTITION, 1),
        (RESERVED_FILES, 0),
        (0, 0),
    ],
)
async def test_as_many_partitions_are_served_as_there_are_file_descriptors_for(
    delivery: ExactlyOnce, monkeypatch: pytest.MonkeyPatch, available: int | None, expected: int
) -> None:
    monkeypatch.setattr(file_descriptors, "available", lambda: available)
    monkeypatch.setattr(file_descriptors, "limit", lambda: 1_000)
    delivery.assign(PARTITIONS, brokers=BROKERS)
    assert await served(delivery) == PARTITIONS[:expected]
    assert (delivery.shortage is None) == (expected == 4)


async def test_a_shortage_is_described_until_the_next_assignment(
    delivery: ExactlyOnce, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(file_descriptors, "available", lambda: RESERVED_FILES + FILES_PER_PARTITION)
    monkeypatch.setattr(file_descriptors, "limit", lambda: 100)
    delivery.assign(PARTITIONS, brokers=BROKERS)
    in_use = 100 - RESERVED_FILES - FILES_PER_PARTITION
    needed = in_use + RESERVED_FILES + 4 * FILES_PER_PARTITION
    assert delivery.shortage == (
        f"4 partitions need about {needed} open files, and 100 are allowed: 3 of them are not read until you raise the "
        f"limit (ulimit -n) or start more workers"
    )
    assert f"Too few file descriptors: {delivery.shortage}" in caplog.text
    await delivery.revoke(PARTITIONS)
    delivery.assign(PARTITIONS[:1], brokers=BROKERS)
    assert delivery.shortage is None

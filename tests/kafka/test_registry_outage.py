"""A real registry is stopped for a minute in mid-stream: nothing is lost or a dead letter, and memory is constant.

For the first half of that time only records of schemas come that the worker has. Then others come as well, with all
that is read after them, and more than the worker may hold.
"""

import asyncio
import csv
import signal
import time
from collections.abc import Iterator, Sequence
from dataclasses import astuple, fields
from itertools import cycle, islice
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer

from tests.kafka import schema_registry
from tests.kafka.endpoints import Endpoints
from tests.kafka.harness import KafkaHarness, Record
from tests.kafka.message_outcomes import Position
from tests.kafka.processes import ServiceProcess, eventually
from tests.kafka.scenario import BROKER_TIMESTAMPS
from tests.kafka.schema_registry import SchemaRegistry
from tests.kafka.test_soak import Sample, take_sample
from tests.kafka.verification import RESULTS, record_and_check, verify

pytestmark = [pytest.mark.kafka, pytest.mark.torture, pytest.mark.timeout(1_800)]

AWAY_S = 60.0
PER_SECOND = 100
BURST = 20_000
"""Records that come at once while records wait; ten times what the worker may hold."""

IN_FLIGHT = 2_000
NEW = {2, 5, 8}
"""The third versions of Avro, Protobuf and JSON Schema, among the nine schemas of `confluent_mix`."""

GROWTH = 0.05
"""The growth of memory that is still accepted while records wait, as a share."""


@pytest.fixture
def registry(registry_installed: None, tmp_path: Path) -> Iterator[SchemaRegistry]:
    """A registry that has its schemas on disk."""
    with schema_registry.running(tmp_path, keeps=True) as running:
        yield running


async def send(harness: KafkaHarness, records: Sequence[Record], per_second: float = float("inf")) -> list[Position]:
    """Send records at a rate, and return their positions."""
    started = time.monotonic()
    async with AIOKafkaProducer(bootstrap_servers=harness.bootstrap, linger_ms=5, acks="all") as producer:
        sending = []
        for number, (key, value, headers) in enumerate(records):
            await asyncio.sleep(max(0.0, started + number / per_second - time.monotonic()))
            sending.append(await producer.send(harness.input, value=value, key=key, headers=headers))
        sent = await asyncio.gather(*sending)
    return [(metadata.partition, metadata.offset) for metadata in sent]


async def sample_forever(worker: ServiceProcess, samples: list[tuple[float, Sample]]) -> None:
    """Take a sample of the worker's memory every second."""
    while True:
        samples.append((time.monotonic(), take_sample(worker, 0)))
        await asyncio.sleep(1)


@pytest.mark.parametrize("delivery", ["at_least_once", "exactly_once"])
async def test_a_registry_that_is_away_for_a_minute_costs_nothing(
    harness: KafkaHarness, registry: SchemaRegistry, seed: int, delivery: str
) -> None:
    await harness.create_topics(4, 1, **BROKER_TIMESTAMPS)
    mixed = await asyncio.to_thread(registry.serialized, "confluent_mix.py", str(BURST))
    known = [record for number, record in enumerate(mixed) if number % 9 not in NEW]
    endpoints, half = Endpoints(), int(AWAY_S / 2 * PER_SECOND)
    given = {"schema_registry_url": registry.confluent, "text_field": "body.text", "max_in_flight": str(IN_FLIGHT)}
    worker = harness.start(delivery=delivery, **given, **endpoints.settings)
    sent = await send(harness, known[:3_000])
    await harness.wait_until_committed()
    samples: list[tuple[float, Sample]] = []
    sampling = asyncio.create_task(sample_forever(worker, samples))

    await asyncio.to_thread(registry.stop, signal.SIGTERM)
    stopped_at = time.monotonic()
    sent += await send(harness, list(islice(cycle(known), half)), PER_SECOND)
    await harness.wait_until_committed(30)
    assert await endpoints.ready(), "schemas that it has need no registry"

    sent += await send(harness, mixed)
    sent += await send(harness, mixed[: half // 2], PER_SECOND)
    full_at = time.monotonic()
    status, why = await endpoints.get("/readyz")
    assert status == 503
    assert "the schema registry does not answer" in why
    sent += await send(harness, mixed[: half // 2], PER_SECOND)
    await asyncio.sleep(max(0.0, stopped_at + AWAY_S - time.monotonic()))
    assert await endpoints.alive()
    assert (await endpoints.metric("triage_in_flight_messages") or 0) <= IN_FLIGHT
    waiting = [sample for at, sample in samples if at >= full_at]

    await asyncio.to_thread(registry.start)
    away_s = time.monotonic() - stopped_at
    await eventually(endpoints.ready, 60, worker.log_text)
    await harness.wait_until_committed(600)
    sampling.cancel()
    assert await worker.terminate() == 0, worker.log_text()
    keep(samples, delivery)
    print(f"\naway for {away_s:.0f} s; KiB before {samples[0][1].rss_kib}, while records waited ", end="")
    print(f"{waiting[0].rss_kib} to {waiting[-1].rss_kib}, at the end {samples[-1][1].rss_kib}")
    rate = f"{PER_SECOND}/s, {BURST:,} at once"
    result = await verify(harness, sent, fault="registry away for 60 s", delivery=delivery, rate=rate, seed=seed)
    record_and_check(result)
    assert await harness.read(harness.dead_letters) == []
    assert len(waiting) > AWAY_S / 8, "memory was looked at"
    assert max(sample.rss_kib for sample in waiting) <= waiting[0].rss_kib * (1 + GROWTH)
    assert waiting[-1].open_files <= waiting[0].open_files + len(NEW), "connections that are tried"


def keep(samples: Sequence[tuple[float, Sample]], delivery: str) -> None:
    """Write the samples beside the results."""
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    with RESULTS.with_name(f"registry_outage_{delivery}.csv").open("w", newline="") as stream:
        rows = csv.writer(stream)
        rows.writerow(["seconds", *(field.name for field in fields(Sample))])
        rows.writerows((round(at - samples[0][0], 1), *astuple(sample)) for at, sample in samples)

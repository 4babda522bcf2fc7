"""Sends 200,000 messages, one in a hundred unreadable, to the shipped model: none is lost, and memory is constant."""

import asyncio
import csv
from collections.abc import AsyncIterator, Iterator
from dataclasses import astuple, dataclass, fields
from itertools import islice
from pathlib import Path

import pytest
from triage_worker.demo.sample_records import sample_records

from tests.kafka.harness import KafkaHarness, Message
from tests.kafka.processes import ServiceProcess
from tests.kafka.scenario import BROKER_TIMESTAMPS
from tests.kafka.verification import RESULTS, record_and_check, verify

pytestmark = [pytest.mark.kafka, pytest.mark.torture, pytest.mark.timeout(7_200)]

MESSAGES = 200_000
WARM = 20_000
"""Messages after which memory must no longer grow."""

GROWTH = 0.05
"""The growth of memory that is still accepted, as a share."""

SAMPLE_INTERVAL_S = 2.0


@dataclass(frozen=True)
class Sample:
    """The messages answered and the resources used at one moment."""

    answered: int
    rss_kib: int
    open_files: int
    threads: int


async def test_two_hundred_thousand_messages_leak_nothing(harness: KafkaHarness, seed: int) -> None:
    await harness.create_topics(6, 1, **BROKER_TIMESTAMPS)
    sent = await harness.produce(messages())
    worker = harness.start(module="triage_worker worker")
    await harness.wait_for_first_commit(timeout_s=120)
    samples = [sample async for sample in sample_until_answered(harness, worker)]
    assert await worker.terminate() == 0, worker.log_text()
    with RESULTS.with_name("soak.csv").open("w", newline="") as stream:
        rows = csv.writer(stream)
        rows.writerow(field.name for field in fields(Sample))
        rows.writerows(astuple(sample) for sample in samples)
    warm = next(sample for sample in samples if sample.answered >= WARM)
    last = samples[-1]
    print(f"\nafter {WARM}: {warm}\nat the end: {last}\nmost: {max(sample.rss_kib for sample in samples)} KiB")
    result = await verify(
        harness, sent, fault="soak, shipped model", delivery="at_least_once", rate="all at once", seed=seed
    )
    record_and_check(result)
    assert last.rss_kib <= warm.rss_kib * (1 + GROWTH)
    assert last.open_files <= warm.open_files


def messages() -> Iterator[Message]:
    """Make messages of the demo's texts; each hundredth is unreadable."""
    readable = (record for record in sample_records() if record.value and b'"text"' in record.value)
    for number, record in enumerate(islice(readable, MESSAGES)):
        yield record.key, b"{" if number % 100 == 99 else record.value


async def sample_until_answered(harness: KafkaHarness, worker: ServiceProcess) -> AsyncIterator[Sample]:
    """Take a sample every two seconds until all messages are answered."""
    async with harness.committed_messages() as answered:
        while (count := await answered()) < MESSAGES:
            yield take_sample(worker, count)
            await asyncio.sleep(SAMPLE_INTERVAL_S)
        yield take_sample(worker, count)


def take_sample(worker: ServiceProcess, answered: int) -> Sample:
    process = Path("/proc") / str(worker.process.pid)
    status = dict(line.split(":", 1) for line in (process / "status").read_text().splitlines())
    return Sample(
        answered=answered,
        rss_kib=int(status["VmRSS"].split()[0]),
        open_files=sum(1 for _ in (process / "fd").iterdir()),
        threads=int(status["Threads"]),
    )

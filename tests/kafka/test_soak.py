"""200,000 messages through the shipped model, one in a hundred unreadable: all accounted for, and memory stays flat."""

import asyncio
import csv
from collections.abc import AsyncIterator, Iterator
from dataclasses import astuple, dataclass, fields
from itertools import islice
from pathlib import Path

import pytest
from triage_worker.demo.sample_records import sample_records

from tests.kafka.harness import Bench, Message
from tests.kafka.processes import Worker
from tests.kafka.scene import ON_BROKERS_TIME
from tests.kafka.verdict import RESULTS, judge, kept

pytestmark = [pytest.mark.kafka, pytest.mark.torture, pytest.mark.timeout(7_200)]

MESSAGES = 200_000
WARM = 20_000
GROWTH = 0.05
EVERY_S = 2.0


@dataclass(frozen=True)
class Sample:
    """The worker at one moment."""

    answered: int
    rss_kib: int
    open_files: int
    threads: int


async def test_two_hundred_thousand_messages(bench: Bench, seed: int) -> None:
    await bench.create_topics(6, 1, **ON_BROKERS_TIME)
    sent = await bench.produce(messages())
    worker = bench.worker(module="triage_worker worker")
    await bench.committed_something(timeout_s=120)
    samples = [sample async for sample in watched(bench, worker)]
    assert await worker.terminate() == 0, worker.said()
    with RESULTS.with_name("soak.csv").open("w", newline="") as stream:
        rows = csv.writer(stream)
        rows.writerow(field.name for field in fields(Sample))
        rows.writerows(astuple(sample) for sample in samples)
    warm = next(sample for sample in samples if sample.answered >= WARM)
    last = samples[-1]
    print(f"\nafter {WARM}: {warm}\nat the end: {last}\nmost: {max(sample.rss_kib for sample in samples)} KiB")
    row = await judge(bench, sent, fault="soak, shipped model", delivery="at_least_once", rate="all at once", seed=seed)
    kept(row)
    assert last.rss_kib <= warm.rss_kib * (1 + GROWTH)
    assert last.open_files <= warm.open_files


def messages() -> Iterator[Message]:
    """What the demo's customers write; each hundredth cannot be read."""
    readable = (record for record in sample_records() if record.value and b'"text"' in record.value)
    for number, record in enumerate(islice(readable, MESSAGES)):
        yield record.key, b"{" if number % 100 == 99 else record.value


async def watched(bench: Bench, worker: Worker) -> AsyncIterator[Sample]:
    """A sample every two seconds until all is answered."""
    async with bench.progress() as answered:
        while (count := await answered()) < MESSAGES:
            yield sample(worker, count)
            await asyncio.sleep(EVERY_S)
        yield sample(worker, count)


def sample(worker: Worker, answered: int) -> Sample:
    home = Path("/proc") / str(worker.process.pid)
    status = dict(line.split(":", 1) for line in (home / "status").read_text().splitlines())
    return Sample(
        answered=answered,
        rss_kib=int(status["VmRSS"].split()[0]),
        open_files=sum(1 for _ in (home / "fd").iterdir()),
        threads=int(status["Threads"]),
    )

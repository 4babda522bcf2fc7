"""From one worker to four, and four replaced one by one, while messages keep coming: nothing lost, gaps told."""

import asyncio
from collections import Counter
from itertools import pairwise

import pytest
from aiokafka import AIOKafkaProducer

from tests.kafka.harness import Bench, message
from tests.kafka.processes import Worker

pytestmark = [pytest.mark.kafka, pytest.mark.torture]

PARTITIONS = 12
PER_SECOND = 200
LONGEST_GAP_S = 10.0
START_S = 120.0
"""A busy machine takes its time to start a process; that is no gap, since the others go on."""


async def test_growing_and_a_roll_out_under_load(bench: Bench) -> None:
    await bench.create_topics(PARTITIONS)
    ended = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        sending = tasks.create_task(_send_until(bench, ended))
        await _grow_and_roll(bench)
        ended.set()
    sent = sending.result()
    await bench.answered(START_S)
    account = await bench.account()
    assert account.lost(sent) == []
    assert account.out_of_order() == []
    times = sorted([record.timestamp for topic in bench.topics[1:] for record in await bench.read(topic)])
    gaps = [(later - earlier) / 1_000 for earlier, later in pairwise(times)]
    print(
        f"\n{len(sent)} messages, {len(account.doubled())} answered twice, "
        f"longest gap {max(gaps):.2f} s, gaps above 0.5 s: {sorted((g for g in gaps if g > 0.5), reverse=True)[:12]}, "
        f"{Counter(account.counts)}"
    )
    assert max(gaps) < LONGEST_GAP_S


async def _grow_and_roll(bench: Bench) -> None:
    """One worker, four, and each of the four replaced by a new one that is there before the old one goes."""
    workers = [await _joined(bench)]
    await bench.committed_something()
    for _ in range(3):
        workers.append(await _joined(bench))
    for old in list(workers):
        workers.append(await _joined(bench))
        old.process.terminate()
        assert await old.exit_code(START_S) == 0


async def _joined(bench: Bench) -> Worker:
    worker = bench.worker()
    await worker.has_said("Partitions assigned", START_S)
    return worker


async def _send_until(bench: Bench, ended: asyncio.Event) -> list[tuple[int, int]]:
    sent = []
    async with AIOKafkaProducer(bootstrap_servers=bench.bootstrap, acks="all") as producer:
        while not ended.is_set():
            number = len(sent)
            key, value = f"c{number % 97}".encode(), message(f"where is parcel {number}")
            sent.append(await producer.send(bench.input, value=value, key=key))
            await asyncio.sleep(1 / PER_SECOND)
        placed = await asyncio.gather(*sent)
    return [(metadata.partition, metadata.offset) for metadata in placed]

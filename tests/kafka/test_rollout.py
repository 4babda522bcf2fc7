"""The shipped model from one worker to four, four replaced one by one, and back to one, gently and by force, while
messages keep coming: nothing lost, gaps told."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from itertools import pairwise
from time import time

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.structs import RecordMetadata

from tests.kafka.account import Account
from tests.kafka.harness import Bench, message
from tests.kafka.processes import Worker

pytestmark = [pytest.mark.kafka, pytest.mark.torture]

PARTITIONS = 12
PER_SECOND = 200
LONGEST_GAP_S = 10.0
START_S = 120.0
"""A busy machine takes its time to start a process; that is no gap, since the others go on."""

AFTERWARDS_S = 10.0
"""How long messages go on coming after the last worker has left."""

Mark = Callable[[str], None]


@pytest.mark.parametrize("delivery", ["at_least_once", "exactly_once"])
async def test_growing_a_roll_out_and_shrinking_under_load(bench: Bench, delivery: str) -> None:
    await bench.create_topics(PARTITIONS)
    phases: list[tuple[str, float]] = []
    async with _sending(bench) as sent:
        await _grow_roll_and_shrink(bench, delivery, lambda name: phases.append((name, time())))
    await bench.answered(START_S)
    account = await bench.account()
    assert account.lost(sent) == []
    assert account.out_of_order() == []
    assert delivery == "at_least_once" or account.doubled() == []
    print(f"\n{delivery}: {len(sent)} messages, {len(account.doubled())} answered twice")
    for (name, begun), (_, ended) in pairwise([*phases, ("", time())]):
        anywhere, one = _gaps(account, begun, ended)
        print(
            f"{name}: {ended - begun:.0f} s, longest without any output {anywhere:.2f} s, of one partition {one:.2f} s"
        )
        assert anywhere < LONGEST_GAP_S


async def _grow_roll_and_shrink(bench: Bench, delivery: str, mark: Mark) -> None:
    """One worker, four, each of the four replaced by one that is there before it goes; one by SIGTERM; four; one by
    SIGKILL."""
    workers = [await _joined(bench, delivery)]
    await bench.committed_something()
    mark("one to four")
    workers += [await _joined(bench, delivery) for _ in range(3)]
    mark("four replaced one by one")
    for old in list(workers):
        workers.append(await _joined(bench, delivery))
        workers.remove(old)
        assert await old.terminate() == 0
    mark("four to one by SIGTERM")
    leaving = workers[1:]
    for worker in leaving:
        worker.process.terminate()
    assert [await worker.exit_code(START_S) for worker in leaving] == [0, 0, 0]
    await asyncio.sleep(AFTERWARDS_S)
    mark("one to four again")
    killed = [await _joined(bench, delivery) for _ in range(3)]
    mark("four to one by SIGKILL")
    for worker in killed:
        worker.process.kill()
    await asyncio.sleep(AFTERWARDS_S)


async def _joined(bench: Bench, delivery: str) -> Worker:
    worker = bench.worker(module="triage_worker worker", delivery=delivery, threads="1")
    await worker.has_said("Partitions assigned", START_S)
    return worker


def _gaps(account: Account, begun: float, ended: float) -> tuple[float, float]:
    """The longest time without any output, and the longest without one for a partition, as the records' timestamps
    say; what ended in this time counts whole."""
    by_partition: dict[int, list[float]] = defaultdict(list)
    for (partition, _), records in account.records.items():
        by_partition[partition] += [record.timestamp / 1_000 for record in records]
    times = [second for seconds in by_partition.values() for second in seconds]
    return _longest(times, begun, ended), max(_longest(seconds, begun, ended) for seconds in by_partition.values())


def _longest(times: Iterable[float], begun: float, ended: float) -> float:
    return max(later - earlier for earlier, later in pairwise(sorted(times)) if begun <= later < ended)


@asynccontextmanager
async def _sending(bench: Bench) -> AsyncIterator[list[tuple[int, int]]]:
    """Messages come for as long as this lasts; afterwards the list says where they went."""
    ended, places = asyncio.Event(), list[tuple[int, int]]()

    async def send() -> None:
        sent: list[asyncio.Future[RecordMetadata]] = []
        async with AIOKafkaProducer(bootstrap_servers=bench.bootstrap, acks="all") as producer:
            while not ended.is_set():
                number = len(sent)
                key, value = f"c{number % 97}".encode(), message(f"where is parcel {number}")
                sent.append(await producer.send(bench.input, value=value, key=key))
                await asyncio.sleep(1 / PER_SECOND)
            placed = await asyncio.gather(*sent)
        places.extend((metadata.partition, metadata.offset) for metadata in placed)

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(send())
        yield places
        ended.set()

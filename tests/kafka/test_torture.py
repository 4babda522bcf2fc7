"""Long faults, left out unless asked for: ``pytest -m torture tests/kafka/test_torture.py``.

``TORTURE_SEED`` repeats a run; each prints its seed. Every fault ends with the same account of every message.
"""

import asyncio
import os
import random
from pathlib import Path

import pytest

from tests.kafka import broker
from tests.kafka.harness import Bench, Worker, message

pytestmark = [pytest.mark.kafka, pytest.mark.torture, pytest.mark.timeout(900)]

KEYS = [f"chat-{number}".encode() for number in range(101)]
MESSAGES = 30_000
KILLS = 12


@pytest.fixture
def dice() -> random.Random:
    seed = int(os.environ.get("TORTURE_SEED", random.randrange(10_000)))
    print(f"TORTURE_SEED={seed}")
    return random.Random(seed)


def conversation(dice: random.Random, count: int) -> list[tuple[bytes | None, bytes | None]]:
    """Messages of random lengths, one in a hundred of which cannot be read."""
    return [
        (dice.choice(KEYS), b"{" if number % 100 == 99 else message(f"{number} " + "a" * dice.randrange(60)))
        for number in range(count)
    ]


async def verify(bench: Bench, sent: list[tuple[int, int]], delivery: str) -> None:
    assert len(set(sent)) == len(sent)  # else the broker lost what it had acknowledged, and proves nothing
    account = await bench.account()
    print(f"{len(sent)} messages: {dict(account.counts)}, {len(account.doubled())} answered more than once")
    assert account.lost(sent) == account.out_of_order() == []
    assert all(len(ids) == 1 for ids in account.ids.values())
    if delivery == "exactly_once":
        assert account.doubled() == []


async def test_random_kills_of_two_workers(bench: Bench, dice: random.Random, delivery: str) -> None:
    await bench.create_topics(partitions=6)

    def start() -> Worker:
        # With the full window in flight and batches that take their time, every kill finds much undone.
        return bench.worker(delivery=delivery, FAKE_DELAY_S="0.03", batch_tokens="2048", session_timeout_ms="2000")

    workers = [start(), start()]
    sent: list[tuple[int, int]] = []
    for _ in range(KILLS):
        sent += await bench.produce(conversation(dice, MESSAGES // KILLS))
        await asyncio.sleep(dice.uniform(0.5, 4.0))
        victim = dice.randrange(2)
        workers[victim].kill()
        workers[victim] = start()
    await bench.answered(300)
    for worker in workers:
        await worker.has_said("Partitions assigned")
        assert await worker.terminate() == 0, worker.said()
    await verify(bench, sent, delivery)


async def test_three_brokers_killed_in_turn(tmp_path: Path, bootstrap: str, dice: random.Random, delivery: str) -> None:
    replicated = {
        "offsets.topic.replication.factor": "3",
        "transaction.state.log.replication.factor": "3",
        "transaction.state.log.min.isr": "2",
        "min.insync.replicas": "2",
        "default.replication.factor": "3",
    }
    nodes = broker.cluster(tmp_path / "kafka", nodes=3, settings=replicated)
    for node in nodes:
        node.start()
    bench = Bench(",".join(node.bootstrap for node in nodes), tmp_path)
    try:
        for node in nodes:
            await asyncio.to_thread(node.wait)
        await bench.create_topics(partitions=6, replicas=3)
        worker = bench.worker(delivery=delivery, FAKE_DELAY_S="0.01")
        await worker.has_said("Partitions assigned")
        sent = []
        for turn in range(6):
            sent += await bench.produce(conversation(dice, 2_000))
            node = nodes[turn % 3]
            node.stop()
            await bench.answered(60)  # goes on with two of three
            node.start()
            await asyncio.to_thread(node.wait)
            await bench.in_sync(3)
        await bench.answered(60)
        assert await worker.terminate() == 0, worker.said()
        await verify(bench, sent, delivery)
    finally:
        bench.stop()
        for node in nodes:
            node.stop()


@pytest.fixture(params=["at_least_once", "exactly_once"])
def delivery(request: pytest.FixtureRequest) -> str:
    return str(request.param)

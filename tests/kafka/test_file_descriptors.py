"""Many partitions and few file descriptors: a worker says so, serves what it can, and stays alive."""

import resource
from functools import partial
from pathlib import Path

import pytest

from tests.kafka import broker
from tests.kafka.harness import Bench
from tests.kafka.processes import Worker, eventually
from tests.kafka.test_broker_faults import conversation
from tests.kafka.test_service import get, ready

pytestmark = pytest.mark.kafka

PARTITIONS, LIMIT = 60, 100


async def test_sixty_partitions_and_a_hundred_file_descriptors(bench: Bench) -> None:
    await bench.create_topics(partitions=PARTITIONS)
    ports = broker.free_ports(2)
    first = bench.worker(delivery="exactly_once", http_host="127.0.0.1", http_port=str(ports[0]))
    resource.prlimit(first.process.pid, resource.RLIMIT_NOFILE, (LIMIT, LIMIT))
    await first.has_said("Too few file descriptors", 60)
    sent = await bench.produce([(None, value) for _, value in conversation(300)])
    status, body = await get(ports[0], "/readyz")
    assert status == 503
    assert f"{PARTITIONS} partitions need about" in body
    assert f"{LIMIT} are allowed" in body
    assert (await get(ports[0], "/livez"))[0] == 200
    assert open_files(first) < LIMIT
    second = bench.worker(delivery="exactly_once", http_host="127.0.0.1", http_port=str(ports[1]))
    resource.prlimit(second.process.pid, resource.RLIMIT_NOFILE, (LIMIT, LIMIT))
    await bench.answered(90)
    for port, worker in zip(ports, (first, second), strict=True):
        await eventually(partial(ready, port), 30, worker.said)
        assert len(worker.said()) < 20_000
    account = await bench.account()
    assert account.lost(sent) == account.doubled() == []


def open_files(worker: Worker) -> int:
    return sum(1 for _ in Path(f"/proc/{worker.process.pid}/fd").iterdir())

"""`triage worker` as an operator meets it: its start, its endpoints, slow models and brokers that come and go."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import orjson
import pytest
from triage_models import DEFAULT_BUNDLE

from tests.kafka import broker
from tests.kafka.harness import Bench, message
from tests.kafka.processes import Worker, eventually
from tests.records import json_of

pytestmark = pytest.mark.kafka

COMMAND = "triage_worker worker"
TEXTS = ["where is my parcel", "i want my money back", "the lamp came broken", "hello", "cancel my order please"]


def told(worker: Worker) -> str:
    """What it said, which must be one line and no traceback."""
    lines = worker.said().strip().splitlines()
    assert len(lines) == 1, worker.said()
    return lines[0]


async def get(port: int, path: str) -> tuple[int, str]:
    """Status and body; status 0 when nothing answers."""
    try:
        async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{port}{path}") as response:
            return response.status, await response.text()
    except aiohttp.ClientConnectionError:
        return 0, ""


async def ready(port: int) -> bool:
    return (await get(port, "/readyz"))[0] == 200


async def not_ready(port: int) -> bool:
    return (await get(port, "/readyz"))[0] == 503


async def test_a_missing_topic_stops_the_start(bench: Bench) -> None:
    worker = bench.worker(module=COMMAND)
    assert await worker.exit_code() == 2
    assert bench.input in told(worker)
    assert "triage topics create" in told(worker)


async def test_a_broker_that_does_not_answer_stops_the_start(bench: Bench) -> None:
    (port,) = broker.free_ports(1)
    worker = bench.worker(module=COMMAND, bootstrap_servers=f"127.0.0.1:{port}")
    assert await worker.exit_code() == 2
    assert "TRIAGE_BOOTSTRAP_SERVERS" in told(worker)


async def test_a_folder_that_is_no_bundle_stops_the_start(bench: Bench, tmp_path: Path) -> None:
    await bench.create_topics()
    worker = bench.worker(module=COMMAND, bundle=str(tmp_path))
    assert await worker.exit_code() == 2
    assert str(tmp_path) in told(worker)


async def test_a_port_in_use_stops_the_start(bench: Bench) -> None:
    await bench.create_topics()
    taken = bench.bootstrap.rsplit(":", 1)[1]
    worker = bench.worker(module=COMMAND, http_host="127.0.0.1", http_port=taken)
    assert await worker.exit_code() == 2
    assert "TRIAGE_HTTP_PORT" in told(worker)


@pytest.mark.skipif(not DEFAULT_BUNDLE.is_dir(), reason="the shipped bundle is not here")
async def test_the_shipped_bundle_answers_and_the_endpoints_tell(bench: Bench) -> None:
    await bench.create_topics()
    (port,) = broker.free_ports(1)
    worker = bench.worker(module=COMMAND, http_host="127.0.0.1", http_port=str(port), log_format="json")
    await eventually(lambda: ready(port), 60, worker.said)
    sent = await bench.produce([(b"k", message(text)) for text in TEXTS] + [(b"k", b"{")])
    await bench.answered()
    assert await get(port, "/livez") == (200, "ok\n")
    _, metrics = await get(port, "/metrics")
    assert await worker.terminate() == 0, worker.said()
    account = await bench.account()
    assert account.lost(sent) == account.doubled() == []
    assert metric(metrics, "triage_messages_read_total") == len(sent)
    assert metric(metrics, 'triage_messages_answered_total{label="not_json",outcome="dead_letter"}') == 1
    answered = re.findall(r"^triage_messages_answered_total{.*} (\S+)$", metrics, re.MULTILINE)
    assert sum(map(float, answered)) == len(sent)
    assert metric(metrics, "triage_in_flight_messages") == 0
    assert all(orjson.loads(line) for line in worker.said().splitlines())
    assert not any(text in worker.said() + metrics for text in TEXTS)
    for record in await bench.read(bench.output):
        assert json_of(record)["model"]["name"]


def metric(metrics: str, name: str) -> float:
    return float(re.findall(rf"^{re.escape(name)} (\S+)$", metrics, re.MULTILINE)[0])


async def test_told_to_end_in_the_middle_of_batches_it_still_exits_with_0(bench: Bench) -> None:
    """Nothing is drained in so short a time; threads that are inside ONNX Runtime then must not abort the process."""
    await bench.create_topics()
    await bench.produce([(b"k", message("where is my parcel, it should have been here long ago " * 5))] * 3_000)
    worker = bench.worker(module=COMMAND, drain_timeout_s="0.001")
    await bench.committed_something()
    assert await worker.terminate() == 0, worker.said()


async def test_a_batch_longer_than_the_poll_interval_neither_evicts_nor_commits_early(bench: Bench) -> None:
    await bench.create_topics(partitions=1)
    sent = await bench.produce([(b"k", message("aa"))] * 40)
    slow = bench.worker(
        FAKE_DELAY_S="4", max_poll_interval_ms="1500", session_timeout_ms="3000", batch_tokens="80", max_in_flight="40"
    )
    await bench.answered()
    assert await slow.terminate() == 0, slow.said()
    assert slow.said().count("Partitions assigned") == 1
    account = await bench.account()
    assert account.lost(sent) == account.doubled() == []


@asynccontextmanager
async def own_broker(folder: Path) -> AsyncIterator[broker.Broker]:
    """A broker that a test may stop and start."""
    (node,) = broker.cluster(folder)
    node.start()
    try:
        await asyncio.to_thread(node.wait)
        yield node
    finally:
        node.stop()


@pytest.mark.parametrize("delivery", [pytest.param("at_least_once", marks=pytest.mark.torture), "exactly_once"])
async def test_a_broker_that_goes_away_and_comes_back(bootstrap: str, tmp_path: Path, delivery: str) -> None:
    async with own_broker(tmp_path / "kafka") as node:
        bench = Bench(node.bootstrap, tmp_path)
        try:
            await bench.create_topics()
            (port,) = broker.free_ports(1)
            sent = await bench.produce(
                [(f"k{number % 7}".encode(), message(f"aa {number}")) for number in range(2_000)]
            )
            worker = bench.worker(
                delivery=delivery, http_port=str(port), http_host="127.0.0.1", FAKE_DELAY_S="0.05", batch_tokens="512"
            )
            await bench.committed_something()
            node.stop()
            await eventually(lambda: not_ready(port), 60, worker.said)
            assert await get(port, "/livez") == (200, "ok\n")
            node.start()
            await asyncio.to_thread(node.wait)
            await eventually(lambda: ready(port), 60, worker.said)
            await bench.kept_their_word([worker], sent, delivery)
        finally:
            bench.stop()

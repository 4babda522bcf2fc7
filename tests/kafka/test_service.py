"""The worker as a process: its start, its endpoints, slow models, and a broker that goes away and comes back."""

import asyncio
import re
from pathlib import Path

import orjson
import pytest
from triage_models import DEFAULT_BUNDLE

from tests.kafka.broker import free_ports
from tests.kafka.endpoints import Endpoints, metric
from tests.kafka.fault_environment import running_cluster
from tests.kafka.harness import DELIVERIES, KafkaHarness, message
from tests.kafka.processes import ServiceProcess, eventually
from tests.records import json_of

pytestmark = pytest.mark.kafka

COMMAND = "triage_worker worker"
TEXTS = ["where is my parcel", "i want my money back", "the lamp came broken", "hello", "cancel my order please"]


def only_log_line(worker: ServiceProcess) -> str:
    """Return the log, which must be one line without a traceback."""
    lines = worker.log_text().strip().splitlines()
    assert len(lines) == 1, worker.log_text()
    return lines[0]


async def test_a_missing_topic_prevents_the_start(harness: KafkaHarness) -> None:
    worker = harness.start(module=COMMAND)
    assert await worker.exit_code() == 2
    assert harness.input in only_log_line(worker)
    assert "triage topics create" in only_log_line(worker)


async def test_an_unreachable_broker_prevents_the_start(harness: KafkaHarness) -> None:
    (port,) = free_ports(1)
    worker = harness.start(module=COMMAND, bootstrap_servers=f"127.0.0.1:{port}")
    assert await worker.exit_code() == 2
    assert "TRIAGE_BOOTSTRAP_SERVERS" in only_log_line(worker)


async def test_a_folder_without_a_bundle_prevents_the_start(harness: KafkaHarness, tmp_path: Path) -> None:
    await harness.create_topics()
    worker = harness.start(module=COMMAND, bundle=str(tmp_path))
    assert await worker.exit_code() == 2
    assert str(tmp_path) in only_log_line(worker)


async def test_a_port_in_use_prevents_the_start(harness: KafkaHarness) -> None:
    await harness.create_topics()
    used_port = harness.bootstrap.rsplit(":", 1)[1]
    worker = harness.start(module=COMMAND, http_host="127.0.0.1", http_port=used_port)
    assert await worker.exit_code() == 2
    assert "TRIAGE_HTTP_PORT" in only_log_line(worker)


@pytest.mark.skipif(not DEFAULT_BUNDLE.is_dir(), reason="the shipped bundle is not here")
async def test_the_shipped_bundle_answers_and_the_endpoints_report_it(harness: KafkaHarness) -> None:
    await harness.create_topics()
    endpoints = Endpoints()
    worker = harness.start(module=COMMAND, log_format="json", **endpoints.settings)
    await eventually(endpoints.ready, 60, worker.log_text)
    sent = await harness.produce([(b"k", message(text)) for text in TEXTS] + [(b"k", b"{")])
    await harness.wait_until_committed()
    assert await endpoints.alive()
    metrics = await endpoints.metrics()
    assert await worker.terminate() == 0, worker.log_text()
    outcomes = await harness.outcomes()
    assert outcomes.lost(sent) == outcomes.duplicated() == []
    assert metric(metrics, "triage_messages_read_total") == len(sent)
    assert metric(metrics, 'triage_messages_answered_total{label="not_json",outcome="dead_letter"}') == 1
    answered = re.findall(r"^triage_messages_answered_total{.*} (\S+)$", metrics, re.MULTILINE)
    assert sum(map(float, answered)) == len(sent)
    assert metric(metrics, "triage_in_flight_messages") == 0
    assert all(orjson.loads(line) for line in worker.log_text().splitlines())
    assert not any(text in worker.log_text() + metrics for text in TEXTS)
    for record in await harness.read(harness.output):
        assert json_of(record)["model"]["name"]


async def test_a_worker_that_is_terminated_during_inference_exits_with_0(harness: KafkaHarness) -> None:
    """The drain time-out is too short to finish anything; threads inside ONNX Runtime must not abort the process."""
    await harness.create_topics()
    await harness.produce([(b"k", message("where is my parcel, it should have been here long ago " * 5))] * 3_000)
    worker = harness.start(module=COMMAND, drain_timeout_s="0.001")
    await harness.wait_for_first_commit()
    assert await worker.terminate() == 0, worker.log_text()


async def test_a_batch_longer_than_the_poll_interval_causes_no_rebalance_and_no_early_commit(
    harness: KafkaHarness,
) -> None:
    await harness.create_topics(partitions=1)
    sent = await harness.produce([(b"k", message("aa"))] * 40)
    worker = harness.start(
        FAKE_DELAY_S="4", max_poll_interval_ms="1500", session_timeout_ms="3000", batch_tokens="80", max_in_flight="40"
    )
    await harness.verify_delivery([worker], sent)
    assert worker.log_text().count("Partitions assigned") == 1


@pytest.mark.parametrize("delivery", DELIVERIES)
async def test_a_worker_waits_for_a_broker_that_is_down_and_loses_nothing(
    kafka_installed: None, tmp_path: Path, delivery: str
) -> None:
    with (
        running_cluster(tmp_path / "kafka", 1, {}) as (node,),
        KafkaHarness(node.bootstrap, tmp_path) as harness,
    ):
        await harness.create_topics()
        endpoints = Endpoints()
        sent = await harness.produce([(f"k{number % 7}".encode(), message(f"aa {number}")) for number in range(2_000)])
        worker = harness.start(delivery=delivery, FAKE_DELAY_S="0.05", batch_tokens="512", **endpoints.settings)
        await harness.wait_for_first_commit()
        node.stop()
        await eventually(endpoints.not_ready, 60, worker.log_text)
        assert await endpoints.alive()
        node.start()
        await asyncio.to_thread(node.wait)
        await eventually(endpoints.ready, 60, worker.log_text)
        # A single broker that restarts may complete a transaction without its markers (docs/upstream.md, K1). A worker
        # repairs that; until runs under this very fault have shown it, repeats are allowed here.
        await harness.verify_delivery([worker], sent, repeats_allowed=True)

"""On a real broker: the patches are in force in the clients that the services make, Faust's too, and still needed."""

import asyncio
import logging
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from triage_worker.config.settings import Settings
from triage_worker.kafka import clients
from triage_worker.kafka.client_compat import metadata
from triage_worker.kafka.client_compat.broker_errors import SENDER_LOG
from triage_worker.kafka.client_compat.cooperative_group import CooperativeGroupCoordinator
from triage_worker.kafka.client_compat.topic_access import PatchedFetcher
from triage_worker.kafka.client_compat.transactions import RETRY_BACKOFF_MS
from triage_worker.router import faust_app
from triage_worker.router.topic_setup import create_internal_topics
from triage_worker.router.topics import RouterTopics

from tests.kafka.harness import KafkaHarness
from tests.kafka.processes import eventually
from tests.unpatched import undo_patches
from tests.worker.classify.raw_batches import builder

pytestmark = pytest.mark.kafka

ODD_NAME = b"caf\xe9"
READ_NAME = "caf\ufffd"


@pytest.fixture
def unpatched(monkeypatch: pytest.MonkeyPatch) -> None:
    """aiokafka without the patches."""
    undo_patches(monkeypatch)


def settings(harness: KafkaHarness) -> Settings:
    """The settings of a service on the test's topics."""
    return Settings(
        bootstrap_servers=harness.bootstrap,
        group_id=harness.group,
        input_topic=harness.input,
        output_topic=harness.output,
        auto_offset_reset="earliest",
        session_timeout_ms=6_000,
    )


async def send_odd_name(harness: KafkaHarness, topic: str) -> None:
    """Produce a record whose header's name is not UTF-8, and a plain one after it."""
    async with AIOKafkaProducer(bootstrap_servers=harness.bootstrap) as producer:
        batch: Any = producer.create_batch()
        batch._builder = builder([(b"k", b"odd", [(ODD_NAME, b"1")])])
        batch._relative_offset = 1
        await producer.send_batch(batch, topic, partition=0)
        await producer.send_and_wait(topic, b"plain", partition=0)


async def read_two(consumer: AIOKafkaConsumer) -> list[tuple[bytes | None, list[str]]]:
    """Read two records: their values and the names of their headers."""
    async with asyncio.timeout(60):
        records = [await consumer.getone() for _ in range(2)]
    return [(record.value, [name for name, _ in record.headers]) for record in records]


async def test_a_services_consumer_has_both_patches(harness: KafkaHarness) -> None:
    await harness.create_topics(1)
    await send_odd_name(harness, harness.input)
    async with clients.group_consumer(settings(harness), "worker", harness.input) as consumer:
        assert type(consumer._coordinator) is CooperativeGroupCoordinator
        assert type(consumer._fetcher) is PatchedFetcher
        assert await read_two(consumer) == [(b"odd", [READ_NAME]), (b"plain", [])]


async def test_a_reader_of_a_topic_reads_odd_names(harness: KafkaHarness) -> None:
    await harness.create_topics(1)
    await send_odd_name(harness, harness.input)
    async with clients.topic_consumer(settings(harness)) as consumer:
        assert await metadata.partitions(consumer, "missing") == []
        consumer.assign(await metadata.partitions(consumer, harness.input))
        assert await read_two(consumer) == [(b"odd", [READ_NAME]), (b"plain", [])]


async def test_fausts_consumer_has_both_patches(harness: KafkaHarness, tmp_path: Path) -> None:
    await harness.create_topics(1)
    await send_odd_name(harness, harness.output)
    given = settings(harness)
    topics = RouterTopics.from_settings(given)
    await create_internal_topics(given, topics)
    app = faust_app.build(given, topics, partitions=1, replicas=1, folder=tmp_path).app
    seen: list[tuple[bytes, list[str]]] = []

    async def agent(stream: Any) -> None:
        async for event in stream.events():
            seen.append((event.value, list(event.headers)))

    app.agent(app.topic(harness.output, value_type=bytes, value_serializer="raw"))(agent)
    await app.start()
    try:
        await eventually(lambda: _true(len(seen) == 2), 60, lambda: str(seen))
        assert type(app.consumer._thread._consumer._coordinator) is CooperativeGroupCoordinator
        assert type(app.consumer._thread._consumer._fetcher) is PatchedFetcher
    finally:
        await app.stop()
    assert seen == [(b"odd", [READ_NAME]), (b"plain", [])]


async def test_aiokafka_alone_never_gets_past_an_odd_name(harness: KafkaHarness, unpatched: None) -> None:
    await harness.create_topics(1)
    await send_odd_name(harness, harness.input)
    partition = TopicPartition(harness.input, 0)
    async with AIOKafkaConsumer(bootstrap_servers=harness.bootstrap, auto_offset_reset="earliest") as consumer:
        consumer.assign([partition])
        for _ in range(2):
            with pytest.raises(UnicodeDecodeError):
                await asyncio.wait_for(consumer.getone(), 30)
        assert await consumer.position(partition) == 0


async def test_a_transactional_producer_retries_soon_and_hides_verification_warnings(
    harness: KafkaHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SENDER_LOG, "filters", [])  # later tests of this process get a log without the filter
    await harness.create_topics(1)
    async with clients.transactional_producer(settings(harness), harness.group) as producer:
        async with producer.transaction():
            await producer.send_and_wait(harness.output, b"v", partition=0)
        assert producer._sender._retry_backoff == RETRY_BACKOFF_MS / 1_000
        assert producer._request_timeout_ms == clients.HAND_OVER_TIMEOUT_MS
        assert SENDER_LOG.filter(refusal("NotLeaderForPartitionError"))
        assert not SENDER_LOG.filter(refusal("NotEnoughReplicasError"))


def refusal(error: str) -> logging.LogRecord:
    """A warning as aiokafka logs it."""
    message = "Got error produce response on topic-partition %s, retrying. Error: %s"
    return logging.LogRecord(SENDER_LOG.name, logging.WARNING, "", 0, message, ((), error), None)


async def _true(condition: bool) -> bool:
    return condition

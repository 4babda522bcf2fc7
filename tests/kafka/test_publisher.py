"""The at-least-once publisher on a broker that refuses some of what it is given."""

import asyncio
from functools import partial

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.structs import TopicPartition
from triage_worker.kafka.clients import MAX_BATCH_BYTES, MAX_REQUEST_BYTES
from triage_worker.observability.metrics import Metrics
from triage_worker.streaming.delivery.at_least_once import AtLeastOnce
from triage_worker.streaming.tracking.dead_letters import DeadLetters
from triage_worker.streaming.tracking.in_flight import InFlightMessages
from triage_worker.streaming.tracking.output import Output

from tests.kafka.harness import Bench
from tests.records import headers_of
from tests.worker.fakes import record

pytestmark = pytest.mark.kafka

MESSAGES = 70
LARGE = 69
SOURCE = TopicPartition("in", 0)


async def test_nothing_overtakes_a_batch_that_is_refused(bench: Bench) -> None:
    """The broker takes a first batch with any sequence number, also where that of another was refused before it."""
    await bench.create_topics(partitions=1, output={"max.message.bytes": str(MAX_BATCH_BYTES - 5_000)})
    in_flight = InFlightMessages(Metrics())
    tracker = in_flight.offsets.assign(SOURCE)
    delivery = AtLeastOnce(
        partial(
            AIOKafkaProducer,
            bootstrap_servers=bench.bootstrap,
            enable_idempotence=True,
            max_batch_size=MAX_BATCH_BYTES,
            max_request_size=MAX_REQUEST_BYTES,
        ),
        in_flight,
        DeadLetters(bench.dead_letters),
    )
    outputs = []
    for offset in range(MESSAGES):
        read = record(SOURCE, offset, b"{}")
        in_flight.track(SOURCE, [read])
        value = b"v" * (100_000 if offset == LARGE else 1_000)
        headers = [("offset", str(offset).encode())]
        outputs.append(Output(tracker, read, "accepted", "WISMO", bench.output, b"k", value, headers))
    in_flight.complete(outputs)
    running = asyncio.create_task(delivery.run())
    try:
        async with asyncio.timeout(60):
            await delivery.flush()
    finally:
        running.cancel()
        await asyncio.wait([running])
    counts = in_flight.offsets.counts()
    assert (counts.accepted, counts.dead_letter, counts.in_flight) == (MESSAGES - 1, 1, 0)
    published = [int(headers_of(found)["offset"]) for found in await bench.read(bench.output)]
    assert list(dict.fromkeys(published)) == [offset for offset in range(MESSAGES) if offset != LARGE]
    (letter,) = await bench.read(bench.dead_letters)
    assert headers_of(letter)["dlq.offset"] == str(LARGE).encode()

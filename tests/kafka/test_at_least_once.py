"""At-least-once delivery to a real broker that refuses one record."""

import asyncio
from functools import partial

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.structs import TopicPartition
from triage_worker.kafka.clients import MAX_BATCH_BYTES, MAX_REQUEST_BYTES
from triage_worker.kafka.dead_letters import DeadLetterTopic
from triage_worker.observability.metrics import Metrics
from triage_worker.streaming.delivery.at_least_once import AtLeastOnce
from triage_worker.streaming.tracking.dead_letters import DeadLetters
from triage_worker.streaming.tracking.in_flight import InFlightMessages
from triage_worker.streaming.tracking.output import Output

from tests.kafka.harness import KafkaHarness
from tests.records import headers_of
from tests.worker.fakes import record

pytestmark = pytest.mark.kafka

MESSAGES = 70
TOO_LARGE = 69
"""The offset of the message whose output the broker refuses."""

SOURCE = TopicPartition("in", 0)


async def test_no_output_overtakes_a_refused_batch(harness: KafkaHarness) -> None:
    """A broker accepts a producer's first batch with any sequence number, so it does not notice a missing batch."""
    await harness.create_topics(partitions=1, output={"max.message.bytes": str(MAX_BATCH_BYTES - 5_000)})
    in_flight = InFlightMessages(Metrics())
    tracker = in_flight.offsets.assign(SOURCE)
    delivery = AtLeastOnce(
        partial(
            AIOKafkaProducer,
            bootstrap_servers=harness.bootstrap,
            enable_idempotence=True,
            max_batch_size=MAX_BATCH_BYTES,
            max_request_size=MAX_REQUEST_BYTES,
        ),
        in_flight,
        DeadLetters(DeadLetterTopic(harness.dead_letters)),
    )
    outputs = []
    for offset in range(MESSAGES):
        read = record(SOURCE, offset, b"{}")
        in_flight.track(SOURCE, [read])
        value = b"v" * (100_000 if offset == TOO_LARGE else 1_000)
        headers = [("offset", str(offset).encode())]
        outputs.append(Output(tracker, read, "accepted", "WISMO", harness.output, b"k", value, headers))
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
    published = [int(headers_of(found)["offset"]) for found in await harness.read(harness.output)]
    assert list(dict.fromkeys(published)) == [offset for offset in range(MESSAGES) if offset != TOO_LARGE]
    (dead_letter,) = await harness.read(harness.dead_letters)
    assert headers_of(dead_letter)["dlq.offset"] == str(TOO_LARGE).encode()

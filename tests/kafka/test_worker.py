"""The worker as a process on a real Kafka: what it answers, and which records it can read."""

import pytest
from aiokafka import AIOKafkaProducer

from tests.kafka.harness import KafkaHarness, conversations, message
from tests.kafka.scenario import BROKER_TIMESTAMPS
from tests.records import headers_of
from tests.worker.classify.raw_batches import builder

pytestmark = pytest.mark.kafka

UNREADABLE = {
    "null_value": None,
    "empty_value": b"",
    "not_json": b'{"text": "where',
    "not_object": b"[1, 2]",
    "no_text": b'{"message": "hello"}',
    "text_not_string": b'{"text": 7}',
    "text_blank": b'{"text": "  "}',
    "not_utf8": b'{"text": "\xff\xfe"}',
    "lone_surrogate": b'{"text": "\\ud800"}',
    "too_large": b'{"text": "' + b"a" * 70_000 + b'", "padding": "' + b"b" * 100_000 + b'"}',
    "text_too_large": b'{"text": "' + b"a" * 70_000 + b'"}',
    "too_deep": b'{"text": ' + b"[" * 90_000,
}
"""Values by the code of the dead letter that they become."""


@pytest.mark.parametrize("delivery", ["at_least_once", "exactly_once"])
async def test_every_message_is_answered_once_and_in_order_also_among_unreadable_ones(
    harness: KafkaHarness, delivery: str
) -> None:
    await harness.create_topics()
    messages = conversations(1_000)
    for index, value in enumerate(UNREADABLE.values()):
        messages.insert(70 * index, (f"chat-{index}".encode(), value))
    messages.insert(33, (None, None))
    sent = await harness.produce(messages, headers=[("traceparent", b"00-aa-bb-01"), ("odd", b"\x00\xff")])
    worker = harness.start(delivery=delivery, max_message_bytes="150000")
    outcomes = await harness.verify_delivery([worker], sent)
    assert outcomes.counts["accepted"] + outcomes.counts["fallback"] == 1_000
    by_position = dict(zip(sent, messages, strict=True))
    for dead_letter in outcomes.dead_letters:
        headers = headers_of(dead_letter)
        position = (int(headers["dlq.partition"]), int(headers["dlq.offset"]))
        assert (dead_letter.key, dead_letter.value) == by_position[position]
        assert UNREADABLE[headers["dlq.error"].decode()] == dead_letter.value
        assert list(dead_letter.headers[:2]) == [("traceparent", b"00-aa-bb-01"), ("odd", b"\x00\xff")]
    assert len(outcomes.dead_letters) == len(UNREADABLE) + 1


async def test_a_header_name_that_is_not_utf8_and_every_compression_are_read(harness: KafkaHarness) -> None:
    """Kafka requires header names in UTF-8, but no broker checks them."""
    await harness.create_topics(partitions=1)
    sent = 0
    for compression in ("gzip", "snappy", "lz4", "zstd"):
        async with AIOKafkaProducer(bootstrap_servers=harness.bootstrap, compression_type=compression) as producer:
            for number in range(3):
                await producer.send(harness.input, message(f"{compression} {number} " + "e" * 500), key=b"chat")
            batch = producer.create_batch()
            codec = {"gzip": 1, "snappy": 2, "lz4": 3, "zstd": 4}[compression]
            odd = [(b"\xffname", b"1"), (b"traceparent", b"00-aa-bb-01")]
            batch._builder = builder([(b"chat", value, odd) for value in (message("a" * 500), b"{" * 500)], codec)
            batch._relative_offset = 2
            await producer.send_batch(batch, harness.input, partition=0)
            sent += 5
    worker = harness.start()
    outcomes = await harness.verify_delivery([worker], [(0, offset) for offset in range(sent)])
    assert outcomes.counts["not_json"] == 4
    for dead_letter in outcomes.dead_letters:
        assert dead_letter.value == b"{" * 500
        assert dead_letter.headers[:2] == (("\ufffdname", b"1"), ("traceparent", b"00-aa-bb-01"))
    assert "is restarted" not in worker.log_text()


async def test_partitions_with_a_backlog_take_short_turns(harness: KafkaHarness) -> None:
    await harness.create_topics(3, 1, **BROKER_TIMESTAMPS)
    sent = await harness.produce((b"%d" % (number % 17), message("a" * 1_000)) for number in range(6_000))
    worker = harness.start(threads="1")
    outcomes = await harness.verify_delivery([worker], sent)
    answered = {position: outcomes.records[position][0].timestamp for position in sent}
    first = {
        partition: min(answered[position] for position in sent if position[0] == partition) for partition in range(3)
    }
    assert sum(time < max(first.values()) for time in answered.values()) < 1_000, first

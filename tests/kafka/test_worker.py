"""The worker as a process on a real Kafka."""

import pytest
from aiokafka import AIOKafkaProducer

from tests.kafka.harness import Bench, message
from tests.kafka.scene import ON_BROKERS_TIME
from tests.records import headers_of
from tests.worker.classify.raw_batches import builder

pytestmark = pytest.mark.kafka

KEYS = [f"chat-{number}".encode() for number in range(17)]

BAD = {
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


def conversation(count: int) -> list[tuple[bytes | None, bytes | None]]:
    return [(KEYS[number % len(KEYS)], message(f"message {number}" + "a" * (number % 50))) for number in range(count)]


@pytest.mark.parametrize("delivery", ["at_least_once", "exactly_once"])
async def test_every_message_is_answered_once_and_in_order_with_bad_ones_mixed_in(bench: Bench, delivery: str) -> None:
    await bench.create_topics()
    messages = conversation(1_000)
    for position, value in enumerate(BAD.values()):
        messages.insert(70 * position, (KEYS[position], value))
    messages.insert(33, (None, None))
    sent = await bench.produce(messages, headers=[("traceparent", b"00-aa-bb-01"), ("odd", b"\x00\xff")])
    worker = bench.worker(delivery=delivery, max_message_bytes="150000")
    await bench.answered()
    assert await worker.terminate() == 0, worker.said()
    account = await bench.account()
    assert account.lost(sent) == []
    assert account.doubled() == []
    assert account.out_of_order() == []
    assert account.counts["accepted"] + account.counts["fallback"] == 1_000
    by_place = dict(zip(sent, messages, strict=True))
    for letter in account.dead_letters:
        headers = headers_of(letter)
        place = (int(headers["dlq.partition"]), int(headers["dlq.offset"]))
        assert (letter.key, letter.value) == by_place[place]
        assert BAD[headers["dlq.error"].decode()] == letter.value
        assert list(letter.headers[:2]) == [("traceparent", b"00-aa-bb-01"), ("odd", b"\x00\xff")]
    assert len(account.dead_letters) == len(BAD) + 1


async def test_a_header_name_that_is_not_utf8_and_every_compression_are_read(bench: Bench) -> None:
    """What producers of any language may send. No proper one writes such a name, and no broker refuses it."""
    await bench.create_topics(partitions=1)
    sent = 0
    for compression in ("gzip", "snappy", "lz4", "zstd"):
        async with AIOKafkaProducer(bootstrap_servers=bench.bootstrap, compression_type=compression) as producer:
            for number in range(3):
                await producer.send(bench.input, message(f"{compression} {number} " + "e" * 500), key=b"chat")
            batch = producer.create_batch()
            codec = {"gzip": 1, "snappy": 2, "lz4": 3, "zstd": 4}[compression]
            odd = [(b"\xffname", b"1"), (b"traceparent", b"00-aa-bb-01")]
            batch._builder = builder([(b"chat", value, odd) for value in (message("a" * 500), b"{" * 500)], codec)
            batch._relative_offset = 2
            await producer.send_batch(batch, bench.input, partition=0)
            sent += 5
    worker = bench.worker()
    await bench.answered()
    assert await worker.terminate() == 0, worker.said()
    account = await bench.account()
    assert account.lost((0, offset) for offset in range(sent)) == account.doubled() == []
    assert account.counts["not_json"] == 4
    for letter in account.dead_letters:
        assert letter.value == b"{" * 500
        assert letter.headers[:2] == (("\ufffdname", b"1"), ("traceparent", b"00-aa-bb-01"))
    assert "starts again" not in worker.said()


async def test_partitions_of_a_backlog_take_short_turns(bench: Bench) -> None:
    await bench.create_topics(3, 1, **ON_BROKERS_TIME)
    sent = await bench.produce((b"%d" % (number % 17), message("a" * 1_000)) for number in range(6_000))
    worker = bench.worker(threads="1")
    await bench.answered()
    assert await worker.terminate() == 0, worker.said()
    account = await bench.account()
    assert account.lost(sent) == []
    answered = {place: account.records[place][0].timestamp for place in sent}
    first = {partition: min(answered[place] for place in sent if place[0] == partition) for partition in range(3)}
    assert sum(moment < max(first.values()) for moment in answered.values()) < 1_000, first

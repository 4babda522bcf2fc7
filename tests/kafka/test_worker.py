"""The worker as a process on a real Kafka."""

import pytest

from tests.kafka.harness import Bench, message

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
        headers = dict(letter.headers)
        place = (int(headers["dlq.partition"]), int(headers["dlq.offset"]))
        assert (letter.key, letter.value) == by_place[place]
        assert BAD[headers["dlq.error"].decode()] == letter.value
        assert list(letter.headers[:2]) == [("traceparent", b"00-aa-bb-01"), ("odd", b"\x00\xff")]
    assert len(account.dead_letters) == len(BAD) + 1

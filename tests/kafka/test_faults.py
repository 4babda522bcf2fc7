"""What breaks, and what must hold all the same. Workers are processes and are really killed."""

import random
import signal
from pathlib import Path

import pytest

from tests.kafka import faults
from tests.kafka.harness import Bench, message
from tests.kafka.scene import POISON, Scene, run
from tests.records import headers_of

pytestmark = pytest.mark.kafka

KEYS = [f"chat-{number}".encode() for number in range(23)]


def conversation(count: int) -> list[tuple[bytes | None, bytes | None]]:
    return [(KEYS[number % len(KEYS)], message(f"message {number}" + "a" * (number % 40))) for number in range(count)]


async def test_a_poison_message_is_isolated_on_a_broker(bench: Bench) -> None:
    await bench.create_topics()
    messages = conversation(400)
    for position in range(0, 400, 100):
        messages[position] = (KEYS[0], message("poison"))
    sent = await bench.produce(messages)
    worker = bench.worker(FAKE_POISON="poison")
    await bench.answered()
    assert await worker.terminate() == 0, worker.said()
    account = await bench.account()
    assert account.lost(sent) == account.doubled() == []
    assert account.out_of_order() == []
    assert account.counts["model_error"] == 4


@pytest.mark.parametrize("delivery", ["at_least_once", "exactly_once"])
async def test_sigterm_finishes_what_is_in_flight_and_leaves_nothing_to_repeat(bench: Bench, delivery: str) -> None:
    await bench.create_topics()
    sent = await bench.produce(conversation(3_000))
    worker = bench.worker(delivery=delivery, max_in_flight="300", FAKE_DELAY_S="0.05", batch_tokens="512")
    await bench.committed_something()
    assert await worker.terminate() == 0, worker.said()
    assert "in_flight=0" in worker.said().rsplit("Stopped", 1)[1]
    successor = bench.worker(delivery=delivery)
    await successor.has_said("Partitions assigned")
    await bench.answered()
    assert await successor.terminate() == 0, successor.said()
    account = await bench.account()
    assert account.lost(sent) == account.doubled() == []
    assert account.out_of_order() == []


@pytest.mark.parametrize("delivery", ["at_least_once", "exactly_once"])
async def test_workers_join_and_leave_without_loss_or_repeat(bench: Bench, delivery: str) -> None:
    await bench.create_topics(partitions=4)
    sent = await bench.produce(conversation(4_000))
    first = bench.worker(delivery=delivery, FAKE_DELAY_S="0.02", batch_tokens="512")
    await bench.committed_something()
    second = bench.worker(delivery=delivery, FAKE_DELAY_S="0.02", batch_tokens="512")
    await second.has_said("Partitions assigned")
    assert await first.terminate() == 0, first.said()
    await bench.answered()
    assert await second.terminate() == 0, second.said()
    account = await bench.account()
    assert account.lost(sent) == account.doubled() == []
    assert account.out_of_order() == []


@pytest.mark.parametrize(
    ("fault", "delivery"), [("kill", "at_least_once"), ("kill", "exactly_once"), ("freeze", "exactly_once")]
)
async def test_a_slice_of_the_matrix(bench: Bench, tmp_path: Path, seed: int, fault: str, delivery: str) -> None:
    variables = {"FAKE_POISON": POISON}
    scene = Scene(bench, tmp_path, delivery, "flood", random.Random(seed), variables=variables, flood=2_000)
    (await run(fault, faults.MATRIX[fault], scene, seed)).check()


@pytest.mark.parametrize("delivery", ["at_least_once", "exactly_once"])
async def test_an_output_too_large_for_its_topic_is_a_dead_letter(bench: Bench, delivery: str) -> None:
    small = {"max.message.bytes": "5000"}
    await bench.create_topics(output=small, fallback=small)
    messages = conversation(60)
    messages[20] = (KEYS[0], message("e" * 6_001))  # an odd number of vowels: to the fallback, which carries the text
    sent = await bench.produce(messages)
    worker = bench.worker(delivery=delivery)
    await bench.answered()
    assert await worker.terminate() == 0, worker.said()
    account = await bench.account()
    assert account.lost(sent) == []
    assert account.out_of_order() == []
    (letter,) = account.dead_letters
    assert letter.value == messages[20][1]
    assert headers_of(letter)["dlq.error"] == b"output_refused"


@pytest.mark.parametrize("delivery", ["at_least_once", "exactly_once"])
async def test_a_dead_letter_too_large_for_its_topic_says_where_the_original_is(bench: Bench, delivery: str) -> None:
    await bench.create_topics(dead_letters={"max.message.bytes": "2000"})
    messages = conversation(40)
    messages[7] = (KEYS[0], b"x" * 5_000)
    sent = await bench.produce(messages)
    worker = bench.worker(delivery=delivery)
    await bench.answered()
    assert await worker.terminate() == 0, worker.said()
    account = await bench.account()
    assert account.lost(sent) == []
    assert account.out_of_order() == []
    (letter,) = account.dead_letters
    headers = headers_of(letter)
    assert letter.value == b""
    assert headers["dlq.omitted_bytes"] == b"5000"
    assert (int(headers["dlq.partition"]), int(headers["dlq.offset"])) == sent[7]


async def test_a_second_signal_leaves_at_once(bench: Bench) -> None:
    await bench.create_topics()
    await bench.produce(conversation(50))
    worker = bench.worker(FAKE_DELAY_S="3600")
    await worker.has_said("Partitions assigned")
    worker.signal(signal.SIGTERM)
    await worker.has_said("Stopping")
    worker.signal(signal.SIGTERM)
    assert await worker.exit_code(10) == 128 + signal.SIGTERM

"""Single faults: messages that fail, outputs that are refused, workers that leave, join or are killed."""

import random
import signal
from pathlib import Path

import pytest

from tests.kafka import faults
from tests.kafka.endpoints import Endpoints
from tests.kafka.harness import KafkaHarness, conversations, message
from tests.kafka.processes import eventually
from tests.kafka.scenario import POISON, Scenario, run_scenario
from tests.records import headers_of

pytestmark = pytest.mark.kafka

KEY = b"chat-0"


async def test_a_message_that_the_model_fails_on_becomes_a_dead_letter_alone(harness: KafkaHarness) -> None:
    await harness.create_topics()
    messages = conversations(400)
    for index in range(0, 400, 100):
        messages[index] = (KEY, message("poison"))
    sent = await harness.produce(messages)
    worker = harness.start(FAKE_POISON="poison")
    outcomes = await harness.verify_delivery([worker], sent)
    assert outcomes.counts["model_error"] == 4


@pytest.mark.parametrize("delivery", ["at_least_once", "exactly_once"])
async def test_sigterm_finishes_what_is_in_flight_so_nothing_is_repeated(harness: KafkaHarness, delivery: str) -> None:
    await harness.create_topics()
    sent = await harness.produce(conversations(3_000))
    worker = harness.start(delivery=delivery, max_in_flight="300", FAKE_DELAY_S="0.05", batch_tokens="512")
    await harness.wait_for_first_commit()
    assert await worker.terminate() == 0, worker.log_text()
    assert "in_flight=0" in worker.log_text().rsplit("Stopped", 1)[1]
    successor = await harness.join(delivery=delivery)
    await harness.verify_delivery([successor], sent)


@pytest.mark.parametrize("delivery", ["at_least_once", "exactly_once"])
async def test_workers_join_and_leave_without_loss_or_repeat(harness: KafkaHarness, delivery: str) -> None:
    await harness.create_topics(partitions=4)
    sent = await harness.produce(conversations(4_000))
    first = harness.start(delivery=delivery, FAKE_DELAY_S="0.02", batch_tokens="512")
    await harness.wait_for_first_commit()
    second = await harness.join(delivery=delivery, FAKE_DELAY_S="0.02", batch_tokens="512")
    assert await first.terminate() == 0, first.log_text()
    await harness.verify_delivery([second], sent)


@pytest.mark.parametrize(
    ("fault", "delivery"), [("kill", "at_least_once"), ("kill", "exactly_once"), ("freeze", "exactly_once")]
)
async def test_a_part_of_the_fault_matrix(
    harness: KafkaHarness, tmp_path: Path, seed: int, fault: str, delivery: str
) -> None:
    variables = {"FAKE_POISON": POISON}
    scenario = Scenario(
        harness, tmp_path, delivery, "flood", random.Random(seed), variables=variables, flood_messages=2_000
    )
    (await run_scenario(fault, faults.MATRIX[fault], scenario, seed)).check()


@pytest.mark.parametrize("delivery", ["at_least_once", "exactly_once"])
async def test_an_output_too_large_for_its_topic_is_a_dead_letter(harness: KafkaHarness, delivery: str) -> None:
    small = {"max.message.bytes": "5000"}
    await harness.create_topics(output=small, fallback=small)
    messages = conversations(60)
    messages[20] = (KEY, message("e" * 6_001))  # not accepted, and a fallback request contains the text
    sent = await harness.produce(messages)
    worker = harness.start(delivery=delivery)
    outcomes = await harness.verify_delivery([worker], sent, repeats_allowed=delivery == "at_least_once")
    (dead_letter,) = outcomes.dead_letters
    assert dead_letter.value == messages[20][1]
    assert headers_of(dead_letter)["dlq.error"] == b"output_refused"


@pytest.mark.parametrize("delivery", ["at_least_once", "exactly_once"])
async def test_a_dead_letter_too_large_for_its_topic_names_the_original_instead(
    harness: KafkaHarness, delivery: str
) -> None:
    await harness.create_topics(dead_letters={"max.message.bytes": "2000"})
    messages = conversations(40)
    messages[7] = (KEY, b"x" * 5_000)
    sent = await harness.produce(messages)
    worker = harness.start(delivery=delivery)
    outcomes = await harness.verify_delivery([worker], sent, repeats_allowed=delivery == "at_least_once")
    (dead_letter,) = outcomes.dead_letters
    headers = headers_of(dead_letter)
    assert dead_letter.value == b""
    assert headers["dlq.omitted_bytes"] == b"5000"
    assert (int(headers["dlq.partition"]), int(headers["dlq.offset"])) == sent[7]


async def test_a_second_signal_exits_immediately(harness: KafkaHarness) -> None:
    await harness.create_topics()
    await harness.produce(conversations(50))
    endpoints = Endpoints()
    worker = harness.start(FAKE_DELAY_S="3600", **endpoints.settings)

    async def at_work() -> bool:
        return bool(await endpoints.metric("triage_in_flight_messages"))

    await eventually(at_work, 60, worker.log_text)  # a worker without messages ends at once, at the first signal
    worker.signal(signal.SIGTERM)
    await worker.wait_for_log("Stopping")
    worker.signal(signal.SIGTERM)
    assert await worker.exit_code(10) == 128 + signal.SIGTERM

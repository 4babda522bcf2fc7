"""The review command at a pseudo-terminal, on a real Kafka."""

import sys
from collections import Counter
from collections.abc import Sequence

import pytest
from aiokafka import AIOKafkaProducer
from triage_schemas.events import ReviewEvent

from tests.kafka import admin
from tests.kafka.harness import KafkaHarness, environment
from tests.kafka.terminal import Terminal
from tests.records import headers_of, json_of
from tests.worker.review.test_review import audit, review

pytestmark = pytest.mark.kafka


async def prepared(harness: KafkaHarness, delivery: str, requests: Sequence[ReviewEvent]) -> tuple[dict[str, str], str]:
    """Send requests to the review's topic; returns the variables of the command, and the labels topic."""
    await harness.create_topics(partitions=1)
    labels = f"labels-{harness.group}"
    await admin.create_topics(harness.bootstrap, [labels], partitions=1)
    async with AIOKafkaProducer(bootstrap_servers=harness.bootstrap) as producer:
        for request in requests:
            await producer.send_and_wait(harness.input, request.write(), key=b"k")
    variables = environment(
        bootstrap_servers=harness.bootstrap,
        review_topic=harness.input,
        input_topic=harness.fallback,
        fallback_topic=f"unused-{harness.group}",
        output_topic=harness.output,
        labels_topic=labels,
        dead_letter_topic=harness.dead_letters,
        delivery=delivery,
        group_id=harness.group,
    )
    return variables, labels


@pytest.mark.parametrize("delivery", ["at_least_once", "exactly_once"])
async def test_each_message_is_decided_by_one_key(harness: KafkaHarness, delivery: str) -> None:
    variables, labels = await prepared(harness, delivery, [review(f"message-{number}", number) for number in range(4)])
    terminal = Terminal([sys.executable, "-m", "triage_worker", "review"], variables)
    for number, key in enumerate("1-0"):
        await terminal.wait_for(f"message-{number}")
        await terminal.wait_for("leave")
        terminal.press(key)
        await terminal.wait_for("→")
    await terminal.wait_for("message-3")
    terminal.press("q")
    await terminal.wait_for("2 decided, 1 put off.")
    assert await terminal.exit_code() == 0
    decided = [json_of(record) for record in await harness.read(harness.output)]
    assert [(value["source"]["offset"], value["intent"]) for value in decided] == [(0, "WISMO")]
    learned = [json_of(record) for record in await harness.read(labels)]
    assert [(value["source"]["offset"], value["label"]) for value in learned] == [(0, "WISMO"), (2, "OOS")]
    texts = [json_of(record)["text"] for record in await harness.read(harness.input)]
    assert Counter(texts) == {"message-0": 1, "message-1": 2, "message-2": 1, "message-3": 1}
    second = Terminal([sys.executable, "-m", "triage_worker", "review"], variables)
    await second.wait_for("message-3")
    await second.wait_for("leave")
    second.press("4")
    await second.wait_for("message-1")
    second.press("q")
    await second.wait_for("1 decided, 0 put off.")
    assert await second.exit_code() == 0


@pytest.mark.parametrize("delivery", ["at_least_once", "exactly_once"])
async def test_an_audited_message_gets_a_second_intent_only_if_the_person_disagrees(
    harness: KafkaHarness, delivery: str
) -> None:
    variables, labels = await prepared(harness, delivery, [audit(f"message-{number}", number) for number in range(3)])
    terminal = Terminal([sys.executable, "-m", "triage_worker", "review"], variables)
    for number, (key, said) in enumerate((("1", "the model agrees"), ("4", "the model said"), ("0", "the model said"))):
        await terminal.wait_for(f"message-{number}")
        await terminal.wait_for("leave")
        terminal.press(key)
        await terminal.wait_for(said)
    terminal.press("q")
    await terminal.wait_for("3 decided, 0 put off.")
    assert await terminal.exit_code() == 0
    [correction] = await harness.read(harness.output)
    value = json_of(correction)
    assert (value["source"]["offset"], value["intent"], value["corrects"]) == (1, "OTHER", "WISMO")
    assert headers_of(correction)["ce_id"] == b"triage.intent.correction:customer.messages:0:1"
    learned = [json_of(record) for record in await harness.read(labels)]
    assert [(one["label"], one["audited"]["agreed"]) for one in learned] == [
        ("WISMO", True),
        ("OTHER", False),
        ("OOS", False),
    ]

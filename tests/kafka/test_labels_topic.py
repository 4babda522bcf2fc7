"""Labels that are read from the labels topic of a real Kafka."""

from datetime import UTC, datetime, timedelta

import pytest
from aiokafka import AIOKafkaProducer
from triage_models.feedback.answers import Answer
from triage_schemas.events import LabelEvent
from triage_worker.cli.learn import answer
from triage_worker.config.errors import TriageError
from triage_worker.config.settings import Settings
from triage_worker.kafka.labels_topic import read_labels_topic

from tests.kafka.harness import KafkaHarness

pytestmark = pytest.mark.kafka

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def label(number: int, intent: str, by: str, minute: int) -> bytes:
    """Make the value of a label event."""
    return LabelEvent.model_validate(
        {
            "message_id": f"message-{number}",
            "conversation_id": f"conversation-{number}",
            "customer_id": None,
            "channel": None,
            "source": {"topic": "t", "partition": 0, "offset": number},
            "text": f"text {number}",
            "label": intent,
            "decided_by": by,
            "labelled_at": NOON + timedelta(minutes=minute),
        },
        strict=False,
    ).write()


def settings(harness: KafkaHarness) -> Settings:
    return Settings.load(bootstrap_servers=harness.bootstrap, labels_topic=harness.input)


async def test_labels_are_read_from_all_partitions_in_the_order_of_their_times(harness: KafkaHarness) -> None:
    await harness.create_topics(partitions=2)
    async with AIOKafkaProducer(bootstrap_servers=harness.bootstrap) as producer:
        await producer.send_and_wait(harness.input, label(1, "WISMO", "llm", 3), partition=0)
        await producer.send_and_wait(harness.input, b"{", partition=0)
        await producer.send_and_wait(harness.input, label(2, "CANCEL_ORDER", "human", 1), partition=1)
        await producer.send_and_wait(harness.input, None, key=b"k", partition=1)
        await producer.send_and_wait(harness.input, label(1, "OTHER", "human", 2), partition=1)

    counts: list[int] = []
    found = await read_labels_topic(settings(harness), counts.append)
    assert [answer(label) for label in found.labels] == [
        Answer("text 2", "CANCEL_ORDER", "human", "message-2", "conversation-2"),
        Answer("text 1", "OTHER", "human", "message-1", "conversation-1"),
        Answer("text 1", "WISMO", "llm", "message-1", "conversation-1"),
    ]
    assert found.unreadable == 2
    assert counts[-1] == 5
    assert (await read_labels_topic(settings(harness), counts.append)).labels == found.labels  # nothing was committed


async def test_an_empty_topic_is_an_error(harness: KafkaHarness) -> None:
    await harness.create_topics(partitions=1)
    with pytest.raises(TriageError, match="There is nothing on"):
        await read_labels_topic(settings(harness), lambda count: None)

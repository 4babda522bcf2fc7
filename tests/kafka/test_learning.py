"""Answers read from the topic of labels, on a real Kafka."""

from datetime import UTC, datetime, timedelta

import pytest
from aiokafka import AIOKafkaProducer
from triage_models.feedback.answers import Answer
from triage_schemas.events import LabelEvent
from triage_worker.config.errors import TriageError
from triage_worker.config.settings import Settings
from triage_worker.feedback.labels_topic import read_labels_topic

from tests.kafka.harness import Bench

pytestmark = pytest.mark.kafka

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def label(number: int, said: str, by: str, minute: int) -> bytes:
    return LabelEvent.model_validate(
        {
            "message_id": f"message-{number}",
            "conversation_id": f"conversation-{number}",
            "customer_id": None,
            "channel": None,
            "source": {"topic": "t", "partition": 0, "offset": number},
            "text": f"text {number}",
            "label": said,
            "decided_by": by,
            "labelled_at": NOON + timedelta(minutes=minute),
        },
        strict=False,
    ).write()


def settings(bench: Bench) -> Settings:
    return Settings.load(bootstrap_servers=bench.bootstrap, labels_topic=bench.input)


async def test_answers_come_from_all_partitions_in_the_order_they_were_given(bench: Bench) -> None:
    await bench.create_topics(partitions=2)
    async with AIOKafkaProducer(bootstrap_servers=bench.bootstrap) as producer:
        await producer.send_and_wait(bench.input, label(1, "WISMO", "llm", 3), partition=0)
        await producer.send_and_wait(bench.input, b"{", partition=0)
        await producer.send_and_wait(bench.input, label(2, "CANCEL_ORDER", "human", 1), partition=1)
        await producer.send_and_wait(bench.input, None, key=b"k", partition=1)
        await producer.send_and_wait(bench.input, label(1, "OTHER", "human", 2), partition=1)

    counts: list[int] = []
    found = await read_labels_topic(settings(bench), counts.append)
    assert found.answers == [
        Answer("text 2", "CANCEL_ORDER", "human", "message-2", "conversation-2"),
        Answer("text 1", "OTHER", "human", "message-1", "conversation-1"),
        Answer("text 1", "WISMO", "llm", "message-1", "conversation-1"),
    ]
    assert found.unreadable == 2
    assert counts[-1] == 5
    assert (await read_labels_topic(settings(bench), counts.append)).answers == found.answers  # nothing was committed


async def test_an_empty_topic_is_told_in_one_sentence(bench: Bench) -> None:
    await bench.create_topics(partitions=1)
    with pytest.raises(TriageError, match="There is nothing on"):
        await read_labels_topic(settings(bench), lambda count: None)

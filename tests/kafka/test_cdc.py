"""A change log on the input topic: a worker answers new messages, and skips and counts the other records."""

import json
from collections import Counter
from typing import Any

import pytest

from tests.kafka.endpoints import Endpoints, metric
from tests.kafka.harness import KafkaHarness, Message
from tests.kafka.processes import eventually
from tests.records import json_of
from tests.schemas.input.change_events.formats import AT_MS, Row, debezium, with_schema

pytestmark = pytest.mark.kafka

PLACEHOLDER = "__debezium_unavailable_value"
PATHS = {"text_field": "payload.after.text", "conversation_field": "payload.after.conversation_id"}
ROWS = 30
FIRST_CONVERSATION = 123_456_789_012_345_678_901_234_567_000
"""The conversations' ids are numbers from here on, which are all the same float."""


def envelope(payload: dict[str, Any]) -> bytes:
    """Make a value as Kafka Connect's JSON converter writes it."""
    return json.dumps(with_schema(payload)).encode()


def life_of_a_row(number: int) -> list[tuple[Message, str]]:
    """The records about one row, in order, each with its text or with the reason why it is skipped."""
    key = b'{"id": %d}' % number
    row: Row = {
        "id": number,
        "text": f"where is parcel {number}",
        "conversation_id": FIRST_CONVERSATION + number,
        "status": "new",
    }
    closed = {**row, "status": "closed"}
    edited = {**closed, "text": f"cancel parcel {number}"}
    left_out = {**edited, "text": PLACEHOLDER, "status": "open"}
    changes = [
        (debezium(None, row), row["text"]),
        (debezium(row, closed), "unchanged"),
        (debezium(closed, edited), edited["text"]),
        ({**debezium(edited, left_out), "before": None}, "unchanged"),
        (debezium(edited, {**edited, "text": None}), "no_text"),
        ({**debezium(None, edited), "op": "u"}, edited["text"]),
        ({"ts_ms": AT_MS}, "heartbeat"),
        (debezium(edited, None), "delete"),
    ]
    return [*(((key, envelope(event)), expected) for event, expected in changes), ((key, None), "tombstone")]


SPECIAL: list[tuple[Message, str]] = [
    ((b"ddl", envelope({"source": {}, "ddl": "ALTER TABLE messages", "tableChanges": []})), "schema_change"),
    (
        (b"transaction", envelope({"status": "END", "id": "571:1", "event_count": 2, "data_collections": []})),
        "transaction",
    ),
    ((b"truncate", envelope({**debezium(None, None), "op": "t"})), "truncate"),
    ((b"message", envelope({"op": "m", "ts_ms": AT_MS, "source": {}, "message": {"prefix": "p"}})), "control"),
]
HEARTBEATS: list[Message] = [(b"heartbeat-%d" % number, envelope({"ts_ms": AT_MS})) for number in range(9)]


def skipped_in(metrics: str) -> Counter[str]:
    """The records that a worker has skipped, by reason."""
    counts: Counter[str] = Counter()
    for line in metrics.splitlines():
        if line.startswith("triage_messages_answered_total{") and 'outcome="skipped"' in line:
            counts[line.partition('label="')[2].partition('"')[0]] += int(float(line.rpartition(" ")[2]))
    return counts


def answered_in(metrics: str) -> float:
    """The messages that a worker has answered, over all outcomes."""
    lines = [line for line in metrics.splitlines() if line.startswith("triage_messages_answered_total{")]
    return sum(float(line.rpartition(" ")[2]) for line in lines)


@pytest.mark.parametrize("delivery", ["at_least_once", "exactly_once"])
async def test_a_change_log_is_answered_where_it_has_new_texts(harness: KafkaHarness, delivery: str) -> None:
    await harness.create_topics()
    records = [entry for number in range(ROWS) for entry in life_of_a_row(number)] + SPECIAL
    reasons = Counter(expected for _, expected in records if " " not in expected)
    texts = Counter(expected for _, expected in records if " " in expected)
    sent = await harness.produce([(b"bad", b"{"), *(message for message, _ in records)])
    endpoints = Endpoints()
    worker = harness.start(delivery=delivery, include_text="true", **PATHS, **endpoints.settings)
    await harness.wait_until_committed()

    # Records that are all skipped, and are the last ones of their partitions, are committed as well.
    sent += await harness.produce(HEARTBEATS)
    await harness.wait_until_committed()
    reasons["heartbeat"] += len(HEARTBEATS)

    async def all_counted() -> bool:
        return answered_in(await endpoints.metrics()) == len(sent)

    await eventually(all_counted, 30, worker.log_text)
    metrics = await endpoints.metrics()
    assert skipped_in(metrics) == reasons
    assert metric(metrics, "triage_messages_read_total") == len(sent)
    assert metric(metrics, "triage_in_flight_messages") == 0
    assert await worker.terminate() == 0, worker.log_text()

    outcomes = await harness.outcomes()
    assert outcomes.duplicated() == []
    assert [letter.value for letter in outcomes.dead_letters] == [b"{"]
    events = [json_of(record) for topic in (harness.output, harness.fallback) for record in await harness.read(topic)]
    assert Counter(event["text"] for event in events) == texts
    for event in events:
        assert event["conversation_id"] == str(FIRST_CONVERSATION + int(event["text"].rpartition(" ")[2]))


async def test_every_update_is_answered_on_request(harness: KafkaHarness) -> None:
    await harness.create_topics(partitions=1)
    records = life_of_a_row(7)
    await harness.produce([message for message, _ in records])
    worker = harness.start(include_text="true", skip_unchanged="false", **PATHS)
    await harness.wait_until_committed()
    assert await worker.terminate() == 0, worker.log_text()
    events = [json_of(record) for topic in (harness.output, harness.fallback) for record in await harness.read(topic)]
    assert sorted(event["source"]["offset"] for event in events) == [0, 1, 2, 5]
    assert (await harness.outcomes()).dead_letters == []

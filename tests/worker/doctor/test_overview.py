"""What a topic looks like in the list, by some of its records."""

from typing import Any

import pytest
from aiokafka.errors import LeaderNotAvailableError
from aiokafka.structs import TopicPartition
from triage_worker.config.settings import Settings
from triage_worker.doctor.overview import describe, list_topics
from triage_worker.doctor.sampling import Sample
from triage_worker.doctor.survey import survey

from tests.models.serving.shipped import texts
from tests.worker.doctor import payloads
from tests.worker.doctor.payloads import as_json, records
from tests.worker.kafka.client_compat.scripted_broker import NODE, scripted_broker

MESSAGES = [
    (as_json(payloads.plain), "JSON objects, a text in text"),
    (as_json(payloads.debezium), "JSON objects, a change log of Debezium, a text in payload.after.text"),
    ([payloads.email(number, text) for number, text in enumerate(texts(5))], "e-mails with headers (RFC 822)"),
    ([text.encode() for text in texts(20)], "plain text, like messages"),
]
OTHERS = [
    (as_json(payloads.page_view), "JSON objects, no field reads like a message"),
    (as_json(payloads.order), "JSON objects, no field reads like a message"),
    ([f"sensor-{number};{number}.5;OK".encode() for number in range(20)], "plain text, unlike messages"),
    (payloads.garbage(), "other bytes"),
    ([None] * 5, "null values (tombstones)"),
    ([b"\x00\x00\x00\x00\x07\x0ahello"] * 5, "values that name a schema of a registry"),
    ([], "no committed records"),
]


@pytest.mark.parametrize(
    ("values", "looks", "content"),
    [*((values, True, content) for values, content in MESSAGES), *((v, False, c) for v, c in OTHERS)],
)
def test_topics_with_messages_look_like_it(values: list[bytes | None], looks: bool, content: str) -> None:
    given = records(values)
    place = TopicPartition(payloads.TOPIC, 0)
    sample = Sample(payloads.TOPIC, {place: 0}, {place: len(given)}, given)
    assert describe(sample, survey(given)) == (looks, content)


async def test_a_topic_without_a_leader_is_listed_beside_those_that_are_read() -> None:
    """The client would wait for the leader until it gives up, and the list would be an error."""

    def metadata(_: Any) -> tuple[Any, ...]:
        led: tuple[Any, ...] = (0, 0, NODE, [NODE], [NODE], [])
        left: tuple[Any, ...] = (LeaderNotAvailableError.errno, 1, -1, [2], [], [2])
        return 0, "cluster", NODE, [(0, "whole", False, [led]), (0, "half", False, [led, left])]

    async with scripted_broker(MetadataRequest=metadata) as broker:
        lines = await list_topics(Settings.load(bootstrap_servers=broker.address, input_topic="whole"), 20)
    assert {line.topic: line.content for line in lines} == {
        "whole": "empty",
        "half": "not looked at: 1 of 2 partitions has no leader: see whether all brokers are up",
    }

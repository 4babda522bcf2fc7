"""What a topic looks like in the list, by some of its records."""

import pytest
from aiokafka.structs import TopicPartition
from triage_worker.doctor.overview import describe
from triage_worker.doctor.sampling import Sample
from triage_worker.doctor.survey import survey

from tests.models.serving.shipped import texts
from tests.worker.doctor import payloads
from tests.worker.doctor.payloads import as_json, records

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

"""Dead letters are made from records."""

from dataclasses import dataclass, replace

import pytest
from triage_schemas.dead_letters import HeaderStyle
from triage_worker.config.settings import Settings
from triage_worker.kafka.dead_letters import DeadLetterTopic, make_dead_letter

from tests.worker.router.fakes import FakeRecord

DLQ_HEADERS = ["dlq.topic", "dlq.partition", "dlq.offset", "dlq.error", "dlq.message", "dlq.time", "dlq.version"]


def test_the_original_is_unchanged_and_the_reason_is_in_the_headers() -> None:
    record = FakeRecord(1042, b"k", b"{", [("a", None)], topic="in", partition=3)
    sent = make_dead_letter(DeadLetterTopic("dlq"), record, "not_json", "the value is not JSON", now=1.5)
    assert (sent.topic, sent.key, sent.value, sent.headers[0]) == ("dlq", b"k", b"{", ("a", None))
    assert [name for name, _ in sent.headers[1:]] == DLQ_HEADERS
    values = [value for _, value in sent.headers[1:]]
    assert values[:6] == [b"in", b"3", b"1042", b"not_json", b"the value is not JSON", b"1970-01-01T00:00:01.500Z"]


def test_a_record_without_key_value_and_headers_has_a_dead_letter_too() -> None:
    sent = make_dead_letter(DeadLetterTopic("dlq"), FakeRecord(0, None, None), "null_value", "the value is null")
    assert (sent.key, sent.value) == (None, None)
    assert [name for name, _ in sent.headers] == DLQ_HEADERS


@dataclass
class TimedRecord(FakeRecord):
    """A record with a time, as aiokafka reads it."""

    timestamp: float = 1_700_000_000_123
    timestamp_type: int = 1


RECORD = TimedRecord(1042, b"k", b"{", [("a", None)], topic="shop.chat", partition=3)


def headers_in(style: HeaderStyle, record: TimedRecord = RECORD) -> list[tuple[str, bytes | None]]:
    to = DeadLetterTopic("dlq", style, "triage-worker")
    return list(make_dead_letter(to, record, "not_json", "the value is not JSON", now=1.5).headers)


def test_headers_as_kafka_connect_writes_them_are_texts() -> None:
    assert headers_in("connect") == [
        ("a", None),
        ("__connect.errors.topic", b"shop.chat"),
        ("__connect.errors.partition", b"3"),
        ("__connect.errors.offset", b"1042"),
        ("__connect.errors.connector.name", b"triage-worker"),
        ("__connect.errors.task.id", b"0"),
        ("__connect.errors.stage", b"TASK_PUT"),
        ("__connect.errors.class.name", b"triage"),
        ("__connect.errors.exception.class.name", b"triage.not_json"),
        ("__connect.errors.exception.message", b"the value is not JSON"),
    ]


def test_headers_as_spring_writes_them_have_big_endian_numbers() -> None:
    assert headers_in("spring") == [
        ("a", None),
        ("kafka_dlt-original-topic", b"shop.chat"),
        ("kafka_dlt-original-partition", b"\x00\x00\x00\x03"),
        ("kafka_dlt-original-offset", b"\x00\x00\x00\x00\x00\x00\x04\x12"),
        ("kafka_dlt-original-timestamp", (1_700_000_000_123).to_bytes(8, "big")),
        ("kafka_dlt-original-timestamp-type", b"LogAppendTime"),
        ("kafka_dlt-original-consumer-group", b"triage-worker"),
        ("kafka_dlt-exception-fqcn", b"triage.not_json"),
        ("kafka_dlt-exception-message", b"the value is not JSON"),
    ]


@pytest.mark.parametrize(
    ("timestamp", "kind", "expected"),
    [(-1, None, (b"\xff" * 8, b"NoTimestampType")), (2.5, 0, ((2_500).to_bytes(8, "big"), b"CreateTime"))],
)
def test_spring_is_told_the_time_of_any_clients_record(
    timestamp: float, kind: int, expected: tuple[bytes, bytes]
) -> None:
    headers = dict(headers_in("spring", replace(RECORD, timestamp=timestamp, timestamp_type=kind)))
    assert (headers["kafka_dlt-original-timestamp"], headers["kafka_dlt-original-timestamp-type"]) == expected


def test_the_style_is_that_of_the_settings() -> None:
    settings = Settings(dead_letter_headers="Spring", dead_letter_topic="mine")
    assert DeadLetterTopic.of(settings, "router") == DeadLetterTopic("mine", "spring", "triage-router")

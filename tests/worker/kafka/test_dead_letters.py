"""Dead letters are made from records."""

from triage_worker.kafka.dead_letters import make_dead_letter

from tests.worker.router.fakes import FakeRecord

DLQ_HEADERS = ["dlq.topic", "dlq.partition", "dlq.offset", "dlq.error", "dlq.message", "dlq.time", "dlq.version"]


def test_the_original_is_unchanged_and_the_reason_is_in_the_headers() -> None:
    record = FakeRecord(1042, b"k", b"{", [("a", None)], topic="in", partition=3)
    sent = make_dead_letter("dlq", record, "not_json", "the value is not JSON", now=1.5)
    assert (sent.topic, sent.key, sent.value, sent.headers[0]) == ("dlq", b"k", b"{", ("a", None))
    assert [name for name, _ in sent.headers[1:]] == DLQ_HEADERS
    values = [value for _, value in sent.headers[1:]]
    assert values[:6] == [b"in", b"3", b"1042", b"not_json", b"the value is not JSON", b"1970-01-01T00:00:01.500Z"]


def test_a_record_without_key_value_and_headers_has_a_dead_letter_too() -> None:
    sent = make_dead_letter("dlq", FakeRecord(0, None, None), "null_value", "the value is null")
    assert (sent.key, sent.value) == (None, None)
    assert [name for name, _ in sent.headers] == DLQ_HEADERS

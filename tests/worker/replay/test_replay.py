"""Dead letters read back: the record that each was, and which are meant."""

from collections.abc import Sequence
from datetime import UTC, datetime

import pytest
from aiokafka.structs import ConsumerRecord, TopicPartition
from hypothesis import given
from hypothesis import strategies as st
from triage_schemas.dead_letters import dead_letter_headers
from triage_schemas.input.message import Source
from triage_worker.replay.dead_letter_record import Letter, Selection, read_letter

from tests.worker.fakes import record

DLQ = TopicPartition("dlq", 0)
Headers = Sequence[tuple[str, bytes | None]]
HEADERS = st.lists(st.tuples(st.sampled_from(["a", "dlq.topic", "dlq.error", ""]), st.none() | st.binary()))


def as_read(key: bytes | None, value: bytes | None, headers: Headers) -> ConsumerRecord:
    return ConsumerRecord("dlq", 0, 9, 1_000, 0, key, value, None, 0, 0, tuple(headers))


def letter(
    offset: int = 5,
    code: str = "not_json",
    time: str = "2026-03-01T09:00:00.000Z",
    value: bytes | None = b"{",
    partition: int = 1,
    topic: str = "in",
) -> Letter:
    headers = dead_letter_headers([], Source(topic, partition, offset), code, "words", time)
    read = read_letter(as_read(b"k", value, headers))
    assert read is not None
    return read


@given(st.none() | st.binary(), st.none() | st.binary(), HEADERS)
def test_a_letter_gives_back_key_value_and_headers(key: bytes | None, value: bytes | None, headers: Headers) -> None:
    source = Source("customer.messages", 3, 1042)
    written = dead_letter_headers(headers, source, "not_json", "the value is not JSON", "2026-03-01T09:00:00.000Z")
    read = read_letter(as_read(key, value, written))
    assert read is not None
    assert (read.key, read.value, read.headers) == (key, value, list(headers))
    assert (read.source, read.code, read.whole) == (source, "not_json", True)
    assert read.at == datetime(2026, 3, 1, 9, tzinfo=UTC)


def test_a_letter_of_a_letter_gives_back_the_first_one() -> None:
    first = dead_letter_headers([("a", b"1")], Source("in", 0, 1), "not_json", "", "2026-01-01T00:00:00Z")
    second = dead_letter_headers(first, Source("dlq", 0, 7), "no_text", "", "2026-01-02T00:00:00Z")
    read = read_letter(as_read(None, b"x", second))
    assert read is not None
    assert read.source == Source("dlq", 0, 7)
    assert read.headers == first


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [("dlq.topic", b"in")],
        [("dlq.topic", b"in"), ("dlq.partition", b"x"), ("dlq.offset", b"1"), ("dlq.error", b"e")],
        [("dlq.topic", b"in"), ("dlq.partition", None), ("dlq.offset", b"1"), ("dlq.error", b"e")],
        [("dlq.partition", b"0"), ("dlq.offset", b"1"), ("dlq.error", b"e")],
    ],
)
def test_what_is_no_letter_of_ours_is_left_alone(headers: Headers) -> None:
    assert read_letter(as_read(b"k", b"v", headers)) is None


def test_copies_of_a_letter_are_one_and_a_topic_made_again_gives_others() -> None:
    assert letter(time="2026-03-01T09:00:00Z").identity == letter(time="2026-03-01T09:00:01Z").identity
    others = [letter(), letter(6), letter(partition=2), letter(topic="another")]
    others += [letter(value=b"["), letter(value=None), letter(value=b"")]
    assert len({other.identity for other in others}) == len(others)


def test_a_letter_that_was_too_large_gets_all_of_its_record_back() -> None:
    written = dead_letter_headers([], Source("in", 1, 5), "too_large", "", "2026-03-01T09:00:00Z")
    read = read_letter(as_read(b"k", b"", [*written, ("dlq.omitted_bytes", b"70000")]))
    assert read is not None
    assert not read.whole
    restored = read.restored(record(TopicPartition("in", 1), 5, b"original", key=b"key"))
    assert (restored.key, restored.value, restored.whole) == (b"key", b"original", True)
    assert restored.headers == [("traceparent", b"00-1-2-3")]
    assert restored.identity == read.identity


@pytest.mark.parametrize(
    ("selection", "held"),
    [
        (Selection(), True),
        (Selection(codes={"not_json", "no_text"}), True),
        (Selection(codes={"no_text"}), False),
        (Selection(topics={"in"}, partitions={1}), True),
        (Selection(topics={"other"}), False),
        (Selection(partitions={0, 2}), False),
        (Selection(since=datetime(2026, 3, 1, 9, tzinfo=UTC)), True),
        (Selection(since=datetime(2026, 3, 2, tzinfo=UTC)), False),
        (Selection(until=datetime(2026, 3, 1, 9, tzinfo=UTC)), False),
        (Selection(until=datetime(2026, 3, 2, tzinfo=UTC)), True),
    ],
)
def test_selections(selection: Selection, held: bool) -> None:
    assert selection.holds(letter()) is held


def test_a_letter_without_a_time_has_its_records() -> None:
    assert letter(time="long ago").at == datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC)

"""Dead letters: parsing, the original record, and selection."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from aiokafka.structs import ConsumerRecord, TopicPartition
from hypothesis import given
from hypothesis import strategies as st
from triage_schemas.dead_letters import HeaderStyle, dead_letter_headers
from triage_schemas.messages.message import Source
from triage_worker.cli.moments import parse_moment
from triage_worker.replay.dead_letter_record import DeadLetterRecord, Selection, parse_dead_letter

from tests.worker.fakes import record

DLQ = TopicPartition("dlq", 0)
Headers = Sequence[tuple[str, bytes | None]]
HEADERS = st.lists(st.tuples(st.sampled_from(["a", "dlq.topic", "dlq.error", ""]), st.none() | st.binary()))


def dead_letter_topic_record(key: bytes | None, value: bytes | None, headers: Headers) -> ConsumerRecord:
    return ConsumerRecord("dlq", 0, 9, 1_000, 0, key, value, None, 0, 0, tuple(headers))


def dead_letter(
    offset: int = 5,
    code: str = "not_json",
    time: str = "2026-03-01T09:00:00.000Z",
    value: bytes | None = b"{",
    partition: int = 1,
    topic: str = "in",
) -> DeadLetterRecord:
    headers = dead_letter_headers([], Source(topic, partition, offset), code, "words", time)
    parsed = parse_dead_letter(dead_letter_topic_record(b"k", value, headers))
    assert parsed is not None
    return parsed


@given(st.none() | st.binary(), st.none() | st.binary(), HEADERS)
def test_a_dead_letter_carries_key_value_and_headers_of_the_original(
    key: bytes | None, value: bytes | None, headers: Headers
) -> None:
    source = Source("customer.messages", 3, 1042)
    written = dead_letter_headers(headers, source, "not_json", "the value is not JSON", "2026-03-01T09:00:00.000Z")
    parsed = parse_dead_letter(dead_letter_topic_record(key, value, written))
    assert parsed is not None
    assert (parsed.key, parsed.value, parsed.headers) == (key, value, list(headers))
    assert (parsed.source, parsed.code, parsed.complete) == (source, "not_json", True)
    assert parsed.at == datetime(2026, 3, 1, 9, tzinfo=UTC)


def test_a_dead_letter_of_a_dead_letter_carries_the_first_one() -> None:
    first = dead_letter_headers([("a", b"1")], Source("in", 0, 1), "not_json", "", "2026-01-01T00:00:00Z")
    second = dead_letter_headers(first, Source("dlq", 0, 7), "no_text", "", "2026-01-02T00:00:00Z")
    parsed = parse_dead_letter(dead_letter_topic_record(None, b"x", second))
    assert parsed is not None
    assert parsed.source == Source("dlq", 0, 7)
    assert parsed.headers == first


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
def test_other_records_are_not_dead_letters(headers: Headers) -> None:
    assert parse_dead_letter(dead_letter_topic_record(b"k", b"v", headers)) is None


def test_copies_have_the_same_identity_and_other_records_do_not() -> None:
    assert dead_letter(time="2026-03-01T09:00:00Z").identity == dead_letter(time="2026-03-01T09:00:01Z").identity
    others = [dead_letter(), dead_letter(6), dead_letter(partition=2), dead_letter(topic="another")]
    others += [dead_letter(value=b"["), dead_letter(value=None), dead_letter(value=b"")]
    assert len({other.identity for other in others}) == len(others)


def test_a_dead_letter_that_was_too_large_is_restored_from_the_original() -> None:
    written = dead_letter_headers([], Source("in", 1, 5), "too_large", "", "2026-03-01T09:00:00Z")
    parsed = parse_dead_letter(dead_letter_topic_record(b"k", b"", [*written, ("dlq.omitted_bytes", b"70000")]))
    assert parsed is not None
    assert not parsed.complete
    restored = parsed.restored(record(TopicPartition("in", 1), 5, b"original", key=b"key"))
    assert (restored.key, restored.value, restored.complete) == (b"key", b"original", True)
    assert restored.headers == [("traceparent", b"00-1-2-3")]
    assert restored.identity == parsed.identity


@pytest.mark.parametrize(
    ("selection", "selected"),
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
def test_a_selection_matches_by_code_source_and_time(selection: Selection, selected: bool) -> None:
    assert selection.matches(dead_letter()) is selected


def test_a_dead_letter_without_a_time_has_the_time_of_its_record() -> None:
    assert dead_letter(time="long ago").at == datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC)


@pytest.mark.parametrize("time", ["2026-03-01T09:00:00", "0001-01-01T00:00:00-12:00", "9999-12-31T23:59:59-12:00"])
def test_any_time_of_a_dead_letter_compares_with_any_time_that_a_flag_gives(time: str) -> None:
    for flag in ("0001-01-01", "0001-01-01T00:00+23:59", "9999-12-31T23:59:59-23:59"):
        moment = parse_moment(flag)
        assert Selection(since=moment).matches(dead_letter(time=time)) is flag.startswith("0001")
        assert Selection(until=moment).matches(dead_letter(time=time)) is flag.startswith("9999")


@pytest.mark.parametrize(("milliseconds", "year"), [(-1, 1970), (2**63 - 1, 9999)])
def test_a_record_may_have_any_number_as_its_time(milliseconds: int, year: int) -> None:
    written = dead_letter_headers([], Source("in", 1, 5), "not_json", "words", "")
    parsed = parse_dead_letter(replace(dead_letter_topic_record(b"k", b"v", written), timestamp=milliseconds))
    assert parsed is not None
    assert parsed.at.year == year


STYLES: list[HeaderStyle] = ["triage", "connect", "spring"]


@pytest.mark.parametrize("style", STYLES)
@given(key=st.none() | st.binary(), value=st.none() | st.binary(), headers=HEADERS)
def test_a_dead_letter_is_read_in_every_style(
    style: HeaderStyle, key: bytes | None, value: bytes | None, headers: Headers
) -> None:
    source = Source("shop.chat", 3, 2**40)
    written = dead_letter_headers(headers, source, "not_json", "why", "2026-03-01T09:00:00Z", style=style)
    parsed = parse_dead_letter(dead_letter_topic_record(key, value, written))
    assert parsed is not None
    assert (parsed.source, parsed.code, parsed.headers) == (source, "not_json", list(headers))
    assert parsed.at == (
        datetime(2026, 3, 1, 9, tzinfo=UTC) if style == "triage" else datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC)
    )


@pytest.mark.parametrize("first", STYLES)
@pytest.mark.parametrize("second", STYLES)
def test_of_two_sets_in_any_styles_the_last_one_counts(first: HeaderStyle, second: HeaderStyle) -> None:
    once = dead_letter_headers([], Source("in", 0, 1), "not_json", "", "", style=first)
    twice = dead_letter_headers(once, Source("dlq", 0, 7), "no_text", "", "", style=second)
    parsed = parse_dead_letter(dead_letter_topic_record(None, b"x", [*twice, ("dlq.omitted_bytes", b"9")]))
    assert parsed is not None
    assert (parsed.source, parsed.code, parsed.headers, parsed.complete) == (
        Source("dlq", 0, 7),
        "no_text",
        once,
        False,
    )


@pytest.mark.parametrize("style", ["connect", "spring"])
def test_what_connect_or_spring_wrote_itself_is_left_alone(style: HeaderStyle) -> None:
    written = dead_letter_headers([], Source("in", 0, 1), "not_json", "", "", style=style)
    theirs = [(name, b"java.lang.Exception" if value == b"triage.not_json" else value) for name, value in written]
    assert parse_dead_letter(dead_letter_topic_record(None, b"x", theirs)) is None


@pytest.mark.parametrize("name", ["original-partition", "original-offset", "exception-fqcn"])
@pytest.mark.parametrize("value", [None, b"", b"12345", b"\xff"])
def test_headers_of_spring_that_cannot_be_read_are_none(name: str, value: bytes | None) -> None:
    written = dead_letter_headers([], Source("in", 0, 1), "not_json", "", "", style="spring")
    broken = [(known, value if known == f"kafka_dlt-{name}" else own) for known, own in written]
    assert parse_dead_letter(dead_letter_topic_record(None, b"x", broken)) is None

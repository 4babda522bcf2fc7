"""Numbers keep the digits that they were written with."""

import json
from decimal import Decimal

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from triage_schemas.events import FallbackEvent, IntentEvent
from triage_schemas.input.decoder import decode
from triage_schemas.json_values.numbers import SAFE_INTEGER, exact_number
from triage_schemas.messages.message import CustomerMessage, InputShape
from triage_schemas.records import IntentWriter, Prediction

from tests.schemas.input.examples import JSON, SOURCE, accepted

LITERALS = [
    "7",
    "0",
    "-0",
    "-0.0",
    "0.0",
    "1.0",
    "1",
    "1.10",
    "1.1",
    "1e400",
    "-1e400",
    "1e-400",
    "1E5",
    "1e+05",
    "100000",
    "9007199254740993",
    "9007199254740993.0",
    "9223372036854775807",
    "18446744073709551615",
    "18446744073709551616",
    "-9223372036854775809",
    "123456789012345678901234567890",
    "123456789012345678901234567891",
    "12345678901234567890.123456789",
    "0.1000000000000000055511151231257827",
    "4.9e-324",
    "1e999999999999999999999",
    "9" * 1_000,
]
"""Numbers that a fast parser rounds, and some that it does not."""

IDS = ("message_id", "conversation_id", "customer_id", "channel", "language", "created_at")
PREDICTION = Prediction("WISMO", 0.9, {"WISMO": 0.9}, 0.8, False, "ambiguous")


@pytest.mark.parametrize("name", IDS)
@pytest.mark.parametrize("written", LITERALS)
def test_an_id_has_the_digits_that_were_written(name: str, written: str) -> None:
    message = accepted(f'{{"text": "a", "{name}": {written}}}'.encode())
    assert getattr(message, name) == written


def test_different_numbers_are_different_ids() -> None:
    ids = {accepted(f'{{"text": "a", "conversation_id": {written}}}'.encode()).conversation_id for written in LITERALS}
    assert len(ids) == len(LITERALS)


@pytest.mark.parametrize("written", LITERALS)
@pytest.mark.parametrize(
    ("value", "path"),
    [
        ('{"text": "a", "thread": {"id": %s}}', "thread.id"),
        ('{"text": "a", "threads": [{"id": 1}, {"id": %s}]}', "threads.-1.id"),
        ('{"text": "a", "threads": [%s, 2]}', "threads.0"),
        ('{"text": "a", "thread.id": %s}', "thread.id"),
        ('{"text": "a", "thread": "{\\"id\\": %s}"}', "thread.id"),
        ('{"text": "a", "thread": "{\\"list\\": [{\\"id\\": %s}]}"}', "thread.list.0.id"),
        ('{"text": "a\x00b", "thread": {"id": %s}}', "thread.id"),
        ('{"text": "a", "x": "\\ud800", "thread": {"id": %s}}', "thread.id"),
        ('{"text": "a", "other": 1e400, "thread": {"id": %s}}', "thread.id"),
        ('\0\0\0\0\7{"text": "a", "thread": {"id": %s}}', "thread.id"),
        ('\ufeff{"text": "a", "thread": {"id": %s}}', "thread.id"),
        ('{"text": "a", "thread": {"id": {"$numberLong": "%s"}}}', "thread.id"),
        ('{"text": "a", "thread": {"id": {"$numberDecimal": "%s"}}}', "thread.id"),
        ('"{\\"text\\": \\"a\\", \\"thread\\": {\\"id\\": %s}}"', "thread.id"),
    ],
)
def test_an_id_is_read_as_written_wherever_it_is(value: str, path: str, written: str) -> None:
    shape = InputShape(conversation_path=tuple(path.split(".")))
    assert accepted((value % written).encode(), shape).conversation_id == written


def test_an_id_of_too_many_digits_is_omitted() -> None:
    message = accepted(b'{"text": "a", "conversation_id": %s, "metadata": {"n": %s}}' % (b"9" * 1_025, b"9" * 1_025))
    assert message == CustomerMessage("a", "customer.messages-3-1042")


@pytest.mark.parametrize("number", [b"9" * 5_000, b"1e400", b"-1e999999", b"9" * 400])
def test_a_number_that_is_not_read_does_not_matter(number: bytes) -> None:
    assert accepted(b'{"text": "a", "n": %s, "customer_id": 7}' % number).customer_id == "7"


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("7", 7),
        ("0", 0),
        ("1.10", 1.1),
        ("49.9", 49.9),
        ("0.0", 0.0),
        ("1E5", 100_000.0),
        ("1e22", 1e22),
        ("0.30000000000000000", 0.3),
        (str(SAFE_INTEGER), SAFE_INTEGER),
        (str(-SAFE_INTEGER), -SAFE_INTEGER),
        *((written, written) for written in ("9007199254740992", "-9007199254740993", "9223372036854775807")),
        *((written, written) for written in ("18446744073709551616", "123456789012345678901234567890")),
        *((written, written) for written in ("1e400", "-1e400", "1e-400", "1e999999999999999999999")),
        *((written, written) for written in ("9007199254740993.0", "0.1000000000000000055511151231257827")),
        *((written, written) for written in ("12345678901234567890.5", "1.0000000000000000001")),
    ],
)
def test_a_number_of_the_metadata_is_exact_or_as_written(written: str, read: object) -> None:
    for extra in ("", ', "big": 1e400', ', "x": "\x00"'):
        found = accepted(f'{{"text": "a", "metadata": {{"n": {written}}}{extra}}}'.encode()).metadata["n"]
        assert (type(found), found) == (type(read), read)


def test_a_long_number_elsewhere_does_not_change_the_metadata() -> None:
    value = b'{"text": "card 4111111111111111", "metadata": {"total": 49.9, "order": 18446744073709551616, "n": 3}}'
    assert accepted(value).metadata == {"total": 49.9, "order": "18446744073709551616", "n": 3}


def test_the_name_of_the_metadata_can_be_escaped() -> None:
    value = b'{"text": "a", "\\u006detadata": {"n": 0.1000000000000000055511151231257827}}'
    assert accepted(value).metadata == {"n": "0.1000000000000000055511151231257827"}


@given(
    st.from_regex(
        r"-?(0|[1-9][0-9]{0,40})(\.[0-9]{1,40})?([eE][+-]?[0-9]{1,4})?", fullmatch=True, alphabet="0123456789.eE+-"
    )
)
def test_every_number_survives(written: str) -> None:
    message = decode(
        f'{{"text": "a", "conversation_id": {written}, "metadata": {{"n": {written}}}}}'.encode(), SOURCE, JSON
    )
    assert isinstance(message, CustomerMessage)
    assert message.conversation_id == written
    read = message.metadata["n"]
    assert read == written if isinstance(read, str) else Decimal(repr(read)) == Decimal(written)
    assert not isinstance(read, int) or abs(read) <= SAFE_INTEGER


@pytest.mark.parametrize("written", LITERALS)
def test_written_events_are_read_back_by_every_reader(written: str) -> None:
    writer = IntentWriter(name="n", version="1", threshold=0.5, descriptions={}, include_text=True)
    value = f'{{"text": "a", "message_id": {written}, "conversation_id": {written}, "metadata": {{"n": {written}}}}}'
    message = accepted(value.encode())
    for record in (
        writer.accepted(message, SOURCE, PREDICTION, "2025-01-01T00:00:00.000Z", []),
        writer.fallback(message, SOURCE, PREDICTION, "2025-01-01T00:00:00.000Z", []),
    ):
        # A reader of JavaScript has floats only.
        for event in (orjson.loads(record.value), json.loads(record.value), json.loads(record.value, parse_int=float)):
            assert event["message_id"] == event["conversation_id"] == written
            assert event["metadata"] == {"n": exact_number(written)}
        event_type = FallbackEvent if b"reason" in record.value else IntentEvent
        again = event_type.read(record.value)
        assert (again.conversation_id, again.metadata) == (written, {"n": exact_number(written)})
        assert event_type.read(again.write()) == again

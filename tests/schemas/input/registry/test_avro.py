"""Avro: every type that a schema can have, and values that a schema does not fit."""

import decimal
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from triage_schemas.messages.message import CustomerMessage, Rejected, Skipped

from tests.schemas.input.registry.avro_values import compiled, decoded, field, framed, record

TIMESTAMP = {"type": "long", "logicalType": "timestamp-millis"}
TEXT = record(field("text", "string"))


def message_of(schema: Any, value: Any, path: str = "text", **shape: Any) -> CustomerMessage:
    message = decoded(framed(schema, value), compiled(schema), path, **shape)
    assert isinstance(message, CustomerMessage), message
    return message


def code_of(value: bytes, schema: Any, path: str = "text") -> str:
    rejected = decoded(value, compiled(schema), path)
    assert isinstance(rejected, Rejected), rejected
    return rejected.code


def test_a_path_leads_through_nested_records_unions_arrays_and_maps() -> None:
    body = record(field("text", ["null", "string"]), name="Body")
    thread = {"type": "array", "items": ["null", body]}
    schema = record(field("payload", {"type": "map", "values": thread}))
    value = {"payload": {"mails": [None, {"text": "where is my parcel"}]}}
    assert message_of(schema, value, "payload.mails.-1.text").text == "where is my parcel"


def test_enums_and_uuids_are_strings() -> None:
    channel = {"type": "enum", "name": "Channel", "symbols": ["EMAIL", "CHAT"]}
    uuid = {"type": "string", "logicalType": "uuid"}
    schema = record(field("text", "string"), field("channel", channel), field("message_id", uuid))
    value = {"text": "hello", "channel": "CHAT", "message_id": UUID(int=7)}
    message = message_of(schema, value)
    assert (message.channel, message.message_id) == ("CHAT", str(UUID(int=7)))


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        (
            {"type": "long", "logicalType": "timestamp-millis"},
            datetime(2026, 3, 1, 9, tzinfo=UTC),
            "2026-03-01T09:00:00Z",
        ),
        ({"type": "int", "logicalType": "date"}, date(2026, 3, 1), "2026-03-01"),
        ({"type": "bytes", "logicalType": "decimal", "precision": 6, "scale": 2}, decimal.Decimal("1.10"), "1.10"),
        (["null", "long"], 2**62, str(2**62)),
        ("long", 0, "0"),
        ("double", 1.5, "1.5"),
        (["null", "string"], None, None),
        ("boolean", True, None),
        ("bytes", b"abc", None),
    ],
)
def test_every_other_field_is_a_string_or_missing(kind: Any, value: Any, expected: str | None) -> None:
    schema = record(field("text", "string"), field("created_at", kind))
    assert message_of(schema, {"text": "hello", "created_at": value}).created_at == expected


def test_metadata_may_be_a_map_or_a_record() -> None:
    fields = [field("tier", "string"), field("orders", "long"), field("ratio", "double"), field("raw", "bytes")]
    schema = record(field("text", "string"), field("metadata", record(*fields, name="Metadata")))
    value = {"text": "hello", "metadata": {"tier": "gold", "orders": 2**60, "ratio": 0.0, "raw": b"x"}}
    assert message_of(schema, value).metadata == {"tier": "gold", "orders": str(2**60), "ratio": 0.0}


def test_references_are_resolved_also_those_of_a_union_at_the_top() -> None:
    body = record(field("text", "string"), name="shop.Body")
    mail = record(field("body", "shop.Body"), name="shop.Mail")
    whole = record(field("body", body), name="shop.Mail")
    value = framed(["null", whole], {"body": {"text": "hello"}})
    schema = compiled(["null", "shop.Mail"], **{"shop.Body": body, "shop.Mail": mail})
    message = decoded(value, schema, "body.text")
    assert isinstance(message, CustomerMessage)
    assert message.text == "hello"


def test_a_change_log_in_avro_is_read_as_one() -> None:
    row = record(field("text", "string"), name="Row")
    schema = record(
        field("before", ["null", row]), field("after", ["null", "Row"]), field("op", "string"), field("ts_ms", "long")
    )
    deleted = {"before": {"text": "hello"}, "after": None, "op": "d", "ts_ms": 1}
    assert decoded(framed(schema, deleted), compiled(schema), "after.text") == Skipped("delete")
    assert (
        message_of(schema, {"before": None, "after": {"text": "hi"}, "op": "c", "ts_ms": 1}, "after.text").text == "hi"
    )


def test_a_framed_value_is_recognised_on_a_topic_of_json() -> None:
    assert message_of(TEXT, {"text": "hello"}, format="json").text == "hello"
    plain = decoded(b'{"text": "hello"}', compiled(TEXT), format="json")
    assert isinstance(plain, CustomerMessage)


def test_values_that_cannot_be_read_have_a_code() -> None:
    good = framed(TEXT, {"text": "where is my parcel"})
    assert code_of(good[:-1], TEXT) == "not_by_schema"
    assert code_of(good + b"x", TEXT) == "not_by_schema"
    assert code_of(b'{"text": "hello"}', TEXT) == "no_schema_id"
    assert code_of(framed(TEXT, {"text": "hello"}, number=2), TEXT) == "unknown_schema"
    assert code_of(good, {"type": "nothing"}) == "bad_schema"
    assert code_of(good, TEXT, "body") == "no_text"
    assert code_of(framed("string", "hello"), "string") == "not_object"
    assert code_of(framed(record(field("text", "bytes")), {"text": b"hello"}), record(field("text", "bytes"))) == (
        "text_not_string"
    )


def test_a_heartbeat_of_mirror_maker_is_skipped_although_it_looks_like_a_frame() -> None:
    heartbeat = b"\0\0" + (1_790_000_000_000).to_bytes(8)
    assert decoded(heartbeat, compiled(TEXT)) == Skipped("heartbeat")


@given(st.binary(max_size=200))
def test_no_bytes_raise(payload: bytes) -> None:
    metadata = {"type": "map", "values": ["null", "double", "string"]}
    schema = compiled(record(field("text", ["string", "null", "long"]), field("metadata", metadata)))
    assert decoded(b"\0\0\0\0\1" + payload, schema) is not None

"""Every way in which a record can name its schema."""

from uuid import UUID

import pytest
from triage_schemas.input.registry.frames import Frame, SchemaId, read_frame

GUID = UUID("89791762-2336-186f-9674-299b90a8e2ec")


@pytest.mark.parametrize(
    ("value", "headers", "expected"),
    [
        (b"\0\0\0\0\7abc", (), Frame(SchemaId("short", "7"), b"abc")),
        (b"\0\xff\0\0\0abc", (), Frame(SchemaId("short", "4278190080"), b"abc")),
        (b"\0\0\0\0\7", (), Frame(SchemaId("short", "7"), b"")),
        (b"\0" + (9).to_bytes(8) + b"abc", (), Frame(SchemaId("long", "9"), b"abc")),
        (b"\1" + GUID.bytes + b"abc", (), Frame(SchemaId("guid", str(GUID)), b"abc")),
        (b"abc", [("__value_schema_id", b"\1" + GUID.bytes)], Frame(SchemaId("guid", str(GUID)), b"abc")),
        (
            b"abc",
            [("__value_schema_id", b"\1" + GUID.bytes + b"\0")],
            Frame(SchemaId("guid", str(GUID)), b"abc", b"\0"),
        ),
        (b"abc", [("__value_schema_id", b"\0\0\0\0\7")], Frame(SchemaId("short", "7"), b"abc")),
        (b"abc", [("apicurio.value.globalId", (5).to_bytes(8))], Frame(SchemaId("global", "5"), b"abc")),
        (b"abc", [("apicurio.value.contentId", (5).to_bytes(8))], Frame(SchemaId("content", "5"), b"abc")),
        (
            b"abc",
            [("apicurio.value.protobuf.type", b"Order"), ("apicurio.value.contentId", (5).to_bytes(4))],
            Frame(SchemaId("content", "5"), b"abc", None, "Order"),
        ),
        (b"\0\0\0\0\7abc", [("trace", b"1")], Frame(SchemaId("short", "7"), b"abc")),
    ],
)
def test_a_frame_is_found(value: bytes, headers: list[tuple[str, bytes | None]], expected: Frame) -> None:
    assert read_frame(value, headers) == expected


@pytest.mark.parametrize(
    ("value", "headers"),
    [
        (b'{"text": "hello"}', ()),
        (b"\0\0\0", ()),
        (b"\0" * 9, ()),
        (b"\0" * 6, ()),
        (b"\1abc", ()),
        (
            b"hello",
            [("__value_schema_id", b""), ("apicurio.value.globalId", b"12"), ("__key_schema_id", b"\0\0\0\0\7")],
        ),
        (b"hello", [("apicurio.value.protobuf.type", b"Order")]),
    ],
)
def test_other_values_have_no_frame(value: bytes, headers: list[tuple[str, bytes | None]]) -> None:
    assert read_frame(value, headers) is None

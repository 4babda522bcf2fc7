"""Protobuf: messages by index and by name, references, Google's own types, and values that a schema does not fit."""

from base64 import b64encode
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from triage_schemas.input.decoder import decode
from triage_schemas.input.registry.compiling import compile_schema
from triage_schemas.input.registry.frames import Frame, SchemaId
from triage_schemas.input.registry.schema import KnownSchema, SchemaText, UnusableSchema
from triage_schemas.messages.message import CustomerMessage, Decoded, InputShape, Rejected, Source

pytest.importorskip("grpc_tools")
descriptor_pb2 = pytest.importorskip("google.protobuf.descriptor_pb2")
protobuf = pytest.importorskip("triage_schemas.input.registry.protobuf")
compiler = pytest.importorskip("triage_schemas.input.registry.proto_compiler")

BODY = 'syntax = "proto3"; package shop; message Body { string text = 1; }'
TEXT = """syntax = "proto3";
package shop;
import "shop/body.proto";
import "confluent/meta.proto";
import "google/protobuf/timestamp.proto";
import "google/protobuf/wrappers.proto";
import "google/protobuf/struct.proto";
enum Channel { EMAIL = 0; CHAT = 1; }
message Other { string name = 1; }
message Mail {
  Body body = 1;
  Channel channel = 2;
  google.protobuf.Timestamp created_at = 3;
  google.protobuf.StringValue customer_id = 4;
  int64 message_id = 5;
  map<string, double> metadata = 6;
  repeated Body thread = 7;
  bytes raw = 8;
  google.protobuf.Struct extra = 9;
  oneof kind { string subject = 10; Other other = 11; }
  message Inner { string text = 1; }
}
"""
SCHEMA = SchemaText("PROTOBUF", TEXT, {"shop/body.proto": BODY})
MAIL = b"\2\2"
"""The indexes of the second message."""


@pytest.fixture(scope="module")
def schema() -> KnownSchema:
    return compile_schema(SCHEMA)


def mail(**fields: Any) -> bytes:
    """Write a mail; fields that are dictionaries are messages."""
    from google.protobuf import json_format, message_factory

    kind = message_factory.GetMessageClass(compiler.compile_file(SCHEMA).message_types_by_name["Mail"])
    written: bytes = json_format.ParseDict(fields, kind()).SerializeToString()
    return written


def decoded(value: bytes, schema: KnownSchema, path: str = "body.text", headers: Any = ()) -> Decoded:
    shape = InputShape(format="protobuf", text_path=tuple(path.split(".")))
    return decode(value, Source("in", 0, 1), shape, headers, lambda schema_id: schema)


def text_of(value: bytes, schema: KnownSchema, path: str = "body.text", headers: Any = ()) -> str:
    message = decoded(value, schema, path, headers)
    assert isinstance(message, CustomerMessage), message
    return message.text


def code_of(value: bytes, schema: KnownSchema, path: str = "body.text") -> str:
    rejected = decoded(value, schema, path)
    assert isinstance(rejected, Rejected), rejected
    return rejected.code


def test_every_type_is_read_as_its_json(schema: KnownSchema) -> None:
    value = mail(
        body={"text": "hello"},
        created_at="2026-03-01T09:00:00Z",
        customer_id="ann",
        message_id=2**62,
        metadata={"a": 1.5, "b": 0},
        thread=[{"text": "first"}, {"text": "last"}],
        extra={"note": {"text": "in a struct"}},
        subject="a subject",
    )
    framed = b"\0\0\0\0\1" + MAIL + value
    message = decoded(framed, schema)
    assert message == CustomerMessage(
        "hello",
        str(2**62),
        customer_id="ann",
        channel="EMAIL",
        created_at="2026-03-01T09:00:00Z",
        metadata={"a": 1.5, "b": 0.0},
    )
    assert text_of(framed, schema, "thread.-1.text") == "last"
    assert text_of(framed, schema, "extra.note.text") == "in a struct"
    assert text_of(framed, schema, "subject") == "a subject"
    assert code_of(framed, schema, "other.name") == "no_text"
    assert code_of(framed, schema, "raw") == "text_not_string"


def test_a_message_is_named_by_indexes_or_by_name_in_front_or_in_a_header(schema: KnownSchema) -> None:
    value = mail(body={"text": "hello"})
    assert text_of(b"\0\0\0\0\1" + MAIL + value, schema) == "hello"
    # The map before it is a nested message, too, and Confluent's clients in Python and Go count it.
    assert text_of(b"\0\0\0\0\1\4\2\2\n\5inner", schema, "text") == "inner"
    assert text_of(b"\0\0\0\0\1\0\n\4Ann!", schema, "name") == "Ann!"
    assert text_of(b"\0\0\0\0\1\x06\n\4Mail" + value, schema) == "hello"
    guid = [("__value_schema_id", b"\1" + bytes(16) + MAIL)]
    assert text_of(value, schema, headers=guid) == "hello"
    apicurio = [("apicurio.value.contentId", (1).to_bytes(8)), ("apicurio.value.protobuf.type", b"Mail")]
    assert text_of(value, schema, headers=apicurio) == "hello"


def test_a_schema_that_a_python_client_registered_is_compiled_already() -> None:
    file = compiler.compile_file(SchemaText("PROTOBUF", BODY))
    schema = compile_schema(SchemaText("PROTOBUF", b64encode(file.serialized_pb).decode()))
    assert text_of(b"\0\0\0\0\1\0\n\5hello", schema, "text") == "hello"


def test_a_compiled_schema_may_import_what_the_library_has_and_nothing_has_loaded() -> None:
    file = compiler.compile_file(SchemaText("PROTOBUF", 'syntax = "proto3"; message M { string text = 1; }'))
    compiled = descriptor_pb2.FileDescriptorProto()
    file.CopyToProto(compiled)
    compiled.dependency.append("google/protobuf/type.proto")
    schema = compile_schema(SchemaText("PROTOBUF", b64encode(compiled.SerializeToString()).decode()))
    assert text_of(b"\0\0\0\0\1\0\n\5hello", schema, "text") == "hello"
    compiled.dependency.append("other.proto")
    schema = compile_schema(SchemaText("PROTOBUF", b64encode(compiled.SerializeToString()).decode()))
    assert code_of(b"\0\0\0\0\1\0a", schema) == "bad_schema"


@pytest.mark.parametrize(
    ("text", "references", "problem"),
    [
        ('syntax = "proto3"; message M {', {}, "Reached end"),
        ('syntax = "proto3"; import "other.proto"; message M {}', {}, "other.proto"),
        ('syntax = "proto3"; message M {}', {"../out.proto": BODY}, "out of its folder"),
    ],
)
def test_a_schema_that_cannot_be_compiled_says_why(text: str, references: dict[str, str], problem: str) -> None:
    schema = compile_schema(SchemaText("PROTOBUF", text, references))
    assert isinstance(schema, UnusableSchema)
    assert problem in schema.problem
    assert code_of(b"\0\0\0\0\1\0a", schema) == "bad_schema"


def test_values_that_a_schema_does_not_fit_have_a_code(schema: KnownSchema) -> None:
    good = b"\0\0\0\0\1" + MAIL + mail(body={"text": "hello"})
    assert code_of(good[:-1], schema) == "not_by_schema"
    assert code_of(b"\0\0\0\0\1\2\x20" + b"rest of it", schema) == "not_by_schema"
    assert code_of(b"\0\0\0\0\1\1" + b"rest of it", schema) == "not_by_schema"
    assert code_of(b"\0\0\0\0\1" + b"\xff" * 20, schema) == "not_by_schema"
    assert code_of(b"\0\0\0\0\1" + MAIL, schema) == "no_text"


@given(st.binary(max_size=100))
def test_no_bytes_raise(payload: bytes) -> None:
    schema = compile_schema_once()
    for frame in (Frame(SchemaId("short", "1"), payload), Frame(SchemaId("content", "1"), payload)):
        try:
            schema.read(frame)
        except protobuf.UnreadableError:
            continue


_compiled: list[Any] = []


def compile_schema_once() -> Any:
    """Compile the schema for all examples of a property."""
    if not _compiled:
        _compiled.append(compile_schema(SCHEMA))
    return _compiled[0]

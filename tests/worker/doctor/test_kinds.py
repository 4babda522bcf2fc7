"""What values are recognised as, whatever the settings say."""

import json

import pytest
from triage_schemas.input.registry.schema import SchemaText, UnusableSchema
from triage_worker.doctor.kinds import DESCRIPTIONS, Kind, recognise

from tests.worker.doctor import payloads


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (None, "null"),
        (b"", "empty"),
        (b'{"text": "hi"}', "json"),
        (b'\xef\xbb\xbf {"text": "hi"}', "json"),
        (b'{"text": "a\tb", "n": 1e999}', "json"),
        (json.dumps(json.dumps({"text": "hi"})).encode(), "json"),
        (b'"where is my parcel"', "json_string"),
        (b'[{"text": "hi"}]', "json_list"),
        (b'{"text": "hi"', "text"),
        (b"where is my parcel? order 1234", "text"),
        (b"123456", "text"),
        (b"Question: where is my parcel\n\nthanks", "text"),
        (b"Subject: hello", "text"),
        (payloads.email(1, "where is my parcel"), "email"),
        (b"<p>where is <b>my parcel</b></p>", "text"),
        (payloads.xml(1)[0], "xml"),
        (b"<order><id>7</id></order>", "xml"),
        (payloads.compressed(1)[0], "compressed"),
        (payloads.garbage(1)[0], "binary"),
        ("où est mon colis".encode("latin-1"), "binary"),
        (b"\x00\x00\x00\x00\x07\x02hello", "framed"),
        (b'\x00\x00\x00\x00\x07{"text": "hi"}', "framed_json"),
    ],
)
def test_each_value_is_recognised(value: bytes | None, kind: Kind) -> None:
    found = recognise(value)
    assert found.kind == kind
    assert kind in DESCRIPTIONS
    assert (found.document is not None) == (kind in {"json", "framed_json"})


def test_details_say_what_a_person_has_to_know() -> None:
    assert recognise(payloads.compressed(1)[0]).detail == "gzip"
    assert recognise("où".encode("latin-1") * 20).detail == "text that is not UTF-8"
    assert recognise(b"\x00\x00\x00\x00\x07\x02hello").detail == "schema 7"


def test_a_schema_of_the_registry_reads_avro_and_what_it_does_not_read_is_said() -> None:
    pytest.importorskip("fastavro", reason="needs the [registry] extra")
    from triage_schemas.input.registry.compiling import compile_schema

    text = json.dumps({"type": "record", "name": "M", "fields": [{"name": "text", "type": "string"}]})
    schema = compile_schema(SchemaText("AVRO", text))
    found = recognise(b"\x00\x00\x00\x00\x07\x0ahello", (), lambda _: schema)
    assert (found.kind, found.document, found.detail) == ("avro", {"text": "hello"}, "schema 7")
    broken = recognise(b"\x00\x00\x00\x00\x07\xffhello", (), lambda _: schema)
    assert (broken.kind, broken.detail) == ("framed", "schema 7, which does not read them")
    unknown = recognise(
        b"\x00\x00\x00\x00\x07\x0ahello", (), lambda _: UnusableSchema("unknown_schema", "nobody knows it")
    )
    assert (unknown.kind, unknown.detail) == ("framed", "schema 7: nobody knows it")


@pytest.mark.parametrize("size", range(0, 60, 7))
def test_no_bytes_raise(size: int) -> None:
    for value in payloads.garbage(20):
        for start in (b"", b"{", b'"', b"[", b"\0", b"\1", b"From: a\nTo: b\n\n"):
            recognise(start + value[:size])

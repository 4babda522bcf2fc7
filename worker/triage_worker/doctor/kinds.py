"""Recognises what the value of a record is, by the decoders of the worker and without its settings."""

import codecs
import re
from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple

import orjson
from triage_schemas.input.email_format import decode_email
from triage_schemas.input.fields import without_bom
from triage_schemas.input.registry.frames import Frame, SchemaId, read_frame
from triage_schemas.input.registry.schema import JsonSchema, KnownSchema, UnreadableError, UnusableSchema
from triage_schemas.json_values.exact_json import parse_embedded, parse_exactly
from triage_schemas.messages.message import CustomerMessage, InputShape, Source

Kind = Literal[
    "json", "framed_json", "avro", "protobuf", "email", "text",
    "json_string", "json_list", "xml", "framed", "compressed", "binary", "empty", "null",
]  # fmt: skip
"""What a value can be. Those from ``json_string`` on are no message in any format."""

DESCRIPTIONS: dict[Kind, str] = {
    "json": "JSON objects",
    "framed_json": "JSON objects of a schema registry",
    "avro": "Avro of a schema registry",
    "protobuf": "Protobuf of a schema registry",
    "email": "e-mails with headers (RFC 822)",
    "text": "plain text",
    "json_string": "JSON strings",
    "json_list": "JSON arrays",
    "xml": "XML",
    "framed": "values that name a schema of a registry",
    "compressed": "values that the producer compressed itself",
    "binary": "other bytes",
    "empty": "empty values",
    "null": "null values (tombstones)",
}

Headers = Sequence[tuple[str, bytes | None]]
FindSchema = Callable[[SchemaId], KnownSchema | None]
"""Returns a schema that was fetched; None for any other."""

ANYWHERE = Source("", 0, 0)
MAIL_HEADERS = re.compile(
    rb"^(from|to|subject|date|message-id|received|mime-version|return-path|reply-to|delivered-to)[ \t]*:",
    re.IGNORECASE | re.MULTILINE,
)
LEAST_MAIL_HEADERS = 2
END_OF_HEADERS = re.compile(rb"\r?\n\r?\n")
XML = re.compile(r"\s*(<\?xml\s|<([A-Za-z_][\w:.-]*)(\s[^<>]*)?>.*</\2>\s*\Z)", re.DOTALL)
HTML_ROOT = re.compile(r"\s*<(!doctype html|html|body|div|p|span|table|br|b|i|a)\b", re.IGNORECASE)
COMPRESSED = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd", b"\x04\x22\x4d\x18": "lz4", b"\x78\x9c": "zlib"}
OTHERS = {
    b"\xac\xed\x00\x05": "serialized Java objects",
    b"Obj\x01": "Avro container files",
    b"PK\x03\x04": "ZIP archives",
    codecs.BOM_UTF16_LE: "UTF-16",
    codecs.BOM_UTF16_BE: "UTF-16",
}
READABLE = 0.95
"""The share of a text's characters that can be printed, at least."""


class Recognised(NamedTuple):
    """What a value is.

    Attributes:
        kind: what it is.
        document: its fields, of the kinds that have any, as a JSON parser returns them.
        detail: more about it, such as the schema that it names; of the value it has nothing.
    """

    kind: Kind
    document: dict[str, Any] | None = None
    detail: str = ""


def recognise(value: bytes | None, headers: Headers = (), find_schema: FindSchema = lambda _: None) -> Recognised:
    """Recognise a value. Never raises, whatever the bytes.

    Args:
        value: of the record.
        headers: of the record, one of which can name a schema.
        find_schema: looks up a schema of the registry.
    """
    if value is None:
        return Recognised("null")
    if not value:
        return Recognised("empty")
    frame = read_frame(value, headers)
    if frame is not None:
        return _framed(frame, find_schema(frame.schema_id))
    return _bare(value)


def _bare(value: bytes) -> Recognised:
    plain = without_bom(value)
    if plain.lstrip()[:1] in {b"{", b"[", b'"'} and (found := _json(plain)) is not None:
        return found
    if _is_email(value):
        return Recognised("email")
    for magic, name in COMPRESSED.items():
        if value.startswith(magic):
            return Recognised("compressed", detail=name)
    for magic, name in OTHERS.items():
        if value.startswith(magic):
            return Recognised("binary", detail=name)
    return _text(plain)


def _framed(frame: Frame, schema: KnownSchema | None) -> Recognised:
    named = f"schema {frame.schema_id}"
    if schema is not None and not isinstance(schema, JsonSchema | UnusableSchema):
        try:
            document = schema.read(frame)
        except (UnreadableError, RecursionError):
            return Recognised("framed", detail=f"{named}, which does not read them")
        kind: Kind = "avro" if type(schema).__name__ == "AvroSchema" else "protobuf"
        return Recognised(kind, document if isinstance(document, dict) else None, named)
    found = _json(frame.payload)
    if found is not None and found.kind == "json":
        return found._replace(kind="framed_json", detail=named)
    return Recognised("framed", detail=f"{named}: {schema.problem}" if isinstance(schema, UnusableSchema) else named)


def _json(value: bytes) -> Recognised | None:
    """Read a value as JSON, as tolerantly as the worker does; None if it is none."""
    try:
        document = orjson.loads(value)
    except ValueError:
        try:
            document = parse_exactly(value.decode())
        except (ValueError, RecursionError):
            return None
    if isinstance(document, str):
        embedded = parse_embedded(document)
        is_object = isinstance(embedded, dict)
        return Recognised("json", embedded, "within a string") if is_object else Recognised("json_string")
    if isinstance(document, dict):
        return Recognised("json", document)
    return Recognised("json_list") if isinstance(document, list) else None


def _is_email(value: bytes) -> bool:
    """Whether a value is an e-mail, and not a text that begins with a word and a colon."""
    start = value.lstrip(b"\r\n")
    found = {name.lower() for name in MAIL_HEADERS.findall(END_OF_HEADERS.split(start, maxsplit=1)[0])}
    if len(found) < LEAST_MAIL_HEADERS:
        return False
    decoded = decode_email(value, ANYWHERE, InputShape(format="email"))
    return isinstance(decoded, CustomerMessage) or decoded.code != "not_email"


def _text(value: bytes) -> Recognised:
    try:
        text = value.decode()
    except UnicodeDecodeError:
        return Recognised("binary", detail="text that is not UTF-8" if _is_readable(value.decode("latin-1")) else "")
    if not _is_readable(text):
        return Recognised("binary")
    return Recognised("xml" if XML.match(text) and not HTML_ROOT.match(text) else "text")


def _is_readable(text: str) -> bool:
    printable = sum(character.isprintable() or character in "\t\r\n" for character in text)
    return printable >= READABLE * len(text)

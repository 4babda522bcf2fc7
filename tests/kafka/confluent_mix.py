"""Writes records with Confluent's serializers, in an environment of their own: ``python confluent_mix.py URL COUNT``.

Three versions of an Avro schema, of a Protobuf schema and of a JSON Schema take turns, so nine ids are on one topic.
The text of each record is also in its header ``text``, for whoever compares.
"""

import json
import sys
from base64 import b64encode
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from typing import Any
from uuid import UUID

from confluent_kafka.schema_registry import Schema, SchemaReference, SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroSerializer
from confluent_kafka.schema_registry.json_schema import JSONSerializer
from confluent_kafka.schema_registry.protobuf import ProtobufSerializer
from confluent_kafka.serialization import MessageField, SerializationContext
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, timestamp_pb2

Writer = Callable[[str, str], bytes]
"""Writes a message with an id and a text."""

TEXTS = (
    "where is my parcel",
    "¿Dónde está mi pedido? Lo pedí hace 12 días 📦📦",
    'He said "hello"\n\nand then\tnothing. \\ / {"text": "not this one"}',
    "मेरा पार्सल कहाँ है",
    "  blanks at both ends \u00a0",
    "l'été, naïve façade, e\u0301",
    "我的订单在哪里?" * 40,
    "a very long one. " * 200,
    "0",
)
NO_CHANNEL, CHANNELS = "UNKNOWN", ["UNKNOWN", "EMAIL", "CHAT"]
MOMENT = datetime(2026, 3, 1, 9, tzinfo=UTC)
STRING, ENUM, MESSAGE = 9, 14, 11
OPTIONAL, REPEATED = 1, 3
NESTED, MAP = ".shop.Mail.Body", ".shop.Mail.MetadataEntry"


def field(name: str, kind: Any, **default: Any) -> dict[str, Any]:
    return {"name": name, "type": kind, **default}


def avro_writers(client: SchemaRegistryClient) -> Iterator[Writer]:
    """Three versions of a record; the third one has its body from another subject."""
    text = field("text", "string")
    body = {"type": "record", "name": "Body", "namespace": "shop", "fields": [text]}
    newer = {**body, "fields": [field("subject", ["null", "string"], default=None), field("text", ["null", "string"])]}
    channel = {"type": "enum", "name": "Channel", "symbols": CHANNELS, "default": NO_CHANNEL}
    added = [
        field("channel", channel, default=NO_CHANNEL),
        field("created_at", ["null", {"type": "long", "logicalType": "timestamp-millis"}], default=None),
    ]
    total = {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}
    extras = [
        field("customer_id", ["null", {"type": "string", "logicalType": "uuid"}], default=None),
        field("metadata", {"type": "map", "values": ["string", "long", total]}, default={}),
        field("earlier", {"type": "array", "items": "shop.Body"}, default=[]),
    ]
    client.register_schema("shop.Body", Schema(json.dumps(newer), "AVRO"))
    reference = SchemaReference("shop.Body", "shop.Body", 1)
    versions: list[tuple[list[dict[str, Any]], list[SchemaReference], dict[str, Any]]] = [
        ([field("body", body)], [], {}),
        ([field("body", newer), *added], [], {"channel": "CHAT", "created_at": MOMENT}),
        (
            [*added, *extras, field("body", ["null", "shop.Body"])],
            [reference],
            {
                "customer_id": UUID(int=7),
                "metadata": {"tier": "gold", "orders": 3, "total": Decimal("19.90")},
                "earlier": [{"subject": None, "text": "an earlier one"}],
            },
        ),
    ]
    for fields, references, values in versions:
        record = {"type": "record", "name": "Mail", "namespace": "shop", "fields": [field("message_id", "string")]}
        schema = Schema(json.dumps({**record, "fields": [*record["fields"], *fields]}), "AVRO", references)
        write, context = AvroSerializer(client, schema), SerializationContext("avro-mails", MessageField.VALUE)
        yield partial(write_object, write, context, values)


def write_object(write: Any, context: SerializationContext, values: dict[str, Any], number: str, text: str) -> bytes:
    """Write one message in Avro or JSON."""
    written: bytes = write({"message_id": number, "body": {"text": text}, **values}, context)
    return written


def json_writers(client: SchemaRegistryClient) -> Iterator[Writer]:
    """Three versions of an object."""
    body = {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]}
    more: list[dict[str, Any]] = [{}, {"channel": {"type": "string"}}, {"metadata": {"type": "object"}}]
    values: list[dict[str, Any]] = [{}, {"channel": "CHAT"}, {"metadata": {"tier": "gold", "total": 19.9}}]
    properties: dict[str, Any] = {"message_id": {"type": "string"}, "body": body}
    for added, given in zip(more, values, strict=True):
        properties = {**properties, **added}
        schema = {"title": "Mail", "type": "object", "properties": properties}
        write = JSONSerializer(json.dumps(schema), client)
        context = SerializationContext("json-mails", MessageField.VALUE)
        yield partial(write_object, write, context, given)


def protobuf_writers(client: SchemaRegistryClient) -> Iterator[Writer]:
    """Three versions of a file: with a nested body, with a time, and with the mail as its second message."""
    for version in (1, 2, 3):
        pool = descriptor_pool.DescriptorPool()
        pool.AddSerializedFile(timestamp_pb2.DESCRIPTOR.serialized_pb)
        file = descriptor_pb2.FileDescriptorProto(name="shop/mail.proto", package="shop", syntax="proto3")
        if version == 3:
            file.message_type.add(name="Other").field.add(name="text", number=1, type=STRING, label=OPTIONAL)
        mail = file.message_type.add(name="Mail")
        mail.nested_type.add(name="Body").field.add(name="text", number=1, type=STRING, label=OPTIONAL)
        mail.field.add(name="message_id", number=1, type=STRING, label=OPTIONAL)
        mail.field.add(name="body", number=2, type=MESSAGE, label=OPTIONAL, type_name=NESTED)
        if version > 1:
            file.dependency.append("google/protobuf/timestamp.proto")
            moment = ".google.protobuf.Timestamp"
            mail.field.add(name="created_at", number=3, type=MESSAGE, label=OPTIONAL, type_name=moment)
            channel = file.enum_type.add(name="Channel")
            for number, name in enumerate(CHANNELS):
                channel.value.add(name=name, number=number)
            mail.field.add(name="channel", number=4, type=ENUM, label=OPTIONAL, type_name=".shop.Channel")
        if version == 3:
            entry = mail.nested_type.add(name="MetadataEntry")
            entry.options.map_entry = True
            entry.field.add(name="key", number=1, type=STRING, label=OPTIONAL)
            entry.field.add(name="value", number=2, type=STRING, label=OPTIONAL)
            mail.field.add(name="metadata", number=5, type=MESSAGE, label=REPEATED, type_name=MAP)
        pool.Add(file)
        kind = message_factory.GetMessageClass(pool.FindMessageTypeByName("shop.Mail"))
        write = ProtobufSerializer(kind, client, {"use.deprecated.format": False})
        yield partial(write_protobuf, kind, write, version)


def write_protobuf(kind: Any, write: ProtobufSerializer, version: int, number: str, text: str) -> bytes:
    """Write one message of a version."""
    message = kind(message_id=number)
    message.body.text = text
    if version > 1:
        message.created_at.FromDatetime(MOMENT)
        message.channel = 2
    if version == 3:
        message.metadata["tier"] = "gold"
    written: bytes = write(message, SerializationContext("protobuf-mails", MessageField.VALUE))
    return written


def main(url: str, count: int) -> None:
    client = SchemaRegistryClient({"url": url})
    writers = [*avro_writers(client), *protobuf_writers(client), *json_writers(client)]
    for number in range(count):
        text = f"{TEXTS[number // len(writers) % len(TEXTS)]} {number}"
        value = writers[number % len(writers)](f"m-{number}", text)
        headers = {"text": b64encode(text.encode()).decode()}
        line = {"key": f"k{number % 7}", "value": b64encode(value).decode(), "headers": json.dumps(headers)}
        print(json.dumps(line))


main(sys.argv[1], int(sys.argv[2]))

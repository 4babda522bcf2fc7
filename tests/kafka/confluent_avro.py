"""Writes records with Confluent's serializers, in an environment of their own: ``python confluent_avro.py URL COUNT``.

Three versions of an Avro schema and one of JSON Schema are mixed; every tenth record is plain JSON.
"""

import json
import sys
from base64 import b64encode
from datetime import UTC, datetime
from typing import Any

from confluent_kafka.schema_registry import Schema, SchemaReference, SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroSerializer
from confluent_kafka.schema_registry.json_schema import JSONSerializer
from confluent_kafka.serialization import MessageField, SerializationContext

CHANNEL = {"type": "enum", "name": "shop.Channel", "symbols": ["EMAIL", "CHAT"]}
BODY = {"type": "record", "name": "shop.Body", "fields": [{"name": "text", "type": ["null", "string"]}]}
TIME = {"type": "long", "logicalType": "timestamp-millis"}


def record(name: str, *fields: tuple[str, object]) -> str:
    return json.dumps(
        {"type": "record", "name": name, "fields": [{"name": field, "type": kind} for field, kind in fields]}
    )


def main(url: str, count: int) -> None:
    client = SchemaRegistryClient({"url": url})
    client.register_schema("body", Schema(json.dumps(BODY), "AVRO"))
    reference = SchemaReference("shop.Body", "body", 1)
    first = AvroSerializer(client, record("shop.M1", ("body", BODY)))
    second = AvroSerializer(client, record("shop.M2", ("body", BODY), ("channel", CHANNEL), ("created_at", TIME)))
    text = record("shop.M3", ("body", ["null", "shop.Body"]), ("metadata", {"type": "map", "values": "string"}))
    third = AvroSerializer(client, Schema(text, "AVRO", [reference]))
    schema = {"title": "M4", "type": "object", "properties": {"body": {"type": "object"}}}
    fourth = JSONSerializer(json.dumps(schema), client)
    writers = [("m1", first), ("m2", second), ("m3", third), ("m4", fourth)]
    for number in range(count):
        value: dict[str, Any] = {"body": {"text": f"aa {number}"}, "channel": "CHAT", "metadata": {"tier": "gold"}}
        value["created_at"] = datetime(2026, 3, 1, tzinfo=UTC)
        topic, write = writers[number % 4]
        if topic == "m4":
            del value["created_at"]
        context = SerializationContext(topic, MessageField.VALUE)
        written = json.dumps({"body": value["body"]}).encode() if number % 10 == 9 else write(value, context)
        print(json.dumps({"key": f"k{number % 7}", "value": b64encode(written).decode()}))


main(sys.argv[1], int(sys.argv[2]))

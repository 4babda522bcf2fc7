"""Reads events with Confluent's deserializers, in an environment of their own: ``confluent_events.py URL FORMAT``.

It takes a JSON line for each record, with its topic and value, and prints one with what it read, and whether
Confluent's serializer writes that as the same bytes, by the schema that the registry has.
"""

import json
import sys
from base64 import b64decode
from datetime import datetime
from typing import Any

from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer
from confluent_kafka.schema_registry.json_schema import JSONDeserializer, JSONSerializer
from confluent_kafka.serialization import MessageField, SerializationContext

REGISTERED = {"auto.register.schemas": False, "use.latest.version": True}


def main(url: str, output_format: str) -> None:
    client = SchemaRegistryClient({"url": url})
    serializers: dict[str, Any] = {}
    if output_format == "avro":
        read: Any = AvroDeserializer(client)
    else:
        read = JSONDeserializer(None, schema_registry_client=client)
    for line in sys.stdin:
        record = json.loads(line)
        topic, value = record["topic"], b64decode(record["value"])
        context = SerializationContext(topic, MessageField.VALUE)
        event = read(value, context)
        if topic not in serializers:
            latest = client.get_latest_version(f"{topic}-value").schema.schema_str
            make = AvroSerializer if output_format == "avro" else JSONSerializer
            arguments = (client, latest) if output_format == "avro" else (latest, client)
            serializers[topic] = make(*arguments, conf=REGISTERED)
        again = serializers[topic](event, context)
        same = again == value if output_format == "avro" else again[:5] == value[:5]
        print(json.dumps({"event": event, "same": same}, default=datetime.isoformat))


main(sys.argv[1], sys.argv[2])

"""Writes records with Confluent's Protobuf serializer, in its environment: ``python … URL COUNT``."""

import json
import sys
from base64 import b64encode

from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.protobuf import ProtobufSerializer
from confluent_kafka.serialization import MessageField, SerializationContext
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf import timestamp_pb2 as timestamp

STRING, MESSAGE = descriptor_pb2.FieldDescriptorProto.TYPE_STRING, descriptor_pb2.FieldDescriptorProto.TYPE_MESSAGE


def main(url: str, count: int) -> None:
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(timestamp.DESCRIPTOR.serialized_pb)
    body = descriptor_pb2.FileDescriptorProto(name="shop/body.proto", package="shop", syntax="proto3")
    body.message_type.add(name="Body").field.add(name="text", number=1, type=STRING, label=1)
    pool.Add(body)
    mail = descriptor_pb2.FileDescriptorProto(name="shop/mail.proto", package="shop", syntax="proto3")
    mail.dependency.extend(["shop/body.proto", "google/protobuf/timestamp.proto"])
    mail.message_type.add(name="Other").field.add(name="text", number=1, type=STRING, label=1)
    fields = mail.message_type.add(name="Mail").field
    fields.add(name="body", number=1, type=MESSAGE, label=1, type_name=".shop.Body")
    fields.add(name="created_at", number=2, type=MESSAGE, label=1, type_name=".google.protobuf.Timestamp")
    pool.Add(mail)
    kind = message_factory.GetMessageClass(pool.FindMessageTypeByName("shop.Mail"))
    client = SchemaRegistryClient({"url": url})
    write = ProtobufSerializer(kind, client, {"use.deprecated.format": False})
    for number in range(count):
        message = kind()
        message.body.text = f"aa {number}"
        message.created_at.FromJsonString("2026-03-01T09:00:00Z")
        value = write(message, SerializationContext("mails", MessageField.VALUE))
        print(json.dumps({"key": f"k{number % 7}", "value": b64encode(value).decode()}))


main(sys.argv[1], int(sys.argv[2]))

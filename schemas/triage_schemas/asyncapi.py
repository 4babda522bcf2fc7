"""Generates the AsyncAPI 3.0 document of the topics from the channels and their event types."""

from collections.abc import Mapping
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field
from pydantic.json_schema import models_json_schema

from triage_schemas.avro_schema import avro_schema, first_line
from triage_schemas.channels import CHANNELS, DEAD_LETTERS, INPUT, INTAKE, SERVICES, read_by, written_by
from triage_schemas.cloudevents import CONTENT_TYPE, EVENT_SOURCE
from triage_schemas.events import Event
from triage_schemas.messages.message import Scalar
from triage_schemas.output_formats import CONTENT_TYPES, OutputFormat

API_VERSION = "1.0.0"
AVRO = "application/vnd.apache.avro;version=1.9.0"

INTAKE_HEADERS = {
    "intake-source": "the name of the source that it came from",
    "intake-key": "the key of the message within its source",
}

DEAD_LETTER_HEADERS = {
    "dlq.topic": "where the record was read",
    "dlq.partition": "its partition there",
    "dlq.offset": "its offset there",
    "dlq.error": "stable code of the reason",
    "dlq.message": "the reason in words",
    "dlq.time": "when it became a dead letter, RFC 3339",
    "dlq.version": "version of these headers",
}


class InputMessage(BaseModel):
    """A customer's message, as a producer should write it. Other fields are allowed and ignored."""

    model_config = ConfigDict(title="CustomerMessage", extra="allow")

    text: str = Field(description="the customer's text", min_length=1)
    message_id: str | None = Field(default=None, description="unique id; topic-partition-offset if there is none")
    conversation_id: str | None = None
    customer_id: str | None = None
    channel: str | None = Field(default=None, examples=["chat", "email"])
    language: str | None = None
    created_at: str | None = Field(default=None, description="RFC 3339")
    ticket_id: str | None = Field(default=None, description="id of the helpdesk's ticket that the message belongs to")
    source: str | None = Field(default=None, description="the intake's source; written by the intake")
    metadata: dict[str, Scalar] | None = Field(default=None, description="scalars, for the router's rules")


def document(topics: Mapping[str, str], output_format: OutputFormat = "json") -> str:
    """The AsyncAPI document as YAML.

    Args:
        topics: the topic of each channel, by the channel's name; several separated by commas, or a regular expression
            that begins with ``^``.
        output_format: what events are written in.
    """
    contents = {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Triage",
            "version": API_VERSION,
            "description": "The records on Triage's topics: customer messages in; intents, tickets and alerts out.",
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
        },
        "defaultContentType": CONTENT_TYPE,
        "channels": {channel: _channel(channel, topic) for channel, topic in topics.items()},
        "operations": _operations(),
        "components": {"messages": _messages(output_format), "schemas": _schemas(output_format)},
    }
    return yaml.safe_dump(contents, sort_keys=False, allow_unicode=True, width=120)


def _channel(channel: str, topic: str) -> dict[str, Any]:
    if topic.startswith("^") or "," in topic:
        several = {"address": None, "description": f"the topics {topic}"}
        return {**several, "messages": {channel: {"$ref": f"#/components/messages/{channel}"}}}
    return {
        "address": topic,
        "messages": {channel: {"$ref": f"#/components/messages/{channel}"}},
        "bindings": {"kafka": {"topic": topic, "bindingVersion": "0.5.0"}},
    }


def _operations() -> dict[str, Any]:
    operations: dict[str, Any] = {}
    for service in SERVICES:
        for action, channels in (("receive", read_by(service)), ("send", written_by(service))):
            for name in (channel.name for channel in channels):
                operations[f"{service}.{action}.{name}"] = {
                    "action": action,
                    "channel": {"$ref": f"#/channels/{name}"},
                    "messages": [{"$ref": f"#/channels/{name}/messages/{name}"}],
                }
    return operations


def _messages(output_format: OutputFormat) -> dict[str, Any]:
    messages: dict[str, Any] = {
        INPUT.name: {
            "name": "triage.message",
            "summary": "A customer's message.",
            "payload": {"$ref": "#/components/schemas/CustomerMessage"},
            "bindings": _key(INPUT.key),
        },
        DEAD_LETTERS.name: {
            "name": "triage.dead_letter",
            "summary": "A record that cannot be processed: its value, key and headers unchanged, and the reason.",
            "contentType": "application/octet-stream",
            "headers": _headers({name: {"description": text} for name, text in DEAD_LETTER_HEADERS.items()}),
            "payload": {"description": "the record's value, unchanged"},
            "bindings": _key(DEAD_LETTERS.key),
        },
        INTAKE.name: {
            "name": "triage.received",
            "summary": "A message as the intake received it, perhaps repeatedly: as JSON, or a whole e-mail.",
            "headers": _headers({name: {"description": text} for name, text in INTAKE_HEADERS.items()}),
            "payload": {"$ref": "#/components/schemas/CustomerMessage"},
            "bindings": _key(INTAKE.key),
        },
    }
    for channel in CHANNELS:
        if channel.event is not None:
            messages[channel.name] = _event_message(
                channel.event, channel.key, "json" if channel.always_json else output_format
            )
    return messages


def _event_message(event: type[Event], key: str, output_format: OutputFormat) -> dict[str, Any]:
    message: dict[str, Any] = {
        "name": event.TYPE,
        "summary": first_line(event),
        "headers": _headers(_cloudevent(event, CONTENT_TYPES[output_format])),
        "payload": {"$ref": f"#/components/schemas/{event.__name__}"},
        "bindings": _key(key),
    }
    if output_format != "json":
        # The frame in front of the value, and the subject: the topic's name and "-value".
        message["bindings"]["kafka"] |= {
            "schemaIdLocation": "payload",
            "schemaIdPayloadEncoding": "confluent",
            "schemaLookupStrategy": "TopicNameStrategy",
        }
    if output_format == "avro":
        message["contentType"] = CONTENT_TYPES[output_format]
        message["payload"] = {"schemaFormat": AVRO, "schema": avro_schema(event)}
    return message


def _cloudevent(event: type[Event], content_type: str) -> dict[str, dict[str, Any]]:
    return {
        "ce_specversion": {"const": "1.0"},
        "ce_id": {"description": "the same if the event is repeated"},
        "ce_source": {"const": EVENT_SOURCE},
        "ce_type": {"const": event.TYPE},
        "ce_time": {"format": "date-time"},
        "ce_subject": {"description": "the id of the event's subject"},
        "content-type": {"const": content_type},
    }


def _headers(properties: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    return {
        "type": "object",
        "required": list(properties),
        "properties": {name: {"type": "string", **more} for name, more in properties.items()},
    }


def _key(description: str) -> dict[str, Any]:
    return {"kafka": {"key": {"type": "string", "description": description}, "bindingVersion": "0.5.0"}}


def _schemas(output_format: OutputFormat) -> dict[str, Any]:
    in_json = [channel for channel in CHANNELS if channel.always_json or output_format != "avro"]
    events = [channel.event for channel in in_json if channel.event is not None]
    models: dict[type[BaseModel], None] = dict.fromkeys([InputMessage, *events])  # two channels may share an event type
    _, shared = models_json_schema(
        [(model, "serialization") for model in models], ref_template="#/components/schemas/{model}"
    )
    schemas: dict[str, Any] = shared["$defs"]
    schemas["CustomerMessage"] = schemas.pop("InputMessage")
    return {name: _readers_schema(schema) for name, schema in schemas.items()}


def _readers_schema(schema: dict[str, Any]) -> dict[str, Any]:
    """A type's schema for readers: unknown fields are allowed, since later versions add some. No redundant titles."""
    properties = {
        name: {key: value for key, value in field.items() if key != "title"}
        for name, field in schema["properties"].items()
    }
    shared = {key: value for key, value in schema.items() if key != "additionalProperties"}
    return {**shared, "properties": properties}

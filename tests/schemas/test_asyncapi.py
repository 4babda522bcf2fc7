from typing import Any

import pytest
import yaml
from triage_schemas.asyncapi import InputMessage, document
from triage_schemas.avro_schema import avro_schema
from triage_schemas.cloudevents import event_headers
from triage_schemas.dead_letters import dead_letter_headers
from triage_schemas.events import IntentEvent, LabelEvent, TicketEvent
from triage_schemas.input.decoder import decode
from triage_schemas.messages.message import CustomerMessage, InputShape, Source
from triage_schemas.output_formats import OutputFormat

CHANNELS = ("input", "output", "fallback", "dead_letter", "tickets", "alerts", "review", "labels", "control", "intake")
SOURCE = Source("in", 0, 1)


@pytest.fixture(scope="module")
def contents() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(document({channel: f"my.{channel}" for channel in CHANNELS}))
    return loaded


def references(node: object) -> list[str]:
    if isinstance(node, dict):
        own = [node["$ref"]] if "$ref" in node else []
        return own + [reference for value in node.values() for reference in references(value)]
    return [reference for value in node for reference in references(value)] if isinstance(node, list) else []


def test_every_reference_has_a_target(contents: dict[str, Any]) -> None:
    found = references(contents)
    assert found
    for reference in found:
        node: Any = contents
        for name in reference.removeprefix("#/").split("/"):
            node = node[name]


def test_channels_have_the_topics_names(contents: dict[str, Any]) -> None:
    assert {name: channel["address"] for name, channel in contents["channels"].items()} == {
        channel: f"my.{channel}" for channel in CHANNELS
    }


def test_the_documented_headers_are_the_written_ones(contents: dict[str, Any]) -> None:
    messages = contents["components"]["messages"]
    written = {name for name, _ in event_headers("type", "id", "time", "subject", [])}
    assert set(messages["output"]["headers"]["properties"]) == written
    written = {name for name, _ in dead_letter_headers([], SOURCE, "code", "message", "time")}
    assert set(messages["dead_letter"]["headers"]["properties"]) == written


@pytest.mark.parametrize(
    ("output_format", "content_type"), [("avro", "application/avro"), ("json_schema", "application/json")]
)
def test_events_by_a_registry_say_where_their_schema_is(output_format: OutputFormat, content_type: str) -> None:
    topics = {channel: f"my.{channel}" for channel in CHANNELS}
    contents: dict[str, Any] = yaml.safe_load(document(topics, output_format))
    messages = contents["components"]["messages"]
    for name, kind in (("output", IntentEvent), ("labels", LabelEvent), ("tickets", TicketEvent)):
        message = messages[name]
        assert message["headers"]["properties"]["content-type"]["const"] == content_type
        assert message["bindings"]["kafka"]["schemaIdPayloadEncoding"] == "confluent"
        if output_format == "avro":
            assert message["contentType"] == content_type
            assert message["payload"]["schema"] == avro_schema(kind)
    control = messages["control"]
    assert control["headers"]["properties"]["content-type"]["const"] == "application/json"
    assert "schemaIdLocation" not in control["bindings"]["kafka"], "it stays JSON"
    for reference in references(contents):
        node: Any = contents
        for part in reference.removeprefix("#/").split("/"):
            node = node[part]


def test_a_message_as_documented_is_accepted() -> None:
    value = InputMessage(text="where is it", message_id="m-1", metadata={"tier": "gold"}, extra={"a": 1})
    message = decode(value.model_dump_json().encode(), SOURCE, InputShape())
    assert message == CustomerMessage("where is it", "m-1", metadata={"tier": "gold"})


@pytest.mark.parametrize("topics", ["a, b", "^shop.*"])
def test_several_input_topics_have_no_address(topics: str) -> None:
    loaded = yaml.safe_load(document({"input": topics, "output": "out"}))
    assert loaded["channels"]["input"]["address"] is None
    assert loaded["channels"]["input"]["description"] == f"the topics {topics}"
    assert loaded["channels"]["output"]["address"] == "out"

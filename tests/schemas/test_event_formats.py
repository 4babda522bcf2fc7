"""Every event is read as it was written, in every format, and by versions with fewer and with more fields."""

from collections.abc import Callable
from io import BytesIO
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import Field, ValidationError, create_model
from triage_schemas.avro_schema import avro_schema
from triage_schemas.cloudevents import timestamp
from triage_schemas.encoding import JSON, AvroEncoding, FramedJsonEncoding
from triage_schemas.events import Event, FallbackEvent, IntentEvent, LabelEvent, ReviewEvent
from triage_schemas.input.registry.compiling import compile_schema
from triage_schemas.input.registry.frames import SchemaId
from triage_schemas.input.registry.schema import KnownSchema, UnusableSchema
from triage_schemas.messages.message import CustomerMessage, Source
from triage_schemas.output_formats import schema_of
from triage_schemas.reading import avro_frame, read_event, read_fields
from triage_schemas.records import AuditRequest, IntentWriter, Prediction, Threshold

from tests.schemas.event_strategies import KINDS, events
from tests.schemas.test_records import messages, predictions, sources, thresholds

fastavro = pytest.importorskip("fastavro")

IDS = {kind: number for number, kind in enumerate(KINDS, 1)}
AVRO, FRAMED = AvroEncoding(IDS), FramedJsonEncoding(IDS)
COMPILED = {str(IDS[kind]): compile_schema(schema_of(kind, "avro")) for kind in KINDS}


def known(schema_id: SchemaId) -> KnownSchema:
    return COMPILED.get(schema_id.value, UnusableSchema("unknown_schema", "the registry does not know it"))


@settings(max_examples=50, deadline=None)
@given(st.data())
@pytest.mark.parametrize("kind", KINDS)
def test_every_event_is_read_as_it_was_written(kind: type[Event], data: st.DataObject) -> None:
    event = data.draw(events(kind))
    as_json = kind.read(event.write())
    framed = FRAMED.write(event)
    assert framed == b"\0" + IDS[kind].to_bytes(4) + event.write()
    assert read_event(kind, framed) == as_json
    avro = AVRO.write(event)
    assert avro[:5] == framed[:5]
    again = read_event(kind, avro, (), known)
    assert again == as_json
    assert again.model_fields_set <= set(orjson.loads(event.write())), "what was not set is not set"


def writer(encoding: Any) -> IntentWriter:
    return IntentWriter(
        name="m", version="1", threshold=0.5, descriptions={"A": "a"}, include_text=True, encoding=encoding
    )


@settings(max_examples=60, deadline=None)
@given(messages, sources, predictions, thresholds, st.floats(0, 4e9))
def test_the_workers_writer_writes_the_same_events_in_every_format(
    message: CustomerMessage, source: Source, prediction: Prediction, threshold: Threshold | None, now: float
) -> None:
    at, why = timestamp(now), AuditRequest(0.02, 1.0)
    writes: dict[type[Event], Callable[[IntentWriter], bytes]] = {
        IntentEvent: lambda to: to.accepted(message, source, prediction, at, [], threshold).value,
        FallbackEvent: lambda to: to.fallback(message, source, prediction, at, [], threshold).value,
        ReviewEvent: lambda to: to.audit(message, source, prediction, at, [], Threshold(0.8, 1), why).value,
    }
    for kind, write in writes.items():
        as_json = kind.read(write(writer(JSON)))
        assert read_event(kind, write(writer(FRAMED))) == as_json
        assert read_event(kind, write(writer(AVRO)), (), known) == as_json
        assert read_fields(write(writer(AVRO)), (), known)["message_id"] == message.message_id


SOURCE = {"topic": "in", "partition": 0, "offset": 1}
LABEL = {
    "message_id": "m",
    "conversation_id": None,
    "customer_id": None,
    "channel": None,
    "source": SOURCE,
    "text": "{}",
    "label": "A",
    "decided_by": "human",
    "labelled_at": "2026-03-01T09:00:00.123Z",
}


def label(**more: Any) -> LabelEvent:
    return LabelEvent.read(orjson.dumps(LABEL | more))


def test_an_integer_that_no_avro_type_holds_keeps_its_digits() -> None:
    event = label(metadata={"order": 2**63, "small": 2**63 - 1, "flag": True, "share": 0.5})
    again = read_event(LabelEvent, AVRO.write(event), (), known)
    assert again.metadata == {"order": str(2**63), "small": 2**63 - 1, "flag": True, "share": 0.5}


def test_times_are_milliseconds_for_any_client() -> None:
    payload = AVRO.write(label())[5:]
    read = fastavro.schemaless_reader(BytesIO(payload), fastavro.parse_schema(avro_schema(LabelEvent)), None)
    assert read["labelled_at"].isoformat() == "2026-03-01T09:00:00.123000+00:00"


Newer = create_model(
    "LabelEvent",
    __base__=LabelEvent,
    sentiment=(float | None, Field(default=None, description="how the customer feels")),
    tags=(list[str], Field(default_factory=list)),
    urgent=(bool, False),
)
Newer.TYPE = LabelEvent.TYPE


def resolved(payload: bytes, written: type[Event], read: type[Event]) -> Any:
    """What a client that has the schema of one type reads of what another type wrote."""
    schemas = (fastavro.parse_schema(avro_schema(kind)) for kind in (written, read))
    return fastavro.schemaless_reader(BytesIO(payload), *schemas)


def test_old_readers_read_what_a_version_with_more_fields_writes() -> None:
    event = Newer.read(orjson.dumps(LABEL | {"sentiment": -0.5, "tags": ["a"], "urgent": True}))
    payload = AvroEncoding({Newer: 9}).write(event)
    as_read = resolved(payload[5:], Newer, LabelEvent)
    assert as_read["label"] == "A"
    assert "sentiment" not in as_read
    newer = {"9": compile_schema(schema_of(Newer, "avro"))}
    assert read_event(LabelEvent, payload, (), lambda schema_id: newer[schema_id.value]) == label()


def test_new_readers_read_what_a_version_with_fewer_fields_wrote() -> None:
    as_read = resolved(AVRO.write(label())[5:], LabelEvent, Newer)
    assert (as_read["sentiment"], as_read["tags"], as_read["urgent"]) == (None, [], False)
    again = read_event(Newer, AVRO.write(label()), (), known)
    assert again.model_dump()["sentiment"] is None


@pytest.mark.parametrize("kind", KINDS)
def test_whatever_may_be_missing_has_a_default_in_avro(kind: type[Event]) -> None:
    for field in avro_schema(kind)["fields"]:
        may_be_missing = not kind.model_fields[field["name"]].is_required()
        assert not may_be_missing or "default" in field, field["name"]
        nullable = isinstance(field["type"], list)
        assert not nullable or (field["type"][0], field["default"]) == ("null", None), field["name"]


def test_names_of_types_never_change() -> None:
    """Code is generated from them, and a registry refuses a subject's schema with another name."""
    schemas = [avro_schema(kind) for kind in KINDS]
    assert {f"{schema['namespace']}.{schema['name']}" for schema in schemas} == {
        "triage.events.IntentEvent",
        "triage.events.FallbackEvent",
        "triage.events.ReviewEvent",
        "triage.events.LabelEvent",
        "triage.events.ThresholdEvent",
        "triage.events.TicketEvent",
        "triage.events.AlertEvent",
        "triage.events.ActEvent",
    }
    assert '"enum"' not in str(orjson.dumps(schemas)), "an older reader cannot read a new symbol"


@pytest.mark.parametrize("kind", KINDS)
def test_json_schemas_take_new_values_and_no_unknown_fields(kind: type[Event]) -> None:
    schema = orjson.loads(schema_of(kind, "json_schema").text)
    objects = [schema, *schema.get("definitions", {}).values()]
    assert all(one["additionalProperties"] is False for one in objects)
    assert not any("enum" in field for one in objects for field in one["properties"].values())


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (b"\0\0\0\0\7\2a", "TRIAGE_SCHEMA_REGISTRY_URL"),
        (b"\0\0\0\0\7", "TRIAGE_SCHEMA_REGISTRY_URL"),
    ],
)
def test_avro_without_a_registry_says_which_setting_is_missing(value: bytes, why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        read_event(IntentEvent, value)


@pytest.mark.parametrize("value", [b"", b"{", b"\0", b"\0\0\0\0\0", b"\0\0\0\0\1{", b"null", b"\xff"])
def test_what_is_no_event_is_a_validation_error(value: bytes) -> None:
    with pytest.raises(ValidationError):
        read_event(IntentEvent, value, (), known)


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (b"\0\0\0\0\x63\2a", "does not know"),
        (b"\0" + IDS[IntentEvent].to_bytes(4) + b"\2a", "does not have the shape"),
        (AVRO.write(label()) + b"x", "1 bytes more"),
    ],
)
def test_avro_that_cannot_be_read_says_why(value: bytes, why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        read_event(IntentEvent, value, (), known)


def test_another_event_in_avro_names_the_field_that_is_missing() -> None:
    with pytest.raises(ValidationError, match="intent"):
        read_event(IntentEvent, AVRO.write(label()), (), known)


def test_a_value_is_json_whatever_its_headers_name() -> None:
    event = label()
    headers = [("__value_schema_id", b"\0\0\0\0\1")]
    assert avro_frame(event.write(), headers) is None
    assert read_event(LabelEvent, event.write(), headers) == event

"""Messages that have names in common with change events stay messages, and their dead letters stay dead letters."""

from typing import Any

import orjson
import pytest
from triage_schemas.input.decoder import decode
from triage_schemas.messages.message import CustomerMessage, InputShape, Rejected

from tests.schemas.input.change_events.decoding import ROW, TEXT, outcome
from tests.schemas.input.change_events.formats import FORMATS, debezium
from tests.schemas.input.examples import JSON, SOURCE, accepted


@pytest.mark.parametrize(
    "fields",
    [
        {"before": {"text": TEXT}, "after": {"text": TEXT}, "op": "u"},
        {"before": {"text": TEXT}, "after": {"text": TEXT}, "op": "u", "ts_ms": 1, "source": {"table": "t"}},
        {"type": "delete", "data": {"text": "x"}, "old": {}},
        {"type": "DELETE", "data": [{}], "old": None, "isDdl": False, "database": "d", "table": "t"},
        {"operationType": "delete", "ns": {"db": "d"}, "documentKey": {}},
        {"metadata": {"record-type": "control", "operation": "drop-table"}},
        {"op": "d", "ts_ms": 1},
        {"status": "END", "id": "7", "ts_ms": 1},
        {"ddl": "drop table", "tableChanges": [], "source": {}},
        {"__op": "x"},
        {"__deleted": "false"},
        {"op_type": "D"},
        {"ChangeEventHeader": {"changeType": "DELETE"}},
    ],
)
def test_a_text_beside_the_envelope_is_a_message(fields: dict[str, Any]) -> None:
    assert accepted(orjson.dumps({**fields, "text": TEXT})).text == TEXT


@pytest.mark.parametrize(
    ("path", "document"),
    [
        ("after.text", {"before": {"text": TEXT}, "after": {"text": TEXT}}),
        ("after.text", {"before": {"text": TEXT}, "after": {"text": TEXT}, "op": "u"}),
        ("after.text", {"before": {"text": TEXT}, "after": {"text": TEXT}, "op": "update", "ts_ms": 1}),
        ("after.text", {"before": {"text": TEXT}, "after": {"text": TEXT}, "updated": "2025-11-24"}),
        ("after.text", {"before": {"text": TEXT}, "after": {"text": TEXT}, "op_type": "U"}),
        ("data.text", {"type": "delete", "data": {"text": TEXT}}),
        ("data.text", {"type": "update", "data": {"text": TEXT}, "old": {}}),
        ("data.text", {"type": "update", "data": {"text": TEXT}, "old": {}, "database": "d", "table": "t"}),
        ("data.text", {"metadata": {"operation": "delete"}, "data": {"text": TEXT}}),
        ("data.text", {"headers": {"operation": "DELETE"}, "data": {"text": TEXT}}),
        ("data.0.text", {"type": "DELETE", "data": [{"text": TEXT}, {"text": "b"}], "database": "d", "table": "t"}),
        ("fullDocument.text", {"operationType": "delete", "fullDocument": {"text": TEXT}}),
        ("dynamodb.NewImage.text", {"eventName": "REMOVE", "dynamodb": {"NewImage": {"text": TEXT}}}),
        ("payload.after.text", {"payload": {"after": {"text": TEXT}}, "op": "d", "ts_ms": 1, "before": None}),
        ("payload.text", {"payload": {"text": TEXT, "op": "d", "ts_ms": 1, "before": None, "after": None}}),
        ("before.text", {**debezium(ROW, None), "before": {"text": TEXT}}),
    ],
)
def test_an_incomplete_envelope_is_none(path: str, document: dict[str, Any]) -> None:
    message = decode(orjson.dumps(document), SOURCE, InputShape(text_path=tuple(path.split("."))))
    assert isinstance(message, CustomerMessage), message
    assert message.text == TEXT


@pytest.mark.parametrize("name", FORMATS)
def test_the_text_of_a_nested_document_is_not_an_envelope(name: str) -> None:
    event = FORMATS[name].change(ROW, None)
    assert accepted(orjson.dumps({"text": TEXT, "history": event, "payload": event})).text == TEXT


@pytest.mark.parametrize(
    "path", ["text", "data.text", "payload.text", "payload.body.text", "message.data.text", "after"]
)
def test_null_is_a_dead_letter_on_a_plain_topic(path: str) -> None:
    shape = InputShape(text_path=tuple(path.split(".")))
    assert decode(None, SOURCE, shape) == Rejected("null_value", "the value is null")
    assert outcome(decode(b"null", SOURCE, shape)) == "dead letter: not_object"
    assert outcome(decode(b'{"payload": null}', SOURCE, shape)) == "dead letter: no_text"


def test_null_is_a_dead_letter_in_the_text_format_whatever_the_path() -> None:
    shape = InputShape(format="text", text_path=("payload", "after", "text"))
    assert outcome(decode(None, SOURCE, shape)) == "dead letter: null_value"


@pytest.mark.parametrize(
    "document",
    [
        {"ts_ms": "1"},
        {"ts_ms": 1, "note": "x"},
        {"ts_ms": 1, "n": 2},
        {"ts_us": 1},
        {},
        {"resolved": True},
        {"resolved": "1.0", "id": 1},
        {"status": "BEGIN"},
        {"status": "BEGIN", "id": "7"},
        {"status": "open", "id": "7", "ts_ms": 1},
        {"ddl": "drop table"},
        {"id": "7", "type": "STARTED"},
    ],
)
def test_an_object_without_a_text_stays_a_dead_letter(document: dict[str, Any]) -> None:
    assert outcome(decode(orjson.dumps(document), SOURCE, JSON)) == "dead letter: no_text"


def test_an_operation_without_a_row_stays_a_dead_letter() -> None:
    shape = InputShape(text_path=("after", "text"))
    assert outcome(decode(b'{"op": "d", "ts_ms": 1}', SOURCE, shape)) == "dead letter: no_text"
    assert outcome(decode(b'{"op": "d", "ts_ms": 1, "after": null}', SOURCE, shape)) == "skipped: delete"

"""Updates whose earlier text is known only in part, or is written in an unusual way."""

import base64
import sys
from typing import Any

import orjson
import pytest
from triage_schemas.input.decoder import decode
from triage_schemas.messages.message import CustomerMessage, InputShape
from triage_schemas.messages.placeholders import DEBEZIUM_PLACEHOLDER, placeholder_forms

from tests.schemas.input.change_events.decoding import OTHER, ROW, TEXT, decode_change, decode_event, outcome
from tests.schemas.input.change_events.formats import (
    FORMATS,
    canal,
    cockroachdb,
    debezium,
    debezium_mongodb,
    dms,
    dynamodb,
    goldengate,
    maxwell,
    mongodb,
    qlik,
)
from tests.schemas.input.examples import JSON, SOURCE
from tests.schemas.input.examples import TEXT as TEXT_FORMAT

CLOSED = {**ROW, "status": "closed"}


def without(event: dict[str, Any], field: str) -> dict[str, Any]:
    return {name: value for name, value in event.items() if name != field}


@pytest.mark.parametrize(
    ("row", "event"),
    [
        ("after", {**debezium(ROW, CLOSED), "before": None}),
        ("after", without(debezium(ROW, CLOSED), "before")),
        ("after", {**debezium(ROW, CLOSED), "before": {"id": 7}}),
        ("after", {**debezium(ROW, CLOSED), "before": {"id": 7, "text": None}}),
        ("after", without(goldengate(ROW, CLOSED), "before")),
        ("after", {**cockroachdb(ROW, CLOSED), "before": None}),
        ("data", without(maxwell(ROW, CLOSED), "old")),
        ("data", {**maxwell(ROW, CLOSED), "old": {"text": OTHER}}),
        ("data.0", {**canal(ROW, CLOSED), "old": None}),
        ("data.0", {**canal(ROW, CLOSED), "old": [{"text": OTHER}]}),
        ("data", without(dms(ROW, CLOSED), "before-image")),
        ("data", {**dms(ROW, CLOSED), "before-image": {"id": 7}}),
        ("message.data", {**qlik(ROW, CLOSED), "message": {**qlik(ROW, CLOSED)["message"], "beforeData": None}}),
        ("fullDocument", without(mongodb(ROW, CLOSED), "updateDescription")),
        ("dynamodb.NewImage", {**dynamodb(ROW, CLOSED), "dynamodb": {"Keys": {}, "NewImage": CLOSED}}),
    ],
)
def test_an_update_whose_earlier_text_is_unknown_is_a_message(row: str, event: dict[str, Any]) -> None:
    assert outcome(decode_event(event, row)) == TEXT


@pytest.mark.parametrize(
    ("row", "event"),
    [
        ("after", {**goldengate(ROW, CLOSED), "after": {"id": 7, "status": "closed"}}),
        ("after", {**goldengate(ROW, CLOSED), "before": {"id": 7}, "after": {"id": 7, "status": "closed"}}),
        ("after", {**debezium(ROW, CLOSED), "after": {"id": 7, "status": "closed"}}),
        ("data", {**maxwell(ROW, CLOSED), "data": {"id": 7, "status": "closed"}}),
        ("data.0", {**canal(ROW, CLOSED), "data": [{"id": 7, "status": "closed"}]}),
        ("data", {**without(dms(ROW, CLOSED), "before-image"), "data": {"id": 7, "status": "closed"}}),
        ("fullDocument", {**mongodb(ROW, CLOSED), "fullDocument": None}),
        ("fullDocument", without(mongodb(ROW, CLOSED), "fullDocument")),
        ("after", {**debezium_mongodb(ROW, CLOSED), "after": None, "updateDescription": {"updatedFields": '{"a": 1}'}}),
    ],
)
def test_a_column_that_an_update_leaves_out_is_unchanged(row: str, event: dict[str, Any]) -> None:
    assert outcome(decode_event(event, row)) == "skipped: unchanged"


def test_a_wrong_path_is_a_dead_letter_where_updates_have_every_column() -> None:
    shape = InputShape(text_path=("after", "txt"))
    assert outcome(decode(orjson.dumps(debezium(ROW, CLOSED)), SOURCE, shape)) == "dead letter: no_text"


def test_a_text_that_was_left_out_is_the_one_before_on_request() -> None:
    event = {**goldengate(ROW, CLOSED), "after": {"id": 7, "status": "closed"}}
    message = decode_event(event, "after", skip_unchanged=False)
    assert isinstance(message, CustomerMessage)
    assert (message.text, message.conversation_id) == (TEXT, "c-1")
    assert outcome(decode_event({**event, "before": {"id": 7}}, "after", skip_unchanged=False)) == "skipped: unchanged"


def test_only_the_exact_text_is_the_same() -> None:
    for text in (TEXT.upper(), TEXT + " ", "x" + TEXT, "wo ist mein Päckchen", "wo ist mein Pa\u0308ckchen"):
        assert outcome(decode_change("debezium", {**ROW, "text": "wo ist mein Paket"}, {**ROW, "text": text})) == text


@pytest.mark.parametrize("name", FORMATS)
def test_a_text_that_is_not_a_string_is_a_dead_letter(name: str) -> None:
    assert outcome(decode_change(name, ROW, {**ROW, "text": 5})) == "dead letter: text_not_string"


def test_a_text_within_a_column_is_compared() -> None:
    shape = InputShape(text_path=("after", "body", "text"))
    before, after = {"body": {"text": TEXT}, "n": 1}, {"body": {"text": TEXT}, "n": 2}
    assert outcome(decode(orjson.dumps(debezium(before, after)), SOURCE, shape)) == "skipped: unchanged"
    after["body"] = {"text": OTHER}
    assert outcome(decode(orjson.dumps(debezium(before, after)), SOURCE, shape)) == OTHER
    after["body"] = {}
    assert outcome(decode(orjson.dumps(debezium(before, after)), SOURCE, shape)) == "skipped: no_text"
    assert outcome(decode(orjson.dumps(debezium({"n": 1}, after)), SOURCE, shape)) == "dead letter: no_text"
    shape = InputShape(text_path=("data", "body", "text"))
    assert outcome(decode(orjson.dumps(maxwell(before, after)), SOURCE, shape)) == "skipped: no_text"
    assert (
        outcome(decode(orjson.dumps(maxwell({"n": 1}, {"n": 2, "body": {}})), SOURCE, shape)) == "dead letter: no_text"
    )
    after["body"] = {"text": OTHER}
    event = {**maxwell(before, after), "old": {"body": {}}}
    assert outcome(decode(orjson.dumps(event), SOURCE, shape)) == OTHER
    as_strings = [{"body": orjson.dumps(row["body"]).decode(), "n": row["n"]} for row in (before, before)]
    as_strings[1]["n"] = 3
    event = maxwell(as_strings[0], as_strings[1])
    assert outcome(decode(orjson.dumps(event), SOURCE, shape)) == "skipped: unchanged"


@pytest.mark.parametrize(
    ("index", "before", "after", "expected"),
    [
        ("-1", ["a"], ["a", "b"], "b"),
        ("-1", ["a"], ["a", "a"], "a"),
        ("-1", ["a", "b"], ["a", "b"], "skipped: unchanged"),
        ("-1", ["a", "b"], ["a"], "a"),
        ("0", ["a"], ["a", "b"], "skipped: unchanged"),
        ("0", ["a"], ["b", "a"], "b"),
        ("0", ["a", "x"], ["a", "a", "x"], "a"),
        ("0", ["a", "b"], ["a"], "skipped: unchanged"),
    ],
)
@pytest.mark.parametrize("name", ["debezium", "maxwell", "canal", "mongodb_with_before"])
def test_a_new_entry_of_a_list_is_a_message(
    name: str, index: str, before: list[str], after: list[str], expected: str
) -> None:
    rows = [{"thread": [{"text": text} for text in texts]} for texts in (before, after)]
    if name in ("maxwell", "canal"):
        rows[0]["n"], rows[1]["n"] = [{"text": "1"}], [{"text": "2"}]
    chosen = FORMATS[name]
    shape = InputShape(text_path=(*chosen.row.split("."), "thread", index, "text"))
    assert outcome(decode(orjson.dumps(chosen.change(rows[0], rows[1])), SOURCE, shape)) == expected


@pytest.mark.parametrize(
    ("updated", "expected"),
    [
        ({"thread.1": {"text": "b"}}, "b"),
        ({"thread": [{"text": "a"}, {"text": "b"}]}, "b"),
        ({"thread.1.text": "b"}, "b"),
        ({"thread.1.read": True}, "skipped: unchanged"),
        ({"thread.0.text": "a"}, "skipped: unchanged"),
        ({"thread.10": {}}, "skipped: unchanged"),
        ({"threads": 1}, "skipped: unchanged"),
        ({}, "skipped: unchanged"),
    ],
)
def test_mongodb_lists_what_changed(updated: dict[str, Any], expected: str) -> None:
    document = {"thread": [{"text": "a"}, {"text": "b"}]}
    event = {**mongodb(None, document), "operationType": "update", "updateDescription": {"updatedFields": updated}}
    shape = InputShape(text_path=("fullDocument", "thread", "-1", "text"))
    assert outcome(decode(orjson.dumps(event), SOURCE, shape)) == expected


@pytest.mark.parametrize("updated", [{"body.text": OTHER}, {"body": {"text": OTHER}}])
def test_mongodb_without_the_document_gives_the_new_text(updated: dict[str, Any]) -> None:
    event = {**mongodb(ROW, CLOSED), "fullDocument": None, "updateDescription": {"updatedFields": updated}}
    shape = InputShape(text_path=("fullDocument", "body", "text"))
    assert outcome(decode(orjson.dumps(event), SOURCE, shape)) == OTHER
    assert outcome(decode(orjson.dumps({**event, "fullDocument": {"_id": 7}}), SOURCE, shape)) == OTHER
    event["updateDescription"] = {"updatedFields": {}, "removedFields": ["body"]}
    assert outcome(decode(orjson.dumps(event), SOURCE, shape)) == "skipped: no_text"


def test_mongodb_without_the_document_gives_a_new_entry_of_a_list() -> None:
    event = {**mongodb(ROW, CLOSED), "updateDescription": {"updatedFields": {"thread.1": {"text": "b"}}}}
    shape = InputShape(text_path=("fullDocument", "thread", "-1", "text"))
    assert outcome(decode(orjson.dumps({**event, "fullDocument": None}), SOURCE, shape)) == "b"


def test_a_record_with_several_rows_is_read_at_the_row_with_a_new_text() -> None:
    event = canal(ROW, CLOSED)
    rows = [CLOSED, {**ROW, "text": OTHER, "conversation_id": "c-2"}]
    event |= {"data": rows, "old": [{"status": "open"}, {"text": "before"}]}
    message = decode_event(event, "data.0")
    assert isinstance(message, CustomerMessage)
    assert (message.text, message.conversation_id) == (OTHER, "c-2")
    assert outcome(decode_event({**event, "old": [{"status": "open"}] * 2}, "data.0")) == "skipped: unchanged"
    assert outcome(decode_event({**event, "old": [{"text": "a"}, {"text": "b"}]}, "data.0")) == (
        "dead letter: several_messages"
    )
    assert outcome(decode_event({**event, "type": "DELETE"}, "data.0")) == "skipped: delete"
    inserted = {**event, "type": "INSERT", "old": None}
    assert outcome(decode_event(inserted, "data.0")) == "dead letter: several_messages"
    assert outcome(decode_event({**inserted, "data": [{**ROW, "text": None}, ROW]}, "data.0")) == TEXT
    assert outcome(decode_event({**inserted, "data": [{}, {}]}, "data.0")) == "dead letter: no_text"


@pytest.mark.parametrize("payload", [False, True])
@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({**ROW, "__deleted": "false", "__op": "c"}, TEXT),
        ({**ROW, "__op": "r"}, TEXT),
        ({**ROW, "__op": "u"}, TEXT),
        ({**ROW, "__deleted": "true"}, "skipped: delete"),
        ({**ROW, "__deleted": True}, "skipped: delete"),
        ({**ROW, "text": None, "__deleted": "true"}, "skipped: delete"),
        ({"id": 7, "__op": "d"}, "skipped: delete"),
        ({"__op": "t"}, "skipped: truncate"),
        ({**ROW, "__op": "u", "text": DEBEZIUM_PLACEHOLDER}, "skipped: unchanged"),
        ({**ROW, "__op": "c", "text": DEBEZIUM_PLACEHOLDER}, "dead letter: no_text"),
        ({**ROW, "text": DEBEZIUM_PLACEHOLDER}, "dead letter: no_text"),
        ({**ROW, "__op": "u", "text": None}, "skipped: no_text"),
        ({**ROW, "__op": "c", "text": None}, "dead letter: text_not_string"),
        ({**ROW, "op_type": "I", "table": "T", "op_ts": "2025-11-24"}, TEXT),
        ({**ROW, "op_type": "D", "table": "T", "op_ts": "2025-11-24"}, "skipped: delete"),
        ({"id": 7, "op_type": "U", "table": "T", "op_ts": "2025-11-24"}, "skipped: unchanged"),
        ({**ROW, "ChangeEventHeader": {"entityName": "Case", "changeType": "CREATE"}}, TEXT),
        ({**ROW, "ChangeEventHeader": {"entityName": "Case", "changeType": "DELETE"}}, "skipped: delete"),
        ({**ROW, "ChangeEventHeader": {"entityName": "Case", "changeType": "GAP_UPDATE"}}, "skipped: control"),
        (
            {
                "text": None,
                "ChangeEventHeader": {"entityName": "C", "changeType": "UPDATE", "changedFields": ["status"]},
            },
            "skipped: unchanged",
        ),
        ({**ROW, "ChangeEventHeader": {"entityName": "C", "changeType": "UPDATE", "changedFields": ["text"]}}, TEXT),
    ],
)
def test_a_row_without_an_envelope_can_say_what_happened(payload: bool, row: dict[str, Any], expected: str) -> None:
    value, path = ({"schema": {}, "payload": row}, ("payload", "text")) if payload else (row, ("text",))
    assert outcome(decode(orjson.dumps(value), SOURCE, InputShape(text_path=path))) == expected


@pytest.mark.parametrize(
    "text",
    [
        DEBEZIUM_PLACEHOLDER,
        base64.b64encode(DEBEZIUM_PLACEHOLDER.encode()).decode(),
        DEBEZIUM_PLACEHOLDER.encode().hex(),
    ],
)
def test_a_placeholder_is_no_value(text: str) -> None:
    document = {"text": text, "message_id": text, "customer_id": text, "channel": text, "metadata": {"a": text, "b": 1}}
    assert outcome(decode(orjson.dumps(document), SOURCE, JSON)) == "dead letter: no_text"
    message = decode(orjson.dumps({**document, "text": TEXT, "conversation_id": text}), SOURCE, JSON)
    assert message == CustomerMessage(TEXT, "customer.messages-3-1042", metadata={"b": 1})
    assert outcome(decode(text.encode(), SOURCE, TEXT_FORMAT)) == "dead letter: no_text"


def test_placeholders_can_be_chosen() -> None:
    mine = placeholder_forms(["<unset>", "??"])
    after = {**CLOSED, "text": "<unset>"}
    assert outcome(decode_event(debezium(ROW, after), "after", placeholders=mine)) == "skipped: unchanged"
    assert outcome(decode_event(debezium(ROW, after), "after")) == "<unset>"
    for encoded in ("Pz8+", "Pz8-", "3f3f3e"):
        left_out = debezium(ROW, {**CLOSED, "text": encoded})
        forms = placeholder_forms(["??>"])
        assert outcome(decode_event(left_out, "after", placeholders=forms)) == "skipped: unchanged"
        assert outcome(decode_event(left_out, "after")) == encoded
    other = {**CLOSED, "text": DEBEZIUM_PLACEHOLDER}
    assert outcome(decode_event(debezium(ROW, other), "after", placeholders=mine)) == DEBEZIUM_PLACEHOLDER


def test_a_document_that_is_encoded_twice_is_read() -> None:
    event = debezium(ROW, CLOSED)
    assert outcome(decode_event(orjson.dumps(event).decode(), "after")) == "skipped: unchanged"
    assert outcome(decode_event(orjson.dumps({"after": ROW}).decode(), "after")) == TEXT


def test_texts_that_are_nested_too_deeply_to_be_compared_are_dead_letters() -> None:
    deep = b'{"a":' * 1_000 + b"1" + b"}" * 1_000
    value = b'{"op":"u","ts_ms":1,"before":{"text":' + deep + b'},"after":{"text":' + deep + b"}}"
    assert outcome(decode(value, SOURCE, InputShape(text_path=("after", "text")))) == "dead letter: text_not_string"
    embedded = orjson.dumps({"after": "[" * 2_000})
    assert outcome(decode(embedded, SOURCE, InputShape(text_path=("after", "text")))) == "dead letter: no_text"
    value = b'{"op":"u","ts_ms":1,"before":{"text":["a",%s]},"after":{"text":["a",%s,1]}}' % (deep, deep)
    compared = sys.version_info >= (3, 12)  # this depth is too much for Python 3.11 alone
    expected = "skipped: unchanged" if compared else "a"
    assert outcome(decode(value, SOURCE, InputShape(text_path=("after", "text", "0")))) == expected

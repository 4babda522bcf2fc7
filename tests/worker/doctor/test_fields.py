"""The fields of documents, and where in them a message can be."""

import json
from typing import Any

from triage_worker.doctor.fields import View, collect, view_of

from tests.worker.doctor import payloads


def views(*documents: dict[str, Any]) -> list[View]:
    return [view for document in documents if (view := view_of(document)) is not None]


def names(*documents: dict[str, Any]) -> list[str]:
    return [field.name for field in collect(views(*documents))]


def test_paths_are_those_of_the_settings_in_the_order_of_the_documents() -> None:
    documents: list[dict[str, Any]] = [{"a": {"b": 1, "c": "x"}}, {"a": {"c": None, "d": True}}, {"flat.name": 2}]
    fields = {field.name: field for field in collect(views(*documents))}
    assert list(fields) == ["a.b", "a.c", "a.d", "flat.name"]
    assert fields["a.c"].values == ["x"]
    assert fields["a.c"].types == ["null", "string"]
    assert fields["a.d"].documents == [1]


def test_a_string_that_holds_json_has_fields_and_numbers_keep_their_digits() -> None:
    fields = collect(views({"payload": json.dumps({"text": "hi", "id": 12345678901234567890})}))
    assert {field.name: field.values for field in fields} == {
        "payload.text": ["hi"],
        "payload.id": ["12345678901234567890"],
    }


def test_of_a_list_one_entry_is_read_which_is_the_newest() -> None:
    rising = [{"at": "2026-01-01T10:00:00Z", "body": "a"}, {"at": "2026-01-02T10:00:00Z", "body": "b"}]
    assert names({"thread": rising}) == ["thread.-1.at", "thread.-1.body"]
    assert names({"thread": rising[::-1]}) == ["thread.0.at", "thread.0.body"]
    assert names({"thread": rising[:1]}) == ["thread.0.at", "thread.0.body"]
    assert names({"messages": [{"role": "bot", "content": "a"}, {"role": "user", "content": "b"}]})[0].startswith(
        "messages.-1."
    )
    assert names({"tags": ["vip", "eu"]}) == ["tags.0"]


def test_of_a_change_event_the_row_as_it_is_now_has_the_fields_and_a_deletion_has_none() -> None:
    documents = [payloads.debezium(number, "hi") for number in range(6)]
    found = views(*documents)
    assert len(found) == 5
    assert {view.change_log for view in found} == {"Debezium"}
    assert all(field.name.startswith("payload.after.") for field in collect(found))
    (canal,) = views(payloads.canal(1, "hi"))
    assert [field.name for field in collect([canal])] == ["data.0.id", "data.0.conversation_id", "data.0.content"]
    assert "dynamodb.NewImage.text.S" in names(payloads.dynamodb(1, "hi"))
    assert "after.thread.id" in names(payloads.debezium_mongodb(1, "hi"))


def test_a_schema_beside_the_payload_is_no_message() -> None:
    assert names({"schema": {"type": "struct"}, "payload": {"text": "hi"}}) == ["payload.text"]


def test_deep_wide_and_odd_documents_are_read_as_far_as_it_makes_sense() -> None:
    deep: dict[str, Any] = {"text": "hi"}
    for _ in range(50):
        deep = {"a": deep}
    assert collect(views(deep)) == []
    assert len(collect(views({str(number): number for number in range(9_000)}))) == 2_000
    assert names({"": 1, ".": 2, "a..b": 3, "empty": {}, "none": [], "fine": 4}) == ["fine"]

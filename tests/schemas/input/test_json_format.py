import json

import pytest
from triage_schemas.input.decoder import decode
from triage_schemas.messages.message import CustomerMessage, InputShape, Rejected

from tests.schemas.input.examples import JSON, NESTED, SOURCE, accepted


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (None, "null_value"),
        (b"", "empty_value"),
        (b'{"text": "' + b"a" * 2_000_000 + b'"}', "too_large"),
        (b'{"text": "' + b"a" * 65_537 + b'"}', "text_too_large"),
        ('{"text": "' + "ü" * 40_000 + '"}', "text_too_large"),
        (b"\xff\xfe\x00", "not_utf8"),
        (b'{"text": "caf\xe9"}', "not_utf8"),
        (b'{"text": "\xed\xa0\x80"}', "not_utf8"),
        (b"where is my parcel", "not_json"),
        (b'{"text": "cut of', "not_json"),
        (b'{"text": "a"} trailing', "not_json"),
        (b'{"text": "a", "score": NaN}', "not_json"),
        (b'{"text": "a", "n": ' + b"9" * 5_000 + b"x}", "not_json"),
        (b" ", "not_json"),
        (b"[" * 100_000, "too_deep"),
        (b'{"a":' * 100_000, "too_deep"),
        (b'{"text": "a", "x": ' + b"[" * 50_000 + b"]" * 50_000 + b"}", "too_deep"),
        (b"[]", "not_object"),
        (b'"text"', "not_object"),
        (b"null", "not_object"),
        (b"12", "not_object"),
        (b"true", "not_object"),
        (b"{}", "no_text"),
        (b'{"Text": "a"}', "no_text"),
        (b'{"text": null}', "text_not_string"),
        (b'{"text": 5}', "text_not_string"),
        (b'{"text": ["a"]}', "text_not_string"),
        (b'{"text": {"text": "a"}}', "text_not_string"),
        (b'{"text": ""}', "text_blank"),
        (b'{"text": " \\n\\t\\u00a0"}', "text_blank"),
        (b'{"text": "broken \\ud83d"}', "lone_surrogate"),
        (b'{"text": "\\udc00"}', "lone_surrogate"),
    ],
)
def test_bad_values_have_stable_codes(value: bytes | str | None, code: str) -> None:
    rejected = decode(value.encode() if isinstance(value, str) else value, SOURCE, JSON)
    assert isinstance(rejected, Rejected)
    assert rejected.code == code


def test_a_rejection_contains_nothing_of_the_text() -> None:
    rejected = decode(b'{"text": "my card is 4111 1111', SOURCE, JSON)
    assert isinstance(rejected, Rejected)
    assert "4111" not in rejected.message


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (b'{"text": "where\\u0000 is\\u0007 it"}', "where\x00 is\x07 it"),
        (b'{"text": "where\x00 is\x07\n it"}', "where\x00 is\x07\n it"),
        (b'\xef\xbb\xbf{"text": "with a BOM"}', "with a BOM"),
        (b'{"text": "first", "text": "last"}', "last"),
        (b'{"text": "kept", "x": "\\ud800"}', "kept"),
        (b'{"text": "kept", "n": 99999999999999999999999999}', "kept"),
        ('{"text": "😀 ok"}'.encode(), "😀 ok"),
        (b'{"text": "\\ud83d\\ude00 ok"}', "😀 ok"),
    ],
)
def test_unusual_values_are_accepted(value: bytes, text: str) -> None:
    assert accepted(value).text == text


def test_known_fields_are_read_and_unknown_ones_ignored() -> None:
    value = {
        "text": "where is it",
        "message_id": "m-1",
        "conversation_id": "c-1",
        "customer_id": "u-1",
        "channel": "chat",
        "language": "en",
        "created_at": "2025-11-24T10:00:00Z",
        "metadata": {"tier": "gold", "orders": 3, "vip": True, "tags": ["a"], "none": None},
        "unknown": {"field": 1},
    }
    assert accepted(json.dumps(value).encode()) == CustomerMessage(
        "where is it",
        "m-1",
        "c-1",
        "u-1",
        "chat",
        "en",
        "2025-11-24T10:00:00Z",
        {"tier": "gold", "orders": 3, "vip": True},
    )


@pytest.mark.parametrize(
    ("given_id", "read"),
    [
        ("7", "7"),
        (7, "7"),
        (None, "customer.messages-3-1042"),
        ("", "customer.messages-3-1042"),
        (True, "customer.messages-3-1042"),
        (["m"], "customer.messages-3-1042"),
        ("x" * 5_000, "customer.messages-3-1042"),
    ],
)
def test_a_message_always_has_an_id(given_id: object, read: str) -> None:
    assert accepted(json.dumps({"text": "a", "message_id": given_id}).encode()).message_id == read


def test_the_text_is_found_by_its_path() -> None:
    assert accepted(b'{"payload": {"body": {"text": "deep"}}, "text": "not me"}', NESTED).text == "deep"


@pytest.mark.parametrize(
    ("path", "document"),
    [
        ("messages.0.body", {"messages": [{"body": "this"}, {"body": "not this"}]}),
        ("messages.-1.body", {"messages": [{"body": "not this"}, {"body": "this"}]}),
        ("messages.0.body", {"messages": {"0": {"body": "this"}}}),
        ("payload.body.text", {"payload.body.text": "this"}),
        ("payload.body.text", {"payload": {"body.text": "this"}}),
    ],
)
def test_a_path_leads_through_lists_and_flattened_documents(path: str, document: object) -> None:
    shape = InputShape(text_path=tuple(path.split(".")))
    assert accepted(json.dumps(document).encode(), shape).text == "this"


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        ({"payload": {"body": "secret"}}, "'payload.body' is a JSON string, and has no 'text'"),
        ({"payload": {"body": ["secret"]}}, "'payload.body' is a JSON array of 1, and has no entry 'text'"),
        ({"payload": {"secret": 1}}, "'payload' has no 'body'"),
        ({"payload": None}, "'payload' is a JSON null, and has no 'body'"),
        ({"secret": "a"}, "the object has no 'payload'"),
    ],
)
def test_a_path_without_a_value_is_rejected_with_the_place_where_it_ends(document: object, reason: str) -> None:
    rejected = decode(json.dumps(document).encode(), SOURCE, NESTED)
    assert rejected == Rejected("no_text", f"there is no field payload.body.text: {reason}")


@pytest.mark.parametrize(("given_id", "read"), [("12", "12"), (12, "12"), (None, None), ({"id": 1}, None)])
def test_the_conversation_is_found_by_its_path(given_id: object, read: str | None) -> None:
    shape = InputShape(conversation_path=("ticket", "id"))
    value = {"text": "a", "conversation_id": "not this", "ticket": {"id": given_id}}
    assert accepted(json.dumps(value).encode(), shape).conversation_id == read
    assert accepted(b'{"text": "a"}', shape).conversation_id is None


def test_json_after_a_schema_registrys_header_is_read() -> None:
    assert accepted(b'\0\0\0\0\7{"text": "framed"}').text == "framed"
    rejected = decode(b"\0\0\0\0\7\x02\x1ewhere is my parcel", SOURCE, JSON)
    assert isinstance(rejected, Rejected)
    assert (rejected.code, "schema registry" in rejected.message) == ("not_json", True)
    rejected = decode(b'\0\0\0\0\7{"text": " "}', SOURCE, JSON)
    assert isinstance(rejected, Rejected)
    assert rejected.code == "text_blank"


def test_a_subject_is_put_above_the_text_and_kept() -> None:
    shape = InputShape(text_path=("mail", "text"), subject_path=("mail", "subject"))
    message = accepted(b'{"mail": {"text": "please", "subject": " refund\\nfor 5512 "}, "metadata": {"a": 1}}', shape)
    assert message.text == "Subject: refund for 5512\n\nplease"
    assert message.metadata == {"subject": "refund for 5512", "a": 1}
    for subject in (b"null", b"7", b'""', b'"  "'):
        value = b'{"mail": {"text": "please", "subject": ' + subject + b"}}"
        assert accepted(value, shape) == CustomerMessage("please", "customer.messages-3-1042")
    assert accepted(b'{"mail": {"text": "please"}}', shape).text == "please"


@pytest.mark.parametrize(
    ("path", "document", "read"),
    [
        ((), {"ticket_id": 1042}, "1042"),
        ((), {"ticket_id": "abc"}, "abc"),
        ((), {"ticket_id": {"id": 1}}, None),
        ((), {}, None),
        (("ticket", "id"), {"ticket": {"id": 12345678901234567890}, "ticket_id": "other"}, "12345678901234567890"),
    ],
)
def test_the_helpdesks_ticket_is_found(path: tuple[str, ...], document: object, read: str | None) -> None:
    value = json.dumps({"text": "hello", **document}).encode()  # type: ignore[dict-item]
    found = decode(value, SOURCE, InputShape(ticket_path=path))
    assert isinstance(found, CustomerMessage)
    assert found.helpdesk_ticket_id == read

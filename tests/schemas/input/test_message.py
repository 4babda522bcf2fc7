import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from triage_schemas.input.message import CustomerMessage, InputShape, Rejected, RejectionCode, Source, decode

SOURCE = Source("customer.messages", 3, 1042)
JSON = InputShape()
TEXT = InputShape(format="text")
NESTED = InputShape(text_path=("payload", "body", "text"))


def accepted(value: bytes, shape: InputShape = JSON) -> CustomerMessage:
    message = decode(value, SOURCE, shape)
    assert isinstance(message, CustomerMessage), message
    return message


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
        (b'{"text": "a", "n": ' + b"9" * 5_000 + b"}", "not_json"),
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
def test_bad_values_have_stable_codes(value: bytes | str | None, code: RejectionCode) -> None:
    rejected = decode(value.encode() if isinstance(value, str) else value, SOURCE, JSON)
    assert isinstance(rejected, Rejected)
    assert rejected.code == code


@pytest.mark.parametrize(("value", "code"), [(b"\xff", "not_utf8"), (b"  \n", "text_blank"), (b"", "empty_value")])
def test_bad_bare_texts(value: bytes, code: RejectionCode) -> None:
    rejected = decode(value, SOURCE, TEXT)
    assert isinstance(rejected, Rejected)
    assert rejected.code == code


def test_a_reason_carries_nothing_of_the_text() -> None:
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
def test_what_is_no_reason_to_refuse(value: bytes, text: str) -> None:
    assert accepted(value).text == text


def test_known_fields_are_read_and_unknown_ones_left_alone() -> None:
    value = {
        "text": "where is it",
        "message_id": "m-1",
        "conversation_id": "c-1",
        "customer_id": "u-1",
        "channel": "chat",
        "language": "en",
        "created_at": "2025-11-24T10:00:00Z",
        "metadata": {"tier": "gold", "orders": 3, "vip": True, "tags": ["a"], "none": None},
        "somebody_elses": {"field": 1},
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
def test_lists_and_flattened_documents_have_a_way_to_the_text(path: str, document: object) -> None:
    shape = InputShape(text_path=tuple(path.split(".")))
    assert accepted(json.dumps(document).encode(), shape).text == "this"


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        ({"payload": {"body": "hush"}}, "'payload.body' is a JSON string, and has no 'text'"),
        ({"payload": {"body": ["hush"]}}, "'payload.body' is a JSON array of 1, and has no entry 'text'"),
        ({"payload": {"hush": 1}}, "'payload' has no 'body'"),
        ({"payload": None}, "'payload' is a JSON null, and has no 'body'"),
        ({"hush": "a"}, "the object has no 'payload'"),
    ],
)
def test_a_path_that_leads_nowhere_is_no_text_and_says_where_it_ends(document: object, reason: str) -> None:
    rejected = decode(json.dumps(document).encode(), SOURCE, NESTED)
    assert rejected == Rejected("no_text", f"there is no field payload.body.text: {reason}")


@pytest.mark.parametrize(("place", "read"), [("12", "12"), (12, "12"), (None, None), ({"id": 1}, None)])
def test_the_conversation_is_found_by_its_path(place: object, read: str | None) -> None:
    shape = InputShape(conversation_path=("ticket", "id"))
    value = {"text": "a", "conversation_id": "not this", "ticket": {"id": place}}
    assert accepted(json.dumps(value).encode(), shape).conversation_id == read
    assert accepted(b'{"text": "a"}', shape).conversation_id is None


def test_json_is_read_behind_the_id_of_its_schema() -> None:
    assert accepted(b'\0\0\0\0\7{"text": "framed"}').text == "framed"
    rejected = decode(b"\0\0\0\0\7\x02\x1ewhere is my parcel", SOURCE, JSON)
    assert isinstance(rejected, Rejected)
    assert (rejected.code, "schema registry" in rejected.message) == ("not_json", True)
    rejected = decode(b'\0\0\0\0\7{"text": " "}', SOURCE, JSON)
    assert isinstance(rejected, Rejected)
    assert rejected.code == "text_blank"


def test_bare_text_is_taken_as_it_is() -> None:
    message = accepted(b'{"text": "not parsed"}', TEXT)
    assert (message.text, message.message_id) == ('{"text": "not parsed"}', "customer.messages-3-1042")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(exclude_categories=())),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)
FIELDS = st.sampled_from(["text", "message_id", "conversation_id", "metadata", "channel", "other"])


@given(st.one_of(st.none(), st.binary(max_size=200)), st.sampled_from([JSON, TEXT, NESTED]))
def test_no_bytes_raise(value: bytes | None, shape: InputShape) -> None:
    assert isinstance(decode(value, SOURCE, shape), CustomerMessage | Rejected)


@given(st.dictionaries(FIELDS, json_values), st.booleans())
def test_whatever_is_read_can_be_written(document: dict[str, object], ascii_only: bool) -> None:
    value = json.dumps(document, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
    message = decode(value, SOURCE, JSON)
    if isinstance(message, CustomerMessage):
        assert message.text == document["text"]
        names = [message.message_id, message.conversation_id, message.customer_id, message.channel]
        for name in [*names, *message.metadata]:
            assert name is None or name.encode().decode() == name
        assert json.loads(json.dumps(message.metadata, allow_nan=False)) == message.metadata


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(lambda text: not text.isspace()))
def test_every_good_text_is_read(text: str) -> None:
    assert accepted(json.dumps({"text": text}).encode()).text == text

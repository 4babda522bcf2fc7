"""Fields that are in a header or in the key, and texts that are joined."""

import orjson
import pytest
from triage_schemas.input.decoder import decode
from triage_schemas.messages.message import CustomerMessage, Decoded, InputShape, Rejected, Skipped, Source

SOURCE = Source("shop.chat", 2, 7)
HEADERS: list[tuple[str, bytes | None]] = [
    ("text", b"Wo ist mein Paket?"),
    ("language", b"fr"),
    ("language", b"de"),
    ("empty", None),
    ("latin", b"\xe9"),
]


def read(shape: InputShape, value: bytes | None, *, key: bytes | None = None) -> Decoded:
    return decode(value, SOURCE, shape, HEADERS, key=key)


def text_of(shape: InputShape, value: bytes | None, *, key: bytes | None = None) -> str:
    found = read(shape, value, key=key)
    assert isinstance(found, CustomerMessage), found
    return found.text


def message(**fields: object) -> bytes:
    return orjson.dumps(fields)


FROM_HEADER = InputShape(text_path=("header:", "text"))
FROM_KEY = InputShape(text_path=("key:",))


@pytest.mark.parametrize("value", [b"{}", b'{"text": "another"}', None, b""])
def test_the_text_is_in_a_header_whatever_the_value_is(value: bytes | None) -> None:
    assert text_of(FROM_HEADER, value) == "Wo ist mein Paket?"


def test_the_text_is_the_key() -> None:
    assert text_of(FROM_KEY, b"{}", key=b"where is it?") == "where is it?"
    assert text_of(InputShape(format="text", text_path=("key:",)), b"\xff", key=b"where is it?") == "where is it?"


def test_a_field_is_in_the_json_of_the_key_with_its_digits() -> None:
    shape = InputShape(id_path=("key:", "id"), customer_path=("key:", "who", "name"))
    found = read(shape, message(text="a", message_id="b"), key=b'{"id": 1.10, "who": {"name": "Eva"}}')
    assert isinstance(found, CustomerMessage)
    assert (found.message_id, found.customer_id) == ("1.10", "Eva")


@pytest.mark.parametrize(
    ("shape", "reason"),
    [
        (InputShape(text_path=("header:", "none")), "header:none: the record has no header none"),
        (InputShape(text_path=("header:", "empty")), "header:empty: the record has no header empty"),
        (InputShape(text_path=("header:", "latin")), "header:latin: the header latin is not UTF-8"),
        (FROM_KEY, "key:: the record has no key"),
        (InputShape(text_path=("key:", "text")), "key:text: the record has no key"),
    ],
)
def test_a_text_that_is_missing_is_named(shape: InputShape, reason: str) -> None:
    found = read(shape, b"{}")
    assert found == Rejected("no_text", f"there is no field {reason}")


def test_a_key_that_is_no_json_has_no_fields() -> None:
    found = read(InputShape(text_path=("key:", "text")), b"{}", key=b"plain")
    assert isinstance(found, Rejected)
    assert "the key is not a JSON object or list" in found.message


def test_of_headers_with_the_same_name_the_last_one_counts() -> None:
    found = read(InputShape(language_path=("header:", "language")), message(text="a", language="en"))
    assert isinstance(found, CustomerMessage)
    assert found.language == "de"


@pytest.mark.parametrize("format_", ["text", "email"])
def test_formats_without_fields_have_those_of_the_record(format_: str) -> None:
    shape = InputShape(
        format=format_,
        subject_path=("key:", "subject"),
        conversation_path=("key:", "chat"),
        language_path=("header:", "language"),
        channel="forum",
    )
    value = b"From: eva@example.org\n\nwhere is it?" if format_ == "email" else b"where is it?"
    found = read(shape, value, key=b'{"subject": "My parcel", "chat": "c-7"}')
    assert isinstance(found, CustomerMessage)
    assert found.text.rstrip() == "Subject: My parcel\n\nwhere is it?"
    assert (found.conversation_id, found.language, found.channel) == ("c-7", "de", "forum")


def test_the_value_of_the_format_text_is_joined_to_a_header() -> None:
    shape = InputShape(format="text", text_path=("header:", "text"), more_text_paths=(("text",),))
    assert text_of(shape, b"Danke!") == "Wo ist mein Paket?\n\nDanke!"


JOINED = InputShape(text_path=("subject",), more_text_paths=(("body", "text"), ("note",)))


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"subject": "Parcel", "body": {"text": "Where?"}, "note": "n"}, "Parcel\n\nWhere?\n\nn"),
        ({"body": {"text": "Where?"}}, "Where?"),
        ({"subject": None, "body": {"text": "Where?"}}, "Where?"),
        ({"subject": "  ", "body": {"text": "Where?"}, "note": "__debezium_unavailable_value"}, "Where?"),
        ({"subject": "Parcel"}, "Parcel"),
    ],
)
def test_texts_are_joined_by_a_blank_line_without_those_that_are_missing(fields: dict[str, object], text: str) -> None:
    assert text_of(JOINED, message(**fields)) == text


def test_no_text_at_all_is_a_dead_letter_that_names_all_fields() -> None:
    found = read(JOINED, b"{}")
    assert found == Rejected("no_text", "there is no field subject or body.text or note: the object has no 'subject'")
    assert read(JOINED, message(subject=" ")) == Rejected("text_blank", "the text is empty or blank")


def test_a_joined_value_that_is_no_text_is_not_left_out() -> None:
    found = read(JOINED, message(subject="a", body={"text": [1]}))
    assert isinstance(found, Rejected)
    assert found.code == "text_not_string"


def test_joined_texts_have_one_limit() -> None:
    shape = InputShape(text_path=("a",), more_text_paths=(("b",),), max_text_bytes=8)
    assert isinstance(read(shape, message(a="1234", b="56")), CustomerMessage)
    found = read(shape, message(a="1234", b="567"))
    assert isinstance(found, Rejected)
    assert found.code == "text_too_large"


def test_what_messages_do_not_give_is_that_of_the_source() -> None:
    shape = InputShape(channel="whatsapp", language="pt")
    found = read(shape, message(text="a"))
    assert isinstance(found, CustomerMessage)
    assert (found.channel, found.language) == ("whatsapp", "pt")
    found = read(shape, message(text="a", channel="sms", language="es"))
    assert isinstance(found, CustomerMessage)
    assert (found.channel, found.language) == ("sms", "es")


def change(before: dict[str, object], after: dict[str, object]) -> bytes:
    return message(before=before, after=after, op="u", source={"table": "t"}, ts_ms=1)


def test_an_update_of_a_change_log_is_new_if_any_of_its_texts_is() -> None:
    shape = InputShape(text_path=("after", "subject"), more_text_paths=(("after", "body"),))
    before = {"subject": "Parcel", "body": "Where?", "status": 1}
    assert read(shape, change(before, {**before, "status": 2})) == Skipped("unchanged")
    assert text_of(shape, change(before, {**before, "body": "Found it"})) == "Parcel\n\nFound it"
    assert text_of(shape, change(before, {**before, "subject": "Box"})) == "Box\n\nWhere?"

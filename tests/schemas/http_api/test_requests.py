"""Requests: what is read, and where a mistake is."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from triage_schemas.http_api.openapi import EXAMPLES
from triage_schemas.http_api.requests import InvalidRequestError, Limits, read_request

LIMITS = Limits(texts=4, text_bytes=64)
JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
FIELDS = st.sampled_from(["text", "texts", "message_id", "subject", "language", "channel", "other"])


def mistake(document: Any) -> tuple[str, str]:
    with pytest.raises(InvalidRequestError) as caught:
        read_request(document, LIMITS)
    return caught.value.path, str(caught.value)


def test_one_text_and_many_are_read_with_what_else_is_known() -> None:
    (one,) = read_request({"text": "a", "language": "de"}, LIMITS)
    assert (one.text, one.language, one.message_id) == ("a", "de", "")
    first, second = read_request({"texts": ["a", {"text": "b", "message_id": "m", "channel": "chat"}]}, LIMITS)
    assert (first.text, second.text, second.message_id, second.channel) == ("a", "b", "m", "chat")


def test_a_subject_is_read_as_in_messages_on_kafka() -> None:
    (message,) = read_request({"text": "it broke", "subject": "Order\n 4711 "}, LIMITS)
    assert message.text == "Subject: Order 4711\n\nit broke"
    (blank,) = read_request({"text": " ", "subject": "Order"}, LIMITS)
    assert blank.text == " "


@pytest.mark.parametrize("example", EXAMPLES.values(), ids=EXAMPLES)
def test_the_examples_are_read(example: dict[str, Any]) -> None:
    assert read_request(example, Limits(4, 1_000))


@pytest.mark.parametrize(
    ("document", "path", "what"),
    [
        ([], "", "should be an object"),
        (None, "", "should be an object"),
        ({}, "", 'a field "text" or "texts"'),
        ({"txet": "a"}, "", 'a field "text" or "texts"'),
        ({"text": "a", "txet": "b"}, "txet", "not known"),
        ({"text": 7}, "text", "string"),
        ({"text": None}, "text", "string"),
        ({"texts": "a"}, "texts", "list"),
        ({"texts": []}, "texts", "at least 1"),
        ({"texts": ["a", 7]}, "texts.1", "a string, or an object"),
        ({"texts": ["a", None]}, "texts.1", "a string, or an object"),
        ({"texts": ["a", {"text": "b", "lang": "en"}]}, "texts.1.lang", "not known"),
        ({"texts": ["a", {"message_id": "b"}]}, "texts.1.text", "required"),
        ({"texts": ["a"], "text": "b"}, "text", "not known"),
        ({"texts": ["a"] * 5}, "texts", "5 texts, 4 are allowed"),
        ({"texts": ["a", "é" * 33]}, "texts.1", "66 bytes, 64 are allowed"),
        ({"texts": [{"text": "a" * 40, "subject": "b" * 40}]}, "texts.0.text", "64 are allowed"),
        ({"text": "a", "message_id": ""}, "message_id", "at least 1"),
        ({"text": "a", "channel": "c" * 2_000}, "channel", "at most"),
    ],
)
def test_a_mistake_is_named_with_its_path(document: Any, path: str, what: str) -> None:
    found, message = mistake(document)
    assert found == path
    assert what in message


def test_a_mistake_shows_nothing_of_the_text() -> None:
    assert "secret" not in "".join(mistake({"texts": ["secret" * 100]}) + mistake({"texts": [["secret"]]}))


@given(JSON | st.dictionaries(FIELDS, JSON) | st.fixed_dictionaries({"texts": st.lists(st.dictionaries(FIELDS, JSON))}))
def test_anything_is_read_or_refused(document: Any) -> None:
    try:
        messages = read_request(document, LIMITS)
    except InvalidRequestError:
        return
    assert 1 <= len(messages) <= LIMITS.texts

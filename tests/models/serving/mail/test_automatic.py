"""Automatic replies are recognised, and persons who write about an absence are not mistaken for them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from triage_models.serving.mail.automatic import BEGINNING, is_automatic
from triage_models.serving.mail.message import read_message

from tests.models.serving.mail.messages import AUTOMATIC, NEW_TEXTS, PERSONS
from tests.models.serving.shipped import corpus_texts


@pytest.mark.parametrize("text", AUTOMATIC)
def test_automatic_replies_are_recognised(text: str) -> None:
    assert read_message(text).automatic


@pytest.mark.parametrize("text", [*PERSONS, *NEW_TEXTS])
def test_messages_of_persons_are_not(text: str) -> None:
    assert not read_message(text).automatic


@pytest.mark.parametrize("text", PERSONS)
def test_nothing_of_a_persons_message_is_lost(text: str) -> None:
    assert read_message(text).text == text


def test_of_the_corpus_only_the_automatic_replies_in_it_are_some() -> None:
    found = [text for text in corpus_texts() if is_automatic(text)]
    assert [text[:42] for text in found] == [
        "Hello, this message was sent automatically",
        "Thank you for your message. I am out of th",
        "AUTOMATIC REPLY: I've left the company. Fo",
        "Delivery Status Notification (Failure): yo",
        "I'm on annual leave until 2nd Jan. I'll re",
        "Automatic reply: Thank you for your mail. ",
    ]


def test_capitals_apostrophes_and_blanks_do_not_matter() -> None:
    assert is_automatic("  AUTOMATIC   REPLY : your order")
    assert is_automatic("I’m out of the  office until\nMonday. Please contact Ben, he WILL answer your message.")


def test_a_quoted_automatic_reply_is_none() -> None:
    text = (
        "I get this all the time, where is my refund?\n> Automatic reply: mail\n> I am out of the office until Monday"
    )
    assert not read_message(text).automatic


def test_only_the_beginning_is_evidence() -> None:
    assert not is_automatic(f"{'where is it ' * (BEGINNING // 12 + 1)}\n{AUTOMATIC[0]}")


@given(st.text())
def test_any_text_is_judged(text: str) -> None:
    assert is_automatic(text) in (True, False)

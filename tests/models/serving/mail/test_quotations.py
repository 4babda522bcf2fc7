"""What a sender wrote is separated from what is quoted; nothing else is ever lost."""

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from triage_models.serving.mail import quotations
from triage_models.serving.mail.quotations import LONGEST, new_text

from tests.models.serving.mail.messages import (
    FORWARDED,
    INTRODUCTIONS,
    NEW_TEXTS,
    NOT_QUOTED,
    OLD,
    STYLES,
    gmail,
    marked,
    outlook,
    unmarked,
)

HOSTILE = (
    *(">", "\n", ">\n", "> a\n", "\r", "a:\n", "a\n", "____________\n", "From: a@b\n", "From: a@b\nSubject: b\n"),
    *("On 5 2026 @\n", "On a\nb\nc\n", "On 5 March 2026 I\n", "wrote:\n", "You wrote:\n\n\n", "> > > > > >\n", "- - -"),
    *("-----Original Message-----", "> 5\n\n", " ", "Fwd: a\n"),
)
"""Repeated, they fill messages that are expensive for a parser that looks back or ahead too far."""

words = st.text(st.sampled_from("abc äß,.!?05"), min_size=1, max_size=20).filter(lambda text: text.strip(" ,.!?") != "")
paragraphs = st.lists(words, min_size=1, max_size=5).map(lambda lines: "\n".join(lines).strip())
pieces = st.sampled_from(
    [
        *(">", "> ", "\n", "\r\n", "On ", "5 March 2026", "wrote:", "a@b", "From: a@b", "Subject: x", "Sent: 5"),
        *("-----Original Message-----", "Begin forwarded message:", "Fwd: ", "see below", "text", ":", " ", "thanks"),
        *("_____", "hi"),
    ]
)


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("new", NEW_TEXTS)
def test_only_the_new_text_is_read(style: Callable[[str], str], new: str) -> None:
    assert new_text(style(new)) == new


@pytest.mark.parametrize("introduction", INTRODUCTIONS)
@pytest.mark.parametrize("quote", [OLD, marked(OLD)])
def test_what_mail_programs_write_above_a_quotation_is_recognised(introduction: str, quote: str) -> None:
    assert new_text(f"It has arrived.\n\n{introduction}\n\n{quote}") == "It has arrived."


@pytest.mark.parametrize("text", NOT_QUOTED)
def test_what_only_looks_like_a_quotation_is_read(text: str) -> None:
    assert new_text(text) is text


@pytest.mark.parametrize("text", FORWARDED)
def test_a_forwarded_message_is_the_message(text: str) -> None:
    assert new_text(text) == OLD


def test_answers_between_quoted_lines_are_read() -> None:
    text = f"{INTRODUCTIONS[0]}\n> did it arrive?\nyes, on Monday\n> is it complete?\n\nno, the lid is missing\n> bye"
    assert new_text(text) == "yes, on Monday\n\nno, the lid is missing"
    assert new_text(f"hello,\n{text}").startswith("hello,\nyes")
    # Among quoted lines, a line with a figure is quoted like the others.
    assert new_text("> did it arrive?\nyes\n> 5 of 6?\nno, 4") == "yes\nno, 4"


def test_a_forwarded_reply_is_read_without_what_it_quotes() -> None:
    assert new_text(outlook("FYI", unmarked("please cancel it"))) == "please cancel it"
    assert new_text(marked(gmail("please cancel it"))) == "please cancel it"


@pytest.mark.parametrize("text", ["where is it", "> where is it", "On 5 March 2026, Anna <a@b.c> wrote:", "", " "])
def test_a_message_of_one_line_is_never_changed(text: str) -> None:
    assert new_text(text) is text


def test_a_quotation_without_words_leaves_the_message_as_it_is() -> None:
    assert new_text("\n>\n> \n") == "\n>\n> \n"
    assert new_text(f"{INTRODUCTIONS[0]}\n\n") == f"{INTRODUCTIONS[0]}\n\n"
    assert new_text(f"thanks\n\n{INTRODUCTIONS[0]}\n\n") == "thanks"
    header = "From: a@example.com\nTo: b@example.com\nSubject: where is my parcel\n\n"
    assert new_text(header) == header


def test_what_is_beyond_the_limit_is_read_as_it_is() -> None:
    long = "where is it\n" * (LONGEST // 12 + 10)
    assert new_text(long + "> quoted\n") == long + "> quoted\n"
    assert new_text(unmarked("thanks", long)) == "thanks"


@given(paragraphs, paragraphs, st.sampled_from(STYLES))
def test_any_new_text_is_read_alone(new: str, old: str, style: Any) -> None:
    assert new_text(style(f"please {new}", f"hello {old}")) == f"please {new}"


@given(st.text(st.characters(exclude_characters=">:-_=*–—")))
@example("On 5 March 2026\nwrote")
def test_a_text_without_any_mark_is_never_changed(text: str) -> None:
    assert new_text(text) is text


@given(st.lists(pieces).map("".join) | st.text())
def test_no_word_is_invented_and_none_is_lost_without_a_mark(text: str) -> None:
    found = new_text(text)
    assert any(map(str.isalnum, found)) == any(map(str.isalnum, text))
    rest = iter(text)
    assert all(character in rest for character in found.replace("\n", "").replace("\r", ""))


@pytest.mark.parametrize("piece", HOSTILE)
def test_the_work_grows_no_faster_than_the_text(piece: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quotations, "LONGEST", 10**9)
    small, large = (steps(piece * (size // len(piece))) for size in (10_000, 80_000))
    assert large <= 9 * small + 1_000


def steps(text: str) -> int:
    """Count the lines of Python that are executed for a text."""
    count = 0

    def trace(frame: FrameType, event: str, argument: object) -> Any:
        nonlocal count
        count += 1
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        new_text(text)
    finally:
        sys.settrace(before)
    return count


@pytest.mark.parametrize("piece", HOSTILE)
def test_a_mebibyte_of_anything_is_read(piece: str) -> None:
    text = piece * (2**20 // len(piece))
    found = new_text(text)
    assert found
    assert len(found) <= len(text)

"""Messages of several parts: what is taken from each of them, at the limits, too."""

import pytest
from triage_models.serving.mail.quotations import DEPTH, LONGEST, LONGEST_SUBJECT, new_text

from tests.models.serving.mail.messages import INTRODUCTIONS, OLD, marked

WROTE = INTRODUCTIONS[0]
UNCERTAIN = "On Monday, Anna wrote:"


@pytest.mark.parametrize(
    ("text", "new"),
    [
        (f"thanks\n{UNCERTAIN}\n> these came:\n> 5 items", "thanks"),
        (f"thanks\n{UNCERTAIN}\n \n\n> 5 items", "thanks"),
        (f"thanks\n{UNCERTAIN}\n5 items", f"thanks\n{UNCERTAIN}\n5 items"),
        (f"thanks\n______\n\t\n{UNCERTAIN}\n> 5 items", "thanks"),
        (f"thanks\n______\n \n{WROTE}\n5 items", "thanks"),
        ("these came:\n \n> the lid\nplease replace it", "these came:\n \n> the lid\nplease replace it"),
        ("one\n> 5 items\n> it came\ntwo\n> 7 items", "one\ntwo"),
        ("one\n> 7 items\ntwo\n> it came", "one\n> 7 items\ntwo"),
        ("one\n> it came\ntwo\nthese:\n> the lid", "one\ntwo\nthese:"),
        ("thanks\r> it came", "thanks"),
        ("thanks\r\n> it came\r\nbye", "thanks\nbye"),
    ],
)
def test_the_senders_own_lines_are_kept(text: str, new: str) -> None:
    assert new_text(text) == new


@pytest.mark.parametrize(
    "above",
    [
        "FYI", "Hi team,\nFYI!", "Fwd: where is it", "Sent from my phone", "(see below)", "hello, all", "...", "",
        "FYI\nBest regards\nBen Long\nHead of Sales\nThe Coat Shop", "FYI\nThanks,\nBen",
        "FYI\nThanks\nHead of all Sales", "FYI\n\n--\n",
        "Fwd: ".ljust(LONGEST_SUBJECT, "x"),
    ],
)  # fmt: skip
def test_a_message_that_says_nothing_is_opened(above: str) -> None:
    assert new_text(f"{above}\n{WROTE}\n{marked(OLD)}") == OLD


@pytest.mark.parametrize(
    "above",
    [
        "Fwd: ".ljust(LONGEST_SUBJECT + 1, "x"), "Thanks", "Thanks\nBen", "hello, where is it", "FYI\nit came",
        "FYI\nBest regards\nBen Long\nHead of Sales\nThe Coat Shop\nLondon",
        "FYI\nBest regards\nHead of Sales of Coats",
    ],
)  # fmt: skip
def test_a_message_that_says_something_is_not_opened(above: str) -> None:
    assert new_text(f"{above}\n{WROTE}\n{marked(OLD)}") == above


def test_quotations_of_quotations_are_opened_up_to_a_depth() -> None:
    text = OLD
    for _ in range(DEPTH):
        text = marked(text)
    assert new_text(text) == OLD
    assert new_text(marked(text)) == marked(OLD)


def test_what_is_quoted_before_a_separator_is_quoted_too() -> None:
    assert new_text(f"> it came\n{WROTE}\nit was late") == "it came\nit was late"


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n"])
def test_quotations_are_looked_for_up_to_a_limit(end: str) -> None:
    first = f"thanks{end}> it came{end}"
    filled = first + "x" * (LONGEST - len(first))
    assert new_text(filled) == "thanks\n" + "x" * (LONGEST - len(first))
    later = first + "y" * 10 + end + "x" * LONGEST + end + "> 5" + end
    assert new_text(later) == ("thanks\nyyyyyyyyyy\n\n" + "x" * LONGEST + end + "> 5" + end).strip()


def test_a_forwarded_message_is_read_beyond_the_limit() -> None:
    rest = "x" * LONGEST
    assert new_text(f"FYI\n{WROTE}\nit came\n{rest}") == f"it came\n\n{rest}"

"""What holds for every format of change events."""

import pytest
from triage_schemas.messages.message import CustomerMessage
from triage_schemas.messages.placeholders import DEBEZIUM_PLACEHOLDER

from tests.schemas.input.change_events.decoding import OTHER, ROW, TEXT, decode_change, outcome
from tests.schemas.input.change_events.formats import FORMATS

pytestmark = pytest.mark.parametrize("name", FORMATS)


def test_a_new_row_is_a_message(name: str) -> None:
    message = decode_change(name, None, ROW)
    assert isinstance(message, CustomerMessage)
    assert (message.text, message.conversation_id) == (TEXT, "c-1")


def test_an_update_of_the_text_is_a_message(name: str) -> None:
    message = decode_change(name, ROW, {**ROW, "text": OTHER})
    assert isinstance(message, CustomerMessage)
    assert (message.text, message.conversation_id) == (OTHER, "c-1")


def test_an_update_of_the_status_is_skipped(name: str) -> None:
    assert outcome(decode_change(name, ROW, {**ROW, "status": "closed"})) == "skipped: unchanged"


def test_an_update_of_the_status_is_a_message_on_request(name: str) -> None:
    message = decode_change(name, ROW, {**ROW, "status": "closed"}, skip_unchanged=False)
    assert isinstance(message, CustomerMessage)
    assert (message.text, message.conversation_id) == (TEXT, "c-1")


def test_a_deletion_is_skipped(name: str) -> None:
    assert outcome(decode_change(name, ROW, None)) == "skipped: delete"
    assert outcome(decode_change(name, ROW, None, skip_unchanged=False)) == "skipped: delete"


def test_a_placeholder_in_an_update_is_an_unchanged_text(name: str) -> None:
    after = {**ROW, "text": DEBEZIUM_PLACEHOLDER, "status": "closed"}
    assert outcome(decode_change(name, {**ROW, "text": DEBEZIUM_PLACEHOLDER}, after)) == "skipped: unchanged"
    assert outcome(decode_change(name, ROW, after)) == "skipped: unchanged"


def test_a_placeholder_is_never_classified(name: str) -> None:
    before = {**ROW, "text": DEBEZIUM_PLACEHOLDER}
    after = {**before, "status": "closed"}
    assert outcome(decode_change(name, before, after, skip_unchanged=False)) == "skipped: unchanged"
    assert outcome(decode_change(name, None, after)) == "dead letter: no_text"


def test_a_text_whose_earlier_value_was_left_out_is_a_message(name: str) -> None:
    assert outcome(decode_change(name, {**ROW, "text": DEBEZIUM_PLACEHOLDER}, ROW)) == TEXT


def test_a_conversation_that_was_left_out_is_the_one_before(name: str) -> None:
    before = {**ROW, "text": OTHER}
    message = decode_change(name, before, {**ROW, "conversation_id": DEBEZIUM_PLACEHOLDER})
    assert isinstance(message, CustomerMessage)
    assert message.conversation_id in (None, "c-1")
    inserted = decode_change(name, None, {**ROW, "conversation_id": DEBEZIUM_PLACEHOLDER})
    assert isinstance(inserted, CustomerMessage)
    assert inserted.conversation_id is None


@pytest.mark.parametrize("empty", [None, "", "  \n"])
def test_an_update_that_empties_the_text_is_skipped(name: str, empty: str | None) -> None:
    assert outcome(decode_change(name, ROW, {**ROW, "text": empty})) == "skipped: no_text"


@pytest.mark.parametrize(("empty", "code"), [(None, "text_not_string"), ("", "text_blank")])
def test_a_new_row_without_a_text_is_a_dead_letter(name: str, empty: str | None, code: str) -> None:
    assert outcome(decode_change(name, None, {**ROW, "text": empty})) == f"dead letter: {code}"


def test_a_new_row_without_the_column_is_a_dead_letter(name: str) -> None:
    assert outcome(decode_change(name, None, {"id": 7})) == "dead letter: no_text"

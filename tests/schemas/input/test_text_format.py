import pytest
from triage_schemas.input.decoder import decode
from triage_schemas.messages.message import Rejected

from tests.schemas.input.examples import SOURCE, TEXT, accepted


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (None, "null_value"),
        (b"", "empty_value"),
        (b"\xff", "not_utf8"),
        (b"  \n", "text_blank"),
        (b"\xef\xbb\xbf \n", "text_blank"),
        (b"a" * 65_537, "text_too_large"),
        (b"a" * 2_000_000, "too_large"),
    ],
)
def test_bad_values_have_stable_codes(value: bytes | None, code: str) -> None:
    rejected = decode(value, SOURCE, TEXT)
    assert isinstance(rejected, Rejected)
    assert rejected.code == code


def test_the_text_is_not_parsed() -> None:
    message = accepted(b'{"text": "not parsed"}', TEXT)
    assert (message.text, message.message_id) == ('{"text": "not parsed"}', "customer.messages-3-1042")


def test_a_byte_order_mark_is_skipped() -> None:
    assert accepted(b"\xef\xbb\xbfwhere is it", TEXT).text == "where is it"

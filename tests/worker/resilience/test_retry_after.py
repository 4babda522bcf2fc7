"""Values of the ``Retry-After`` header."""

from datetime import UTC, datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from triage_worker.resilience.retry_after import retry_after_s


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("7", 7.0),
        ("0.5", 0.5),
        ("", None),
        ("-3", None),
        ("nan", None),
        ("inf", None),
        ("soon", None),
        ("Thu, 01 Jan 2026 00:00:30 GMT", 30.0),
        ("Thu, 01 Jan 2026 00:00:30 -0000", 30.0),
        ("Wed, 31 Dec 2025 00:00:00 GMT", 0.0),
    ],
)
def test_the_header_is_a_number_of_seconds_or_a_date(header: str | None, seconds: float | None) -> None:
    assert retry_after_s(header, datetime(2026, 1, 1, tzinfo=UTC)) == seconds


@given(st.text() | st.from_regex(r"(Mon, )?\d{1,3} Jan -?\d{1,12} \d+:\d+:\d+ (GMT|[+-]\d{1,8})?", fullmatch=True))
@example("Thu, 01 Jan 99999999999999999999 00:00:00 GMT")
@example("0\x1f")
def test_any_header_is_parsed_without_an_error(header: str) -> None:
    seconds = retry_after_s(header)
    assert seconds is None or seconds >= 0

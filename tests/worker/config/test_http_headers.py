"""Headers as a setting: JSON, or pairs in the forms that people know from curl and from OpenTelemetry."""

import pytest
from triage_worker.config.http_headers import parse_headers


@pytest.mark.parametrize(
    ("text", "headers"),
    [
        ('{"X-A": "1", "X-B": "a, b: c"}', {"X-A": "1", "X-B": "a, b: c"}),
        ("X-A: 1", {"X-A": "1"}),
        ("X-A=1", {"X-A": "1"}),
        ("X-A: 1, X-B: 2", {"X-A": "1", "X-B": "2"}),
        ("X-A=1,X-B=2", {"X-A": "1", "X-B": "2"}),
        ("X-A: 1; X-B: 2", {"X-A": "1", "X-B": "2"}),
        ("X-A: 1\nX-B: 2\n", {"X-A": "1", "X-B": "2"}),
        ("\r\nX-A: 1\r\n\r\nX-B: 2\r\n", {"X-A": "1", "X-B": "2"}),
        ("HTTP-Referer: https://shop/a?b=c, X-Title: Us", {"HTTP-Referer": "https://shop/a?b=c", "X-Title": "Us"}),
        ("Accept: a, b", {"Accept": "a, b"}),
        ("Authorization: Bearer abc==", {"Authorization": "Bearer abc=="}),
        ("X-Empty:", {"X-Empty": ""}),
        ("{}", {}),
    ],
)  # fmt: skip
def test_headers_are_read(text: str, headers: dict[str, str]) -> None:
    assert parse_headers(text) == headers


@pytest.mark.parametrize(
    "text", ["", " ", "X-A", ": 1", "X A: 1", "[1]", '{"X-A": null}', '{"": "1"}', "X-Ä: 1", "X-A: ä"]
)
def test_what_are_no_headers_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="header"):
        parse_headers(text)

"""The subject of a message is read with it, where it is the sender's own."""

import pytest
from triage_models.serving.mail.message import read_message

QUOTED = "On Thu, Mar 5, 2026 at 10:12 AM Anna <a@example.com> wrote:\n\n> where is my parcel?"


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("Subject: refund for 5512\n\nplease", "refund for 5512\nplease"),
        ("Subject: Re: your order has shipped\n\ni want to cancel it", "i want to cancel it"),
        ("Subject: [Ticket 7] AW: Fwd: Lieferung\n\nbitte stornieren", "bitte stornieren"),
        ("Subject: where is it\n\n", "where is it"),
        ("Subject: Re: where is it\n\n", "where is it"),
        ("Subject: where is it\n\nWhere is it? It is late.", "Where is it? It is late."),
        (f"Subject: Re: parcel\n\nFYI\n\n{QUOTED}", "where is my parcel?"),
        ("Subject: hello\n\n<p>i want <b>blue</b></p>", "hello\ni want blue"),
        ("Subject: one line only", "Subject: one line only"),
        ("Subject: a\nb\n\nc", "Subject: a\nb\n\nc"),
        ("Subject: regarding size\n\nhi", "regarding size\nhi"),
    ],
)
def test_a_subject_is_read_where_it_says_more(text: str, read: str) -> None:
    if "<p>" in text:
        pytest.importorskip("selectolax")
    assert read_message(text).text == read


def test_the_subject_of_an_automatic_reply_is_known() -> None:
    assert read_message("Subject: Automatic reply: your order\n\nI will be back on Monday.").automatic
    assert not read_message("Subject: your order\n\nI will be back on Monday.").automatic

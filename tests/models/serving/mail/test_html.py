"""HTML is read as a person sees it, and what only looks like HTML is left alone."""

import time

import pytest

pytest.importorskip("selectolax")

from triage_models.serving.mail.html import html_to_text, is_html, plain_text
from triage_models.serving.mail.html_source import LONGEST, MOST_TAGS
from triage_models.serving.mail.message import read_message


@pytest.mark.parametrize(
    "text",
    [
        "i paid <50 euro",
        "<3",
        "if a<b and c>d then",
        "a <b and c> d",
        "Anna <anna@example.com> wrote",
        "<Name> please call",
        "<- this one -> not that",
        "order <4711>",
        "R&D; dept, me & you",
        "x <= 3 and y >= 4",
    ],
)
def test_what_only_looks_like_html_is_left_alone(text: str) -> None:
    assert not is_html(text)
    assert plain_text(text) == text


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("i paid &lt;50&euro;, it&#39;s <b>too much</b>", "i paid <50€, it's too much"),
        ("i paid <50 euro<br>where is it", "i paid <50 euro\nwhere is it"),
        ("I&#39;m at AT&amp;T", "I'm at AT&T"),
        ("<p>one</p><p>two</p>", "one\n\ntwo"),
        ("<div>one</div><div><br></div><div>two</div>", "one\n\ntwo"),
        ("<table><tr><td>Order</td><td>5512</td></tr><tr><td>Size</td><td>L</td></tr></table>", "Order 5512\nSize L"),
        ("<ul><li>the lid<li>the handle</ul>", "- the lid\n- the handle"),
        ('see <a href="https://shop.example/x?y=1">my order</a>', "see my order"),
        ('a<div style="display: none">hidden</div><span style="font-size:0px">zero</span><b>b</b>', "ab"),
        ('a<div hidden>hidden</div><p style="mso-hide:all">x</p>b</div>', "ab"),
        ('<p>hi</p><img src="https://t.example/o.gif" width="1" height="1" alt="pixel">', "hi"),
        ('<p>nice <img alt="😀" src="x"></p>', "nice 😀"),
        ("<style>p {margin: 0}</style><script>alert(1)</script><title>t</title><p>hi</p>", "hi"),
        ("<p>hi<!-- no --><![if !mso]>there<![endif]></p>", "hithere"),
        ('<p class="MsoNormal">one<o:p></o:p></p><p class="MsoNormal"><o:p>&nbsp;</o:p></p><p>two</p>', "one\n\ntwo"),
        ("<pre>a\nb</pre>", "a\nb"),
        ("where\u200b is\u00ad my&nbsp;parcel<br>", "where is my parcel"),
        ("<p>write to <anna@example.com> please</p>", "write to <anna@example.com> please"),
        ('<blockquote type="cite">old<br>words</blockquote><p>new</p>', "> old\n> words\nnew"),
        ('<blockquote style="margin: 0 0 0 40px; border: none">indented</blockquote>', "indented"),
        ('<div>new</div><div class="gmail_signature">Anna</div>', "new\n-- \nAnna"),
        (
            '<div>new</div><div id="x_mail-editor-reference-message-container">old</div>',
            "new\n-----Original Message-----\nold",
        ),
    ],
)
def test_html_is_read_as_it_is_seen(source: str, text: str) -> None:
    assert plain_text(source) == text


def test_of_html_in_which_nothing_is_seen_nothing_is_read() -> None:
    for source in ("<style>p {}</style>", "<p><img src='x'></p>", "<p>" + "<!-- x -->" * 9_999, '<p hidden="">x</p>'):
        assert plain_text(source) == ""
    assert read_message("Subject: broken lid\n\n<p><img src='x'></p>").text == "broken lid"


def test_the_attribution_of_an_unknown_language_is_quoted() -> None:
    reply = (
        '<div dir="ltr">to nie to</div><br><div class="gmail_quote gmail_quote_container"><div class="gmail_attr">'
        'czw., 5 mar 2026 o 10:12 Sklep &lt;a@b.example&gt; napisał(a):<br></div><blockquote class="gmail_quote" '
        'style="border-left:1px solid">gdzie jest paczka</blockquote></div>'
    )
    assert read_message(reply).text == "to nie to"


@pytest.mark.parametrize(
    "unit",
    [
        *("<", "<a", "<a ", "</", "<!--", '<a b="', "<div>", "<b><div>", "<table><tr><td>", "<blockquote type=cite>"),
        *("<script></", "<select><option>", '"data:', "&amp;", '<p style="opacity:', "<br>", "a=1 "),
        *("<!-", "<!--><!--", "<style>", "<style></style", "<style>a{", "</style>", "<style>/*", "<script><!--"),
        *(
            "<style>.a{display:none}</style>",
            "<style>.a,",
            '<p style="font:',
            '<p style="color:',
            "<p style='background:",
        ),
    ],
)
def test_hostile_html_takes_a_bounded_time(unit: str) -> None:
    source = f"<p>hi</p><p {unit * (1_000_000 // len(unit))}"[:1_000_000]
    started = time.thread_time()
    plain_text(source)
    assert time.thread_time() - started < 5


def test_what_is_not_parsed_is_not_read() -> None:
    for source, read in (
        ("<p>hi</p>" + "a" * LONGEST + "<b>end</b>", "hi\n\n" + "a" * (LONGEST - 9)),
        ("<p>hi</p>" + "<p>x</p>" * MOST_TAGS + "<b>end</b>", "hi" + "\n\nx" * (MOST_TAGS // 2 - 1)),
        *(
            ("<p>hi</p>" + "a" * (LONGEST - 9 - cut) + "</b>end", "hi\n\n" + "a" * (LONGEST - 9 - cut))
            for cut in range(1, 4)
        ),
        ("<p>where is my parcel</p>" + "<table><tr><td>x</td></tr></table>" * 1_000, None),
    ):
        text = html_to_text(source)
        assert text == read or (read is None and text.startswith("where is my parcel\n\nx\nx"))
        assert "<" not in text


@pytest.mark.parametrize("size", [99_000, 101_000, 2_000_000])
@pytest.mark.parametrize(
    ("begin", "end"),
    [("<style>", "</style>"), ("<STYLE type='text/css'>", "</Style >"), ("<script>", "</script>"), ("<!--", "-->")],
)
def test_what_nobody_sees_does_not_count(size: int, begin: str, end: str) -> None:
    filler = "p.a {margin: 0}\n" * (size // 16)
    for source in (
        f"<html><head>{begin}{filler}{end}</head><body><p>where is my parcel</p></body></html>",
        f"<p>where is {begin}{filler}{end}my parcel</p>",
        begin.join(["", *[f"x{end}"] * (size // 50)]) + "<p>where is my parcel</p>",
    ):
        assert plain_text(source) == "where is my parcel"


@pytest.mark.parametrize(
    "source",
    [
        "<p>a<!-->b</p>",
        "<p>a<!--->b</p>",
        "<p>a<!-- x --!>b</p>",
        "<p>a<!-->b</p><!-- x -->",
        "<p>a<!--->b</p><!-- x -->",
        "<p>a<!-- <style> -->b</p>",
        "<p>a<style><!-- x --></style>b</p>",
        "<p>a<script>'<style>'</script>b</p>",
        "<p>a<style/>x</style>b</p>",
        "<p>a<styled>b</p>",
    ],
)
def test_comments_and_styles_end_where_they_do_for_a_browser(source: str) -> None:
    assert plain_text(source) == "ab"


def test_a_style_or_comment_that_does_not_end_hides_what_is_after_it() -> None:
    for begin in ("<!--", "<style>", "<script>"):
        assert plain_text(f"<p>hi</p>{begin} a <b>b</b>") == "hi"

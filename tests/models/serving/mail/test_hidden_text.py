"""Text that styles hide is not read, and text that they may show is."""

import pytest

pytest.importorskip("selectolax")

from triage_models.serving.mail.html import plain_text
from triage_models.serving.mail.html_styles import LONGEST, hidden_names

HIDING = (
    *("display:none", "DISPLAY : NONE !important", "visibility:hidden", "max-height:0", "opacity:0", "mso-hide:all"),
    *(
        "font-size:0px",
        "font-size: 0",
        "font-size:0.0em",
        "font-size:1px",
        "font:0px/0 Arial",
        "font-size:14px;font-size:0",
    ),
    *("left:-9999px", "position:absolute;left:-10000px", "top:-999px", "text-indent:-9999em", "margin-left:-5000px"),
    *(
        "color:#fff;background:#fff",
        "color:white;background-color:#FFFFFF",
        "background:white;color:rgb(255, 255, 255)",
    ),
    *("color:transparent", "clip:rect(0,0,0,0)", "clip: rect(1px, 1px, 1px, 1px)"),
)
SHOWING = (
    *(
        "display:block",
        "font-size:10px",
        "font-size:0.8em",
        "font: italic bold 12px/14px Arial",
        "left:-20px",
        "opacity:0.5",
    ),
    *(
        "color:#fff",
        "color:white;background:#000",
        "background:#fff",
        "background-color:#fff;color:#333",
        "max-height:90px",
    ),
    *(
        "font-size:0;font-size:14px",
        "border-left:1px",
        "background:url(a.png);color:#fff",
        "font: caption",
        "font:inherit",
    ),
)


@pytest.mark.parametrize("tag", ["p", "div", "span", "td", "b", "a", "tr", "font", "h1", "center", "ul"])
@pytest.mark.parametrize("style", HIDING)
def test_hidden_text_is_not_read(style: str, tag: str) -> None:
    inner = "<td>secret <b>too</b></td>" if tag == "tr" else "secret <b>too</b>"
    element = f'<{tag} style="{style}">{inner}</{tag}>'
    around = (
        f"<table><tr>{element}</tr></table>" if tag == "td" else f"<table>{element}</table>" if tag == "tr" else element
    )
    assert plain_text(f"<p>where is it</p>{around}<p>thanks</p>") == "where is it\n\nthanks"


@pytest.mark.parametrize("style", SHOWING)
def test_text_that_is_seen_is_read(style: str) -> None:
    assert plain_text(f'<div><p style="{style}">where is it</p></div>') == "where is it"


@pytest.mark.parametrize(
    "source",
    [
        '<table><tr><td style="font-size:0"><div style="font-size:14px">x</div></td></tr></table>',
        '<div style="font-size:0px"><p style="font:14px/20px Arial">x</p></div>',
        '<div style="font-size:0px"><p style="font: italic bold 12px Arial">x</p></div>',
        '<div style="font-size:0px"><p style="font-size: medium">x</p></div>',
        '<div style="font-size:0px"><font size="3">x</font></div>',
        '<div style="font-size:0px"><p class="text">x</p></div>',
        '<div style="background:#fff;color:#fff"><p style="color:#000">x</p></div>',
        '<div style="background:#fff"><div style="background:#333;color:#fff"><b>x</b></div></div>',
        '<table bgcolor="#ffffff"><tr><td bgcolor="navy"><font color="#ffffff">x</font></td></tr></table>',
        '<div style="background:#fff"><a class="button" style="color:#fff">x</a></div>',
        '<style>.a{display:none} .a{display:block}</style><p class="a">x</p>',
        '<style>@media screen and (max-width:600px) { .a {display:none} .b{color:red} }</style><p class="a">x</p>',
        '<style>.c .a{display:none} .a.b{display:none} b>.a{display:none} .a:b{display:none}</style><b class="a">x',
        '<style>.a{display:none}</style><p class="a" style="display:block">x</p>',
        '<style>.a{/*display:none*/ color:red}</style><p class="a">x</p>',
    ],
)
def test_what_an_inner_style_may_show_again_is_read(source: str) -> None:
    assert plain_text(f"{source}<br>") == "x"


@pytest.mark.parametrize(
    "source",
    [
        '<style>.pre{display:none}</style><div class="x pre">secret</div>',
        '<style type="text/css"><!-- /* a */ p {margin:0} B.pre, #no {a:b; Display : none !important } --></style>'
        '<b class="pre">secret</b>',
        '<html><head><style>@import url(a.css); .pre{display:none}</style></head><div id="y" class=pre>secret</div>',
        '<style>#pre{display:none}</style><tr id="pre"><b id="pre">secret</b></tr>',
        '<style>@media print{.z{a:b}} .pre{display:none}</style><p class="pre">secret</p>',
        '<table bgcolor="#ffffff"><tr><td><font color="#FFFFFF">secret</font></td></tr></table>',
        '<body bgcolor="white"><p style="color:#fff">secret</p></body>',
        '<div style="font-size:0"><b style="font-size:80%">secret</b></div>',
    ],
)
def test_rules_and_attributes_hide_too(source: str) -> None:
    assert plain_text(f'{source}<p style="font-size:9pt;color:black">x</p>') == "x"


def test_only_the_beginning_of_style_sheets_is_looked_at() -> None:
    assert hidden_names(".a{display:none}" + " " * LONGEST + ".b{display:none}") == {".a"}

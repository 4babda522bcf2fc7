"""The report: one page without external resources, with correct content, and with data escaped."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from triage_models.data.evaluation_rows import LabelledRows
from triage_models.metrics.evaluation import evaluate_decisions
from triage_models.report.html import render_page
from triage_models.report.narrative import METRICS

from tests.models.samples import decision, manifest, sample

LABELS = ("WISMO", "RETURN_REQUEST", "OTHER")
VOID = {"meta", "br", "line", "polyline", "circle", "rect"}


class Balance(HTMLParser):
    """Checks that every tag is closed in order, and collects attributes and texts."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.words: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in VOID or tag == "circle":
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        if tag in VOID and tag != "circle" and (not self.open or self.open[-1] != tag):
            return
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def render(rows: LabelledRows, decisions: "list[Any]", labels: tuple[str, ...] = LABELS) -> tuple[dict[str, Any], str]:
    evaluation = evaluate_decisions(rows, decisions, manifest(labels), frozenset({"OOS"}), resamples=30)
    result = {
        "bundle": {"name": "shop", "version": "1", "path": "shop"},
        "data": "data.csv",
        "measured_at": "2026-01-01",
        **evaluation.result,
        "messages_per_second": 500.0,
        "threads": 2,
        "dollars_per_1000": 0.0001,
    }
    return result, render_page(evaluation, result)


CASES = {
    "usual": sample(300, LABELS),
    "none out of scope": sample(80, LABELS, out_of_scope=0.0),
    "all out of scope": sample(40, LABELS, out_of_scope=1.0),
    "nothing accepted": sample(60, LABELS, threshold=1.1),
    "all accepted and right": sample(60, LABELS, out_of_scope=0.0, accuracy=1.0, threshold=0.0),
    "one row": sample(1, LABELS, out_of_scope=0.0),
    "150 labels": sample(900, tuple(f"intent_{number}" for number in range(150))),
}


@pytest.mark.parametrize("case", CASES)
def test_the_page_is_well_formed_and_has_no_external_resources(case: str) -> None:
    rows, decisions = CASES[case]
    labels = tuple(
        sorted({one.intent for one in decisions} | {label for label in rows.labels if label != "OOS"} | {"a", "b"})
    )
    result, html = render(rows, decisions, labels)
    parsed = Balance(html)
    assert parsed.open == []
    assert not [found for found in parsed.attributes if found[1] in ("src", "href", "srcset", "action")]
    assert not re.search(r"@import|url\(|<script|<link|<iframe", html)
    assert not re.search(r"\bnan\b|\binf\b|None", " ".join(parsed.words))
    assert not [
        value for tag, _, value in parsed.attributes if tag in ("circle", "line", "polyline", "rect") and "nan" in value
    ]
    json.dumps(result, allow_nan=False)


def test_every_chart_has_a_description() -> None:
    _, html = render(*CASES["usual"])
    pictures = [value for tag, name, value in Balance(html).attributes if (tag, name) == ("svg", "aria-label")]
    assert len(pictures) == 5
    assert all(len(words) > 30 for words in pictures)


def test_texts_and_labels_of_the_data_are_escaped() -> None:
    evil = '<script>alert("1")</script><img src=x onerror=alert(1)>'
    rows = LabelledRows([evil, "b"], ["WISMO", "<b>bold</b>"], {"shop": ["<i>", "&amp;"]})
    result, html = render(rows, [decision("OTHER", 0.9, None), decision("OTHER", 0.9, None)])
    assert evil in " ".join(Balance(html).words)
    assert not [
        name for tag, name, _ in Balance(html).attributes if tag in ("script", "img", "i") or name.startswith("on")
    ]
    assert result["unknown_labels"] == {"<b>bold</b>": 1}


def test_of_150_labels_only_the_most_confused_are_shown() -> None:
    labels = tuple(f"intent_{number}" for number in range(150))
    rows = LabelledRows(["x"] * 150, list(labels), {})
    decisions = [decision(label, 0.9, None) for label in labels]
    decisions[7] = decision("intent_8", 0.9, None)
    _, html = render(rows, decisions, labels)
    matrix = html[html.index('class="heat"') : html.index("</table>")]
    assert matrix.count("<tr>") == 16
    assert '<th scope="row">intent_7</th>' in matrix
    assert '<th scope="row">intent_8</th>' in matrix
    assert "intent_7 predicted as intent_8" in html


@pytest.mark.parametrize(
    ("right", "wrong", "kind"),
    [(400, 4, "good"), (97, 3, "fair"), (60, 10, "bad")],
)
def test_the_verdict_compares_the_errors_with_the_guarantee(right: int, wrong: int, kind: str) -> None:
    rows = LabelledRows(["x"] * (right + wrong), ["WISMO"] * (right + wrong), {})
    decisions = [decision("WISMO", 0.9, None)] * right + [decision("OTHER", 0.8, None)] * wrong
    result, html = render(rows, decisions)
    assert f'class="verdict {kind}"' in html
    assert result["guarantee_kept"] is (kind != "bad")


def test_accepted_errors_come_before_refused_ones_and_refused_out_of_scope_rows_are_no_errors() -> None:
    rows = LabelledRows(["1", "2", "3", "4", "5"], ["WISMO", "WISMO", "OTHER", "OOS", "OOS"], {})
    decisions = [
        decision("OTHER", 0.3, "low_confidence"),
        decision("OTHER", 0.2, "low_confidence"),
        decision("WISMO", 0.9, None),
        decision("WISMO", 0.1, "out_of_scope"),
        decision("RETURN_REQUEST", 0.95, None),
    ]
    _, html = render(rows, decisions)
    heads = re.findall(r"<h3>([^<]*) predicted as ([^<]*)</h3>", html)
    assert heads == [("(out of scope)", "RETURN_REQUEST"), ("OTHER", "WISMO"), ("WISMO", "OTHER")]


def test_the_documentation_explains_every_metric() -> None:
    page = (Path(__file__).parents[3] / "docs" / "evaluation.md").read_text(encoding="utf-8")
    assert [name for name in METRICS if f"`{name}`" not in page] == []

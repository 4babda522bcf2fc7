"""Suspect labels of an evaluation: in the CSV, the figures and the report."""

import csv
import json
from pathlib import Path

import pytest
from triage_models.data.evaluation_rows import LabelledRows
from triage_models.labelling import network_vectors
from triage_models.labelling.suspects import Suspect
from triage_models.report import evaluate
from triage_models.report.suspect_labels import render_section, suspect_rows
from triage_models.serving.decision import Decision

from tests.models.samples import manifest


def decision(**scores: float) -> Decision:
    return Decision(max(scores, key=scores.__getitem__), 0.9, True, None, scores, 0.9, False)


def test_a_row_is_judged_by_its_label_the_likeliest_of_several_or_out_of_scope() -> None:
    rows = LabelledRows(
        ["wrong", "right", "one of two", "unknown", "nothing", "in scope after all"],
        ["A", "B", "A|B", "Z", "OOS", "none"],
        {},
    )
    sure = decision(B=0.95, A=0.02)
    decisions = [sure, sure, sure, sure, decision(A=0.02, B=0.01), sure]
    found = suspect_rows(rows, decisions, manifest(("A", "B"), oos_label="OOS"), frozenset({"OOS", "none"}))
    assert [(one.text, one.label, one.suggested) for one in found] == [
        ("wrong", "A", "B"),
        ("in scope after all", "OOS", "B"),
    ]


def test_the_section_escapes_texts_and_is_empty_without_suspects() -> None:
    assert render_section([]) == ""
    page = render_section([Suspect(0, "<b>hi</b>", "A", "B", 0.91, ("<i>near</i>",))])
    assert "<b>hi" not in page
    assert "<i>near" not in page
    assert "labelled A, rather B (margin 0.91)" in page


def test_a_bundle_without_vectors_is_evaluated_without_neighbours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(network_vectors, "LAYER_OUTPUT", b"(nothing)")
    (tmp_path / "data.csv").write_text("text,label\nwhere is my parcel,CANCEL_ORDER\nwhere is my order,WISMO\n")
    result = evaluate(tmp_path / "data.csv", output=tmp_path / "report", device="cpu", resamples=20)
    assert result["suspect_labels"] == 1
    assert "where is my parcel" in (tmp_path / "report" / "suspect_labels.csv").read_text(encoding="utf-8")


def test_evaluate_lists_a_wrong_label_with_its_neighbours(tmp_path: Path) -> None:
    rows = ["where is my parcel,CANCEL_ORDER", "where is my order,WISMO", "when will my package arrive,WISMO"]
    rows += ["please cancel my order,CANCEL_ORDER", "i want a refund,RETURN_REQUEST"]
    (tmp_path / "data.csv").write_text("text,label\n" + "\n".join(rows) + "\n")
    output = tmp_path / "report"
    result = evaluate(tmp_path / "data.csv", output=output, device="cpu", resamples=20)
    assert result["suspect_labels"] == 1
    with (output / "suspect_labels.csv").open(encoding="utf-8-sig", newline="") as file:
        (listed,) = csv.DictReader(file)
    assert (listed["text"], listed["label"], listed["suggested_label"]) == (
        "where is my parcel",
        "CANCEL_ORDER",
        "WISMO",
    )
    assert {listed["similar_1"], listed["similar_2"]} == {"where is my order", "when will my package arrive"}
    assert "Labels that look wrong" in (output / "report.html").read_text(encoding="utf-8")
    assert json.loads((output / "metrics.json").read_text())["suspect_labels"] == 1

    (tmp_path / "data.csv").write_text("text,label\nwhere is my order,WISMO\n")
    evaluate(tmp_path / "data.csv", output=output, device="cpu", resamples=20)
    assert not (output / "suspect_labels.csv").exists()

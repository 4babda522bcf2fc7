"""``triage evaluate`` and ``triage train``: output and errors."""

import json
from pathlib import Path

import pytest

from tests.worker.cli.result import Triage, refused


def test_evaluate_prints_one_object_of_figures(triage: Triage, tmp_path: Path) -> None:
    rows = "text,label\nwhere is my order,WISMO\ni want my money back,RETURN_REQUEST\nhello,OOS\n"
    (tmp_path / "in.csv").write_text(rows)
    ran = triage("evaluate", "--data", "in.csv", "--json", "--output", "report")
    figures = json.loads(ran.out)
    assert (figures["rows"], figures["in_scope_rows"]) == (3, 2)
    assert {"accuracy", "weighted_f1", "macro_f1", "mcc", "ece", "aurc"} <= set(figures)
    assert (tmp_path / "report" / "report.html").is_file()
    printed = triage("evaluate", "--data", "in.csv").out
    assert "Accuracy" in printed
    assert "does not know" not in printed


def test_evaluate_says_of_how_many_messages_each_figure_is(
    triage: Triage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    rows = (
        "text,label\nwhere is my order,WISMO\ni want my money back,RETURN_REQUEST\ncancel it,CANCEL_ORDER\nhello,OOS\n"
    )
    (tmp_path / "in.csv").write_text(rows)
    figures = json.loads(triage("evaluate", "--data", "in.csv", "--json").out)
    table = triage("evaluate", "--data", "in.csv").out.split("\n\n")[1].splitlines()
    assert table[0].split()[-1] == "messages"
    printed = {line.split("  ")[0]: line.split()[-1] for line in table[1:]}
    assert (printed["Accuracy"], printed["False acceptance"], printed["Accuracy over all traffic"]) == ("3", "1", "4")
    assert printed["Selective accuracy over all traffic"] == str(figures["accepted_rows"])


@pytest.mark.parametrize("columns", [80, 160])
def test_evaluate_says_what_the_figures_mean_without_a_thin_strip(
    triage: Triage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, columns: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    (tmp_path / "in.csv").write_text("text,label\nwhere is my order,WISMO\ni want my money back,RETURN_REQUEST\n")
    lines = triage("evaluate", "--data", "in.csv").out.splitlines()
    assert any("share of messages with an intent that are accepted" in line for line in lines)
    assert max(map(len, lines)) <= columns


def test_evaluate_warns_about_labels_that_the_bundle_does_not_know(triage: Triage, tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("text,label\nwhere is my order,[Versand]\ncancel it,Storno\nhello,WISMO\n")
    printed = triage("evaluate", "--data", "in.csv").out
    assert "2 rows have labels that this bundle does not know, and count as wrong: [Versand], Storno." in printed
    assert "--bundle" in printed


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (["evaluate", "--data", "nowhere.csv"], "nowhere.csv"),
        (["train", "--data", "nowhere.csv", "--output", "made"], "nowhere.csv"),
        (
            ["train", "--data", "in.csv", "--output", "made", "--time-budget", "soon"],
            "--time-budget soon is not a time",
        ),
        (["train", "--data", "in.csv", "--output", "made", "--epochs", "0"], "--epochs 0 would learn nothing"),
        (["train", "--data", "in.csv", "--output", "made", "--languages", "en,Spanish"], "'spanish', which is no"),
    ],
)
def test_an_error_of_training_or_evaluation_is_one_sentence(triage: Triage, arguments: list[str], part: str) -> None:
    refused(triage(*arguments), part)

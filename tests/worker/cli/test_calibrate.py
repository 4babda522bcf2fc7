"""``triage calibrate``: output, exit codes and errors."""

import json
from pathlib import Path

import pytest
from triage_models import DEFAULT_BUNDLE
from triage_models.data.corpus import read_messages

from tests.models.tiny import write_csv
from tests.worker.cli.result import Triage, refused

ROWS = [(message.text, message.label) for message in read_messages()[::60]]
CALIBRATE = ("calibrate", "--data", "own.csv", "--output", "own")


@pytest.fixture(autouse=True)
def rows(tmp_path: Path) -> None:
    write_csv(tmp_path / "own.csv", ROWS)


def test_it_prints_one_object_of_figures_and_the_bundle_verifies(triage: Triage) -> None:
    ran = triage(*CALIBRATE, "--json", "--bundle", str(DEFAULT_BUNDLE))
    assert ran.code == 0, ran.err
    figures = json.loads(ran.out)
    assert {"max_error", "coverage", "accepted_rows", "guaranteed", "rows_needed"} <= set(figures)
    assert (figures["max_error"], figures["guaranteed"], figures["rows_needed"]) == (0.05, True, 0)
    assert "classifying" in ran.err
    assert "is valid" in triage("bundle", "verify", "own").out
    shown = triage("bundle", "inspect", "own").out
    assert "at most 5% of accepted events are wrong" in shown
    assert "ecommerce" in shown
    triage(*CALIBRATE, "--max-error", "0.005")
    shown = triage("bundle", "inspect", "own").out
    assert "at most 0.5% of accepted events are wrong" in shown
    assert "suggests from" in shown


def test_it_says_in_words_what_is_guaranteed(triage: Triage) -> None:
    ran = triage(*CALIBRATE, "--max-error", "0.1", "--max-error-for", "CANCEL_ORDER=0.005")
    assert "Guaranteed: at most 10% of accepted messages are wrong, at 95% confidence" in ran.out
    assert "CANCEL_ORDER, from confidence" in ran.out
    assert "Not guaranteed: 0.5%." in ran.out
    assert "a statement of its own at 95% confidence. It is about different texts, not events" in ran.out
    assert "calibrated" not in ran.out
    assert "own is ready" in ran.out
    assert "the new bundle does not promise it" not in ran.out
    ran = triage(*CALIBRATE, "--max-error", "0.2")
    assert "This network was calibrated once before." in ran.out


def test_too_few_rows_are_no_error_and_the_bundle_is_written(triage: Triage, tmp_path: Path) -> None:
    write_csv(tmp_path / "own.csv", ROWS[:20])
    ran = triage(*CALIBRATE)
    assert ran.code == 0
    assert "Not guaranteed: 5%. By estimate, about" in ran.out
    assert "the new bundle does not promise it" in ran.out
    shown = triage("bundle", "inspect", "own").out
    assert ("suggests from" in shown) == ("suggests nothing" not in ran.out)
    assert (tmp_path / "own" / "triage.json").is_file()


def test_labels_without_a_row_are_named(triage: Triage, tmp_path: Path) -> None:
    labels = {part for _, label in ROWS for part in label.split("|")} - {"OOS"}
    ran = triage(*CALIBRATE)
    assert "No row judges" not in ran.out
    assert json.loads(triage(*CALIBRATE, "--json").out)["labels_not_judged"] == []
    write_csv(tmp_path / "own.csv", [row for row in ROWS if row[1] == "WISMO"])
    ran = triage(*CALIBRATE)
    assert f"No row judges {len(labels) - 1} labels of the bundle, so nothing is known about such messages: " in ran.out
    unjudged = json.loads(triage(*CALIBRATE, "--json").out)["labels_not_judged"]
    assert set(unjudged) == labels - {"WISMO"}


def test_a_text_with_different_labels_is_said_in_one_sentence(triage: Triage, tmp_path: Path) -> None:
    write_csv(tmp_path / "own.csv", [*ROWS[:40], ("where is my parcel", "WISMO"), ("Where is my parcel", "OTHER")])
    ran = triage(*CALIBRATE)
    assert (
        "1 text has different labels (OTHER, WISMO): 'where is my parcel'; all its messages count as wrong." in ran.err
    )


def test_costs_become_limits(triage: Triage, tmp_path: Path) -> None:
    (tmp_path / "costs.csv").write_text("label,cost\nCANCEL_ORDER,5\nOTHER,1\n")
    figures = json.loads(triage(*CALIBRATE, "--cost", "costs.csv", "--json").out)
    assert {label: own["max_error"] for label, own in figures["by_intent"].items()} == {"CANCEL_ORDER": 0.01}


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (["--max-error", "0"], "--max-error 0 is not between"),
        (["--suggest-max-error", "0.01"], "--suggest-max-error 0.01 is below --max-error 0.05"),
        (["--max-error-for", "CANCEL_ORDER"], "LABEL=0.01"),
        (["--max-error-for", "SHIPPING=0.01"], "The bundle has no intent SHIPPING"),
        (["--max-error-for", "OTHER=0.01", "--cost", "costs.csv"], "OTHER has a limit by --max-error-for and a cost"),
        (["--cost", "nowhere.csv"], "nowhere.csv"),
        (["--bundle", "nowhere"], "nowhere"),
        (["--out-of-scope-label", "smalltalk"], "No row has the out-of-scope label 'smalltalk'"),
    ],
)
def test_an_error_is_one_sentence(triage: Triage, tmp_path: Path, arguments: list[str], part: str) -> None:
    (tmp_path / "costs.csv").write_text("label,cost\nOTHER,5\n")
    refused(triage(*CALIBRATE, *arguments), part)
    assert not (tmp_path / "own").exists()


def test_a_table_of_another_kind_is_one_sentence(triage: Triage, tmp_path: Path) -> None:
    (tmp_path / "own.csv").write_bytes(b"PK\x03\x04 a workbook")
    refused(triage(*CALIBRATE), "own.csv")
    (tmp_path / "own.csv").write_text("text,label\nwhere is my parcel,Versand\n")
    refused(triage(*CALIBRATE), "does not know: Versand (1 of 1 rows)")

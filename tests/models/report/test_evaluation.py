"""Evaluating a CSV: what counts as correct, the files written, and errors in the CSV."""

import json
from pathlib import Path

import pytest
from triage_models.errors import DataError
from triage_models.metrics.slices import length_of, script_of
from triage_models.report import evaluate
from triage_models.report.narrative import dollars, percent
from triage_models.serving.classifier import Classifier
from triage_models.serving.decision import Decision

from tests.models.samples import FakeClassifier, decision, manifest

LABELS = ("WISMO", "RETURN_REQUEST", "OTHER")


def answers(monkeypatch: pytest.MonkeyPatch, table: dict[str, Decision], oos_label: str | None = None) -> None:
    fake = FakeClassifier(manifest(LABELS, oos_label=oos_label), table)
    monkeypatch.setattr(Classifier, "open", lambda path, **options: fake)


def written(folder: Path, *lines: str, head: str = "text,label") -> Path:
    file = folder / "data.csv"
    file.write_text("\n".join([head, *lines]) + "\n", encoding="utf-8")
    return file


def test_any_of_several_labels_is_correct_and_the_first_is_the_primary_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers(
        monkeypatch,
        {
            "a": decision("OTHER", 0.9, None),
            "b": decision("RETURN_REQUEST", 0.9, None),
            "c": decision("WISMO", 0.9, None),
        },
    )
    found = evaluate(written(tmp_path, "a,WISMO|OTHER", "b,WISMO|OTHER", "c,WISMO"), resamples=20)
    assert found["accuracy"] == pytest.approx(2 / 3)
    assert {row["label"]: row["rows"] for row in found["by_label"]} == {"WISMO": 2, "RETURN_REQUEST": 0, "OTHER": 1}


@pytest.mark.parametrize(
    ("label", "asked", "of_bundle"),
    [("OOS", None, None), ("oos", None, None), ("NONE", "NONE", None), ("FOREIGN", None, "FOREIGN")],
)
def test_out_of_scope_rows_are_correct_when_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, label: str, asked: str | None, of_bundle: str | None
) -> None:
    table = {
        "a": decision("WISMO", 0.9, None),
        "b": decision("OTHER", 0.1, "out_of_scope"),
        "c": decision("OTHER", 0.8, None),
    }
    answers(monkeypatch, table, of_bundle)
    found = evaluate(written(tmp_path, "a,WISMO", f"b,{label}", f"c,{label}"), out_of_scope_label=asked, resamples=20)
    assert found["out_of_scope_rows"] == 2
    assert found["accuracy"] == 1
    assert found["false_acceptance_rate"] == 0.5
    assert found["all_traffic_accuracy"] == pytest.approx(2 / 3)
    assert found["refusals"] == {"out_of_scope": 1}


def test_rows_with_an_unknown_label_are_wrong_and_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answers(monkeypatch, {"a": decision("WISMO", 0.9, None), "b": decision("WISMO", 0.9, None)})
    found = evaluate(written(tmp_path, "a,WISMO", "b,REFUND"), resamples=20)
    assert found["unknown_labels"] == {"REFUND": 1}
    assert found["accuracy"] == 0.5


def test_metrics_are_sliced_by_other_columns_but_not_by_ids(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [f"text {number}" for number in range(60)]
    answers(monkeypatch, {text: decision("WISMO", 0.9, None) for text in texts})
    lines = [f"{text},WISMO,{'pets' if number % 3 else 'shoes'},id-{number}" for number, text in enumerate(texts)]
    found = evaluate(written(tmp_path, *lines, head="text,label,shop,message_id"), resamples=20)
    assert [(one["by"], one["value"], one["rows"]) for one in found["by_slice"]] == [
        ("shop", "pets", 40),
        ("shop", "shoes", 20),
    ]


def test_report_and_json_are_written_and_agree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answers(monkeypatch, {"a": decision("WISMO", 0.9, None), "b": decision("WISMO", 0.4, "ambiguous")})
    seen: list[tuple[int, int]] = []
    found = evaluate(
        written(tmp_path, "a,WISMO", "b,OTHER"),
        output=tmp_path / "new" / "folder",
        resamples=20,
        progress=lambda done, rows: seen.append((done, rows)),
    )
    assert json.loads((tmp_path / "new" / "folder" / "metrics.json").read_text(encoding="utf-8")) == found
    assert (tmp_path / "new" / "folder" / "report.html").read_text(encoding="utf-8").startswith("<!doctype html>")
    assert seen == [(2, 2)]
    assert found["accuracy_ci"][0] <= found["accuracy"] <= found["accuracy_ci"][1]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"text,intent\na,b\n", "has no column 'label' (its columns: text, intent)"),
        (b"", "is empty: it needs a header line with the columns text and label"),
        (b"text,label\n", "has no rows"),
        (b"text,label\na,WISMO\n  ,WISMO\n", "line 3: the row has no text"),
        (b"text,label\na\n", "line 2: the row has no label"),
        (b"text,label\n\xff,WISMO\n", "is not UTF-8 (byte 0xFF at the start of line 2)"),
    ],
)
def test_a_csv_that_cannot_be_used_is_refused_with_one_sentence(tmp_path: Path, content: bytes, says: str) -> None:
    file = tmp_path / "data.csv"
    file.write_bytes(content)
    with pytest.raises(DataError) as caught:
        evaluate(file)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_file_and_a_label_without_rows_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DataError, match="There is no file"):
        evaluate(tmp_path / "none.csv")
    answers(monkeypatch, {"a": decision("WISMO", 0.9, None)})
    with pytest.raises(DataError, match="No row has the out-of-scope label 'oops'"):
        evaluate(written(tmp_path, "a,WISMO"), out_of_scope_label="oops")


def test_a_report_that_cannot_be_written_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answers(monkeypatch, {"a": decision("WISMO", 0.9, None)})
    with pytest.raises(DataError, match="cannot be written"):
        evaluate(written(tmp_path, "a,WISMO"), output=tmp_path / "data.csv", resamples=20)


@pytest.mark.parametrize(
    ("text", "length", "script"),
    [
        ("emi?", "1–3 words", "latin"),
        ("मेरा ऑर्डर कहाँ है", "4–8 words", "devanagari"),
        ("123 456", "1–3 words", "none"),
        ("где мой заказ ok", "4–8 words", "cyrillic"),
        ("a " * 21, "over 20 words", "latin"),
    ],
)
def test_length_and_script_of_a_text(text: str, length: str, script: str) -> None:
    assert length_of(text) == length
    assert script_of(text) == script


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0.973, "97.3 %"),
        (0.95, "95 %"),
        (1.0, "100 %"),
        (0.0, "0 %"),
        (0.9998, "99.98 %"),
        (0.9999999, "over 99.999 %"),
        (0.0000001, "under 0.001 %"),
        (None, "–"),
    ],
)
def test_a_percentage_is_never_rounded_to_0_or_100(share: float | None, text: str) -> None:
    assert percent(share) == text.replace(" %", "\N{NO-BREAK SPACE}%")


def test_small_amounts_have_two_significant_digits() -> None:
    assert [dollars(amount) for amount in (12.5, 0.1, 0.01545, 0.00002)] == ["$12.50", "$0.10", "$0.015", "$0.000020"]

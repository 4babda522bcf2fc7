"""``triage sample``: the CSV that it writes, and its errors."""

import csv
import json
from pathlib import Path

import pytest
from triage_models.data.evaluation_rows import read_labelled_rows

from tests.models.serving.shipped import texts
from tests.worker.cli.result import Triage, refused


def read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def dump(tmp_path: Path) -> Path:
    path = tmp_path / "dump.jsonl"
    rows = [{"text": text, "message_id": f"m{number}"} for number, text in enumerate(texts(120))]
    rows += [{"text": "=1+1 is what I paid, why"}, {"text": "   "}, *([{"text": "same again"}] * 30)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_the_csv_has_empty_labels_parts_and_counts(triage: Triage, dump: Path, tmp_path: Path) -> None:
    ran = triage("sample", "--input", "dump.jsonl", "--rows", "60", "--output", "label.csv")
    assert ran.code == 0, ran.err
    assert "60 of 151 messages (1 others have no text) are in label.csv" in ran.out
    rows = read(tmp_path / "label.csv")
    assert list(rows[0]) == ["text", "label", "message_id", "part", "count"]
    assert {row["label"] for row in rows} == {""}
    assert {row["part"] for row in rows} == {"random", "uncertain", "diverse"}
    assert sum(int(row["count"]) for row in rows if row["part"] == "random") == 30
    assert len({row["text"].casefold() for row in rows}) == 60
    again = triage("sample", "--input", "dump.jsonl", "--rows", "60", "--output", "again.csv")
    assert again.code == 0
    assert read(tmp_path / "again.csv") == rows
    assert triage("sample", "--input", "dump.jsonl", "--rows", "60", "--seed", "1", "--output", "again.csv").code == 0
    assert read(tmp_path / "again.csv") != rows


def test_suggested_labels_make_it_a_file_that_evaluate_reads_with_formulas_as_text(
    triage: Triage, dump: Path, tmp_path: Path
) -> None:
    ran = triage("sample", "--input", "dump.jsonl", "--rows", "122", "--suggest-labels", "--output", "label.csv")
    assert ran.code == 0, ran.err
    assert '\n" =1+1' in (tmp_path / "label.csv").read_text(encoding="utf-8-sig").replace("\r", "")
    rows = read_labelled_rows(tmp_path / "label.csv")
    assert "=1+1 is what I paid, why" in rows.texts
    assert 0 <= float(read(tmp_path / "label.csv")[0]["confidence"]) <= 1


def test_a_message_id_of_any_type_is_written_and_a_missing_one_is_the_number_of_the_row(
    triage: Triage, tmp_path: Path
) -> None:
    rows = [{"text": "where is it", "message_id": ["a", 1]}, {"text": "cancel it", "message_id": None}]
    (tmp_path / "dump.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    ran = triage("sample", "--input", "dump.jsonl", "--rows", "2", "--output", "label.csv")
    assert ran.code == 0, ran.err
    assert {row["text"]: row["message_id"] for row in read(tmp_path / "label.csv")} == {
        "where is it": "['a', 1]",
        "cancel it": "2",
    }


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (["--output", "label.csv"], "Give the messages by one of --input FILE and --topic TOPIC"),
        (["--input", "a.csv", "--topic", "t", "--output", "label.csv"], "one of --input FILE and --topic"),
        (["--input", "nowhere.csv", "--output", "label.csv"], "nowhere.csv"),
        (["--input", "dump.jsonl", "--output", "label.txt"], "does not end in .csv"),
        (["--input", "dump.jsonl", "--output", "no/label.csv"], "folder that does not exist"),
        (["--input", "dump.jsonl", "--last", "5", "--output", "label.csv"], "are about a topic"),
        (["--topic", "t", "--last", "5", "--since", "2026-01-01", "--output", "label.csv"], "give one of them"),
        (["--topic", "t", "--text-column", "body", "--output", "label.csv"], "--text-column is about a file"),
        (["--topic", "t", "--since", "yesterday", "--output", "label.csv"], "'yesterday' is not a time"),
        (["--input", "dump.jsonl", "--text-column", "body", "--output", "label.csv"], "body"),
        (["--input", "blank.txt", "--output", "label.csv"], "has no message with text"),
    ],
)
def test_an_error_is_one_sentence(triage: Triage, dump: Path, arguments: list[str], part: str) -> None:
    dump.with_name("blank.txt").write_text("\n \n")
    refused(triage("sample", *arguments), part)
    assert not dump.with_name("label.csv").exists()

"""``triage classify``: its input, its output and its errors."""

import csv
from pathlib import Path
from typing import Any

import pytest
from triage_models.serving.routed import RoutedClassifier

from tests.worker.cli.fake_classifier import FakeClassifier
from tests.worker.cli.result import Triage, answers, refused


@pytest.mark.usefixtures("model")
def test_classify_prints_one_object_a_text_in_order(triage: Triage) -> None:
    first, second = answers(triage("classify", "--format", "jsonl", "where is it", "hm"))
    assert first == {
        "text": "where is it",
        "intent": "WISMO",
        "confidence": 1.0,
        "accepted": True,
        "reason": None,
        "scores": {"WISMO": 1.0, "OTHER": 0.0},
        "truncated": False,
        "suggested": False,
        "language": "en",
        "intents": [{"intent": "WISMO", "probability": 1.0}],
    }
    assert (second["text"], second["accepted"], second["reason"]) == ("hm", False, "low_confidence")


@pytest.mark.usefixtures("model")
def test_the_table_has_accepted_or_the_reason(triage: Triage) -> None:
    ran = triage("classify", "where\nis it", "hm")
    header, first, second = ran.out.splitlines()
    assert header.split() == ["message", "intent", "confidence", "accepted"]
    assert first.split() == ["where", "is", "it", "WISMO", "1.000", "accepted"]
    assert second.split() == ["hm", "WISMO", "0.200", "low", "confidence"]


def test_each_text_is_classified_by_the_bundle_of_its_language(triage: Triage, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[object, ...]] = []

    def open_bundles(*arguments: object, **options: object) -> FakeClassifier:
        asked.append((*arguments, options))
        return FakeClassifier()

    monkeypatch.setattr(RoutedClassifier, "open", open_bundles)
    arguments = ["--bundle", "en=a,es=b,pt=b,*=c", "--threads", "3", "--no-detect-language"]
    assert len(triage("classify", "where is it", "hm", *arguments).out.splitlines()) == 3
    options = {"device": "auto", "threads": 3, "detect_language": False, "clean_email": True}
    assert asked == [(Path("c"), {("en",): Path("a"), ("es", "pt"): Path("b")}, options)]


@pytest.mark.usefixtures("model")
def test_a_text_that_is_cut_off_ends_with_an_ellipsis(triage: Triage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    _, fits, longer, wide = triage("classify", "a" * 33, "a" * 34, "你" * 17).out.splitlines()
    assert [line.split(" ")[0] for line in (fits, longer, wide)] == ["a" * 33, "a" * 32 + "…", "你" * 16 + "…"]


@pytest.mark.usefixtures("model")
def test_the_answers_for_a_large_file_are_in_order(triage: Triage, tmp_path: Path) -> None:
    texts = [f"message, no {number}\nwith a second line" for number in range(3_000)]
    with (tmp_path / "in.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["label", "message"])
        rows.writerows(["X", text] for text in texts)
    ran = triage("classify", "--input", "in.csv", "--text-column", "message", "--format", "jsonl")
    assert [answer["text"] for answer in answers(ran)] == texts


@pytest.mark.usefixtures("model")
@pytest.mark.parametrize(
    ("name", "content", "texts"),
    [
        ("in.csv", b"\xef\xbb\xbftext,label\na,X\n,Y\nb\n", ["a", "", "b"]),
        ("in.jsonl", b'{"text": "a"}\n\n{"text": "", "x": 1}\n', ["a", ""]),
        ("in.txt", "a\r\n\n  \nü 😀\n".encode(), ["a", "ü 😀"]),
    ],
)
def test_every_kind_of_file(triage: Triage, tmp_path: Path, name: str, content: bytes, texts: list[str]) -> None:
    (tmp_path / name).write_bytes(content)
    assert [answer["text"] for answer in answers(triage("classify", "--input", name, "--format", "jsonl"))] == texts


@pytest.mark.usefixtures("model")
@pytest.mark.parametrize("arguments", [[], ["--input", "-"]])
def test_standard_input_is_read_line_by_line(triage: Triage, arguments: list[str]) -> None:
    ran = triage("classify", *arguments, "--format", "jsonl", stdin="one\n\ntwo ü\r\n".encode())
    assert [answer["text"] for answer in answers(ran)] == ["one", "two ü"]


def test_flags_reach_the_classifier(triage: Triage, model: dict[str, Any]) -> None:
    triage("classify", "hello", "--bundle", "some/where", "--device", "cpu", "--threads", "3")
    switches = {"detect_language": True, "clean_email": True}
    assert model == {"path": Path("some/where"), "device": "cpu", "threads": 3, **switches}


FILES = {
    "empty.csv": b"",
    "header.csv": b"text,label\n",
    "other.csv": b"message,label\na,X\n",
    "latin.txt": b"caf\xe9\n",
    "bad.jsonl": b'{"text": "a"}\n{"text":\n',
    "list.jsonl": b'["a"]\n',
    "number.jsonl": b'{"text": 5}\n',
    "in.xlsx": b"PK",
}


@pytest.mark.usefixtures("model")
@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (["--input", "nowhere.csv"], "There is no file nowhere.csv"),
        (["--input", "empty.csv"], "empty.csv is empty: it needs a header line with the column text"),
        (["--input", "header.csv"], "There is nothing to classify in header.csv"),
        (
            ["--input", "other.csv"],
            "other.csv has no column 'text' (its columns: message, label): choose one with --text-column",
        ),
        (["--input", "latin.txt"], "latin.txt is not UTF-8"),
        (["--input", "bad.jsonl"], "bad.jsonl, line 2: not JSON ("),
        (["--input", "list.jsonl"], "list.jsonl, line 1: not a JSON object but an array"),
        (["--input", "number.jsonl"], "not a string, at line 1"),
        (["--input", "in.xlsx"], "ends in none of .csv"),
        (["--input", "other.csv", "hello"], "give one of them"),
        (["--input", "-"], "nothing to classify in standard input"),
        (["--device", "tpu", "hello"], "--device (flag) is not valid"),
    ],
)
def test_an_input_error_is_one_sentence(triage: Triage, tmp_path: Path, arguments: list[str], part: str) -> None:
    for name, content in FILES.items():
        (tmp_path / name).write_bytes(content)
    refused(triage("classify", *arguments, "--format", "jsonl"), part)

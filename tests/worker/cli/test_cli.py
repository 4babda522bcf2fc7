"""The command line: what it prints, and its errors."""

import csv
import io
import json
import os
import re
import sys
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from triage_models.errors import BundleError
from triage_models.serving.classifier import Classifier
from triage_models.serving.decision import Decision, Reason
from triage_worker.cli.app import main
from triage_worker.config.settings import Settings
from triage_worker.config.sources import PREFIX, variable

from tests.models.metrics.made import made

DOCUMENT = Path(__file__).parents[3] / "docs" / "asyncapi.yaml"


@dataclass
class Ran:
    code: int
    out: str
    err: str


Triage = Callable[..., Ran]


@pytest.fixture
def triage(monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes], tmp_path: Path) -> Triage:
    for name in [name for name in os.environ if name.upper().startswith(PREFIX)]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "120")

    def run(*arguments: str, stdin: bytes = b"") -> Ran:
        monkeypatch.setattr(sys, "argv", ["triage", *arguments])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        with pytest.raises(SystemExit) as left:
            main()
        captured = capsysbinary.readouterr()
        return Ran(int(left.value.code or 0), captured.out.decode(), captured.err.decode())

    return run


class FakeClassifier:
    """A fake classifier: long texts are accepted, and every text has its own confidence."""

    threads = 2

    def classify(self, texts: Sequence[str]) -> list[Decision]:
        return [self._decide(text) for text in texts]

    def _decide(self, text: str) -> Decision:
        sure = len(text) > 5
        confidence = min(1.0, len(text) / 10)
        reason: Reason | None = None if sure else "low_confidence"
        return Decision("WISMO", confidence, sure, reason, {"WISMO": confidence, "OTHER": 0.0}, 0.9, False)


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    asked: dict[str, Any] = {}

    def open_bundle(path: Path, **arguments: Any) -> FakeClassifier:
        asked.update(arguments, path=path)
        return FakeClassifier()

    monkeypatch.setattr(Classifier, "open", open_bundle)
    return asked


def answers(ran: Ran) -> list[dict[str, Any]]:
    assert ran.code == 0, ran.err
    return [json.loads(line) for line in ran.out.splitlines()]


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
    }
    assert (second["text"], second["accepted"], second["reason"]) == ("hm", False, "low_confidence")


@pytest.mark.usefixtures("model")
def test_the_table_has_accepted_or_the_reason(triage: Triage) -> None:
    ran = triage("classify", "where\nis it", "hm")
    header, first, second = ran.out.splitlines()
    assert header.split() == ["message", "intent", "confidence", "accepted"]
    assert first.split() == ["where", "is", "it", "WISMO", "1.000", "accepted"]
    assert second.split() == ["hm", "WISMO", "0.200", "low", "confidence"]


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
    ran = triage("classify", *arguments, "--format", "jsonl", stdin=b"one\ntwo \xff\n")
    assert [answer["text"] for answer in answers(ran)] == ["one", "two \ufffd"]


def test_flags_reach_the_classifier(triage: Triage, model: dict[str, Any]) -> None:
    triage("classify", "hello", "--bundle", "some/where", "--device", "cpu", "--threads", "3")
    assert model == {"path": Path("some/where"), "device": "cpu", "threads": 3}


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
        (["--input", "empty.csv"], "empty.csv has no column 'text' (its columns: none)"),
        (["--input", "header.csv"], "There is nothing to classify in header.csv"),
        (
            ["--input", "other.csv"],
            "other.csv has no column 'text' (its columns: message, label): choose one with --text-column",
        ),
        (["--input", "latin.txt"], "latin.txt is not UTF-8"),
        (["--input", "bad.jsonl"], "bad.jsonl is not JSON at line 2"),
        (["--input", "list.jsonl"], "list.jsonl has no field 'text' at line 1"),
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


def refused(ran: Ran, part: str) -> None:
    assert ran.code == 2
    assert ran.err.startswith("triage: ")
    assert ran.err.count("\n") == 1
    assert part in ran.err
    assert "Traceback" not in ran.err


def test_a_missing_bundle_is_one_sentence(triage: Triage) -> None:
    for command in (["classify", "hello"], ["bundle", "verify"], ["bundle", "inspect"]):
        refused(triage(*command, "--bundle", "nowhere"), "nowhere")
    refused(triage("bundle", "inspect", "nowhere"), "nowhere")


@pytest.mark.usefixtures("model")
def test_a_bundle_is_promoted_rolled_back_and_its_history_shown(triage: Triage, tmp_path: Path) -> None:
    for version in ("1", "2"):
        ran = triage("bundle", "promote", str(made(tmp_path / version, version)), "--store", "s", "--why", "a [test]")
        assert (ran.code, ran.out) == (0, f"{version} is now current in s.\n"), ran.err
    assert triage("bundle", "rollback", "s", "--why", "no good").out == "1 is current in s again.\n"
    refused(triage("bundle", "rollback", "s"), "nothing to go back to")
    refused(triage("bundle", "rollback", "nowhere"), "There is no store")
    _, *lines, last = triage("bundle", "history", "s").out.splitlines()
    assert [line.split(None, 2)[2].strip() for line in lines] == [
        "promote         1   a [test]",
        "promote   1     2   a [test]",
        "rollback  2     1   no good",
    ]
    assert last == "Current is 1."


def test_a_bundle_that_does_not_verify_is_not_promoted(triage: Triage, tmp_path: Path) -> None:
    refused(triage("bundle", "promote", str(made(tmp_path / "1", "1")), "--store", "s", "--why", "x"), "cannot be read")
    assert not (tmp_path / "s").exists()


def test_a_models_error_is_one_sentence(triage: Triage, monkeypatch: pytest.MonkeyPatch) -> None:
    def damaged(*_: object, **__: object) -> None:
        raise BundleError("The bundle is damaged: copy it again.")

    monkeypatch.setattr(Classifier, "open", damaged)
    refused(triage("bundle", "verify"), "The bundle is damaged")


def test_settings_shows_values_and_sources_and_masks_secrets(
    triage: Triage, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TRIAGE_LLM_API_KEY", "hunter2")
    (tmp_path / ".env").write_text("TRIAGE_THREADS=7\n")
    ran = triage("settings", "--group-id", "mine", "--include-text")
    assert "hunter2" not in ran.out
    lines = {line.split()[0]: line.split()[1:3] for line in ran.out.splitlines()}
    assert lines["TRIAGE_LLM_API_KEY"] == ["********", "environment"]
    assert lines["TRIAGE_THREADS"] == ["7", ".env"]
    assert lines["TRIAGE_GROUP_ID"] == ["mine", "flag"]
    assert lines["TRIAGE_INCLUDE_TEXT"] == ["True", "flag"]
    assert lines["TRIAGE_INPUT_TOPIC"] == ["customer.messages", "default"]
    assert {variable(name) for name in Settings.model_fields} <= set(lines)


def test_settings_as_json(triage: Triage) -> None:
    shown = json.loads(triage("settings", "--json").out)
    assert shown["TRIAGE_HTTP_PORT"] == {"value": 8080, "source": "default"}
    assert shown["TRIAGE_GROUP_ID"] == {"value": None, "source": "default"}


def test_secrets_have_no_flags(triage: Triage) -> None:
    assert triage("settings", "--llm-api-key", "hunter2").code == 2


def test_an_unknown_variable_stops_every_command(triage: Triage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRIAGE_BUNDEL", "x")
    for command in (["settings"], ["classify", "hello"], ["topics", "check"], ["asyncapi"]):
        refused(triage(*command), "did you mean TRIAGE_BUNDLE?")


def test_topics_without_a_broker_is_one_sentence(triage: Triage) -> None:
    refused(triage("topics", "check", "--bootstrap-servers", "127.0.0.1:1"), "No broker answers at 127.0.0.1:1")


def test_the_committed_document_is_the_generated_one(triage: Triage) -> None:
    assert triage("asyncapi").out == DOCUMENT.read_text(), "run `triage asyncapi > docs/asyncapi.yaml`"


def test_the_document_has_the_names_of_this_installation(triage: Triage) -> None:
    assert "address: shop.chat\n" in triage("asyncapi", "--input-topic", "shop.chat").out


def test_the_version_is_that_of_the_package(triage: Triage) -> None:
    pyproject = tomllib.loads((DOCUMENT.parents[1] / "pyproject.toml").read_text(encoding="utf-8"))
    assert triage("--version") == Ran(0, f"triage {pyproject['project']['version']}\n", "")


def test_help_needs_no_model(triage: Triage) -> None:
    ran = triage("--help")
    assert ran.code == 0
    for command in ("classify", "bundle", "topics", "settings", "asyncapi"):
        assert command in ran.out


def test_the_demo_accounts_for_every_message(triage: Triage) -> None:
    ran = triage("demo", "--messages", "60")
    assert ran.code == 0, ran.err
    assert "Worker, router and fallback are ready; the bundle is ecommerce." in ran.out
    counts = re.fullmatch(r"read 60 = accepted (\d+) \+ fallback (\d+) \+ dead letters 2", ran.out.splitlines()[-1])
    assert counts is not None
    assert int(counts[1]) + int(counts[2]) == 58


def test_the_demo_prints_why_its_worker_does_not_start(triage: Triage) -> None:
    refused(triage("demo", "--bundle", "nowhere"), "There is no bundle at")


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
    ],
)
def test_an_error_of_training_or_evaluation_is_one_sentence(triage: Triage, arguments: list[str], part: str) -> None:
    refused(triage(*arguments), part)

"""The commands read e-mails as the worker does: by the same setting, and by a flag."""

import json
from pathlib import Path
from typing import Any

import pytest
from triage_models.errors import ModelError
from triage_models.serving.classifier import Classifier

from tests.models.tiny import write_csv
from tests.worker.cli.result import Triage, answers

GERMAN = "wo ist mein paket, ich warte seit zwei wochen"
QUOTING = f"{GERMAN}\n\n> " + "\n> ".join(["thank you for your order, we have sent it to you today"] * 9)
COMMANDS = {
    "calibrate": ("--data", "rows.csv", "--output", "out"),
    "evaluate": ("--data", "rows.csv"),
    "sample": ("--input", "rows.csv", "--rows", "2", "--output", "out.csv"),
    "classify": ("--input", "rows.csv"),
}


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[bool]:
    """How e-mails are to be read, at each attempt to open a bundle; all of them fail."""
    write_csv(tmp_path / "rows.csv", [("where is it", "WISMO"), ("cancel it", "CANCEL_ORDER")])
    found: list[bool] = []

    def open_(*_: Any, clean_email: bool = True, **__: Any) -> None:
        found.append(clean_email)
        raise ModelError("That is enough.")

    monkeypatch.setattr(Classifier, "open", open_)
    return found


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_reads_mails_by_the_setting_or_a_flag(
    triage: Triage, monkeypatch: pytest.MonkeyPatch, asked: list[bool], command: str
) -> None:
    arguments = (command, *COMMANDS[command])
    triage(*arguments)
    triage(*arguments, "--no-clean-email")
    monkeypatch.setenv("TRIAGE_CLEAN_EMAIL", "false")
    triage(*arguments)
    triage(*arguments, "--clean-email")
    assert asked == [True, False, False, True]


def test_learn_compares_bundles_by_the_setting(triage: Triage, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="needs the [train] extra")
    from triage_models.feedback import learn as learning

    write_csv(tmp_path / "labels.csv", [("where is it", "WISMO")])
    asked: list[bool] = []

    def learn(*_: Any, clean_email: bool, **__: Any) -> None:
        asked.append(clean_email)
        raise ModelError("That is enough.")

    monkeypatch.setattr(learning, "learn", learn)
    monkeypatch.setenv("TRIAGE_CLEAN_EMAIL", "false")
    triage("learn", "--labels", "labels.csv")
    triage("learn", "--labels", "labels.csv", "--clean-email")
    assert asked == [False, True]


@pytest.mark.usefixtures("model")
def test_the_language_is_that_of_what_is_classified(triage: Triage, tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_text(json.dumps({"text": QUOTING}))
    arguments = ("classify", "--input", "in.jsonl", "--format", "jsonl")
    assert [one["language"] for one in answers(triage(*arguments))] == ["de"]
    assert [one["language"] for one in answers(triage(*arguments, "--no-clean-email"))] == ["en"]

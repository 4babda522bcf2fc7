"""Runs the command line within the test's process, and a fake classifier for it."""

import io
import os
import sys
from pathlib import Path
from typing import Any

import pytest
from triage_models.serving.classifier import Classifier
from triage_worker.cli.main import main
from triage_worker.config.sources import PREFIX

from tests.worker.cli.fake_classifier import FakeClassifier
from tests.worker.cli.result import CommandResult, Triage


@pytest.fixture
def triage(monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes], tmp_path: Path) -> Triage:
    for name in [name for name in os.environ if name.upper().startswith(PREFIX)]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "120")

    def run(*arguments: str, stdin: bytes = b"") -> CommandResult:
        monkeypatch.setattr(sys, "argv", ["triage", *arguments])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        with pytest.raises(SystemExit) as left:
            main()
        captured = capsysbinary.readouterr()
        return CommandResult(int(left.value.code or 0), captured.out.decode(), captured.err.decode())

    return run


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    asked: dict[str, Any] = {}

    def open_bundle(path: Path, **arguments: Any) -> FakeClassifier:
        asked.update(arguments, path=path)
        return FakeClassifier()

    monkeypatch.setattr(Classifier, "open", open_bundle)
    return asked

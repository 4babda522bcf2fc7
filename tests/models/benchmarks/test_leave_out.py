"""Leaving out a kind of shop: its rows are evaluated on and not trained on."""

import csv
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch", reason="needs the [train] extra")

import triage_models.training
from triage_models.benchmarks import leave_out
from triage_models.benchmarks.suite import EXIT_INCOMPLETE
from triage_models.data.corpus import read_messages

from tests.models.tiny import write_csv


def texts(file: Path) -> set[str]:
    with file.open(encoding="utf-8", newline="") as stream:
        return {row["text"] for row in csv.DictReader(stream)}


def test_every_shop_of_every_kind_is_in_the_corpus_and_of_one_kind() -> None:
    named = [shop for shops in leave_out.KINDS.values() for shop in shops]
    assert set(named) <= {message.shop for message in read_messages()}
    assert len(named) == len(set(named))


def public(folder: Path) -> Path:
    """Write public data sets of a few rows, without SOFMattress."""
    for name in ("ecomintent", "clinc150"):
        (folder / name).mkdir(parents=True)
        rows = [(f"{name} template {number}", "WISMO") for number in range(40)]
        write_csv(folder / name / "train.csv", rows)
    return folder


def test_rows_that_are_evaluated_on_were_not_trained_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    trained: list[Path] = []
    measured: list[Path] = []

    def train(data: Path, output: Path, **_options: Any) -> Path:
        trained.append(data)
        return output

    def evaluate(data: Path, _bundle: Path, output: Path) -> dict[str, Any]:
        measured.append(data)
        figures = dict.fromkeys(leave_out.METRICS, 0.9) | {"oos_auroc": None}
        return {"rows": 3, **figures, **{f"{name}_ci": [0.8, 1.0] for name in figures}}

    monkeypatch.setattr(triage_models.training, "train", train)
    monkeypatch.setattr(leave_out, "evaluate", evaluate)
    arguments = ["--data", str(public(tmp_path / "data")), "--runs", str(tmp_path / "runs"), "--kind", "food"]
    assert leave_out.main([*arguments, "--quick"]) == 0
    assert "0.900 (0.800 – 1.000)" in capsys.readouterr().out
    assert len(measured) == 1  # SOFMattress is not there
    assert len(texts(measured[0])) > 500
    assert not texts(measured[0]) & texts(trained[0])
    quick = sum(text.startswith("ecomintent") for text in texts(trained[0]))
    assert leave_out.main(arguments) == 0
    assert (quick, sum(text.startswith("ecomintent") for text in texts(trained[1]))) == (4, 40)


def test_missing_data_is_reported_in_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert leave_out.main(["--data", str(tmp_path), "--runs", str(tmp_path / "runs")]) == EXIT_INCOMPLETE
    assert "There is no file" in capsys.readouterr().err

"""The benchmark suite: targets, missing data, and reuse of trained bundles."""

from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

pytest.importorskip("torch", reason="needs the [train] extra")

import triage_models.training
from triage_models.benchmarks import measurements, suite
from triage_models.benchmarks.measurements import BenchmarkContext
from triage_models.benchmarks.targets import BENCHMARKS, Measurement, Target, run_benchmark
from triage_models.data.evaluation_rows import read_labelled_rows

NAMED = {one.name: one for one in BENCHMARKS}


def found(**figures: Any) -> dict[str, Any]:
    """Build the part of an evaluation that is read."""
    return {**figures, **{f"{name}_ci": [0.1, 0.9] for name in figures}}


def test_a_target_is_a_minimum_or_a_maximum() -> None:
    assert Target("accuracy", 0.9, 0.95).is_met(0.9)
    assert not Target("accuracy", 0.9, 0.95).is_met(0.8999)
    assert Target("cost", 0.05, 0.02, lower_is_better=True).is_met(0.05)
    assert not Target("cost", 0.05, 0.02, lower_is_better=True).is_met(0.051)


def test_the_table_shows_whether_each_target_is_met() -> None:
    targets = NAMED["sofmattress"].targets
    results = [
        Measurement(target, value, [0.0, 1.0]) for target, value in zip(targets, (0.93, 0.96, 0.5, 0.0), strict=True)
    ]
    console = Console(width=150, no_color=True)
    with console.capture() as shown:
        console.print(suite.result_table([(NAMED["sofmattress"], results)]))
    lines = shown.get().splitlines()[1:]
    standing = ["goal reached", "target met", "target missed", "goal reached"]
    assert [line.rstrip().endswith(word) for line, word in zip(lines, standing, strict=True)] == [True] * 4
    assert lines[0].startswith("SOFMattress")


def test_missing_data_is_reported_in_one_sentence_and_the_rest_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "ecomintent").mkdir()
    monkeypatch.setattr(measurements, "evaluate", lambda *args, **options: found(accuracy=0.999))
    code = suite.main(
        ["--data", str(tmp_path), "--runs", str(tmp_path / "runs"), "--only", "ecomintent", "--only", "banking77"]
    )
    out, err = capsys.readouterr()
    assert code == 2
    assert "target met" in out
    assert "There is no folder" in err
    assert "TRIAGE_DATA" in err


def test_out_of_scope_messages_predicted_as_other_are_not_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sofmattress").mkdir()
    monkeypatch.setattr(measurements, "write_mapped", lambda folder, output: output)
    result = found(accuracy=0.9, selective_accuracy=0.96, coverage=0.75)
    result |= {"false_acceptances": {"OTHER": 4, "WISMO": 1}, "out_of_scope_rows": 29}
    monkeypatch.setattr(measurements, "evaluate", lambda *args, **options: result)
    last = run_benchmark(NAMED["sofmattress"], BenchmarkContext(tmp_path, tmp_path, tmp_path / "runs"))[-1]
    assert last.value == pytest.approx(1 / 29)
    assert last.interval[0] <= last.value <= last.interval[1]


@pytest.mark.parametrize(("name", "rows"), [("posts", 243), ("channels", 307)])
def test_held_out_messages_come_with_the_project(
    name: str, rows: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured: list[Path] = []

    def evaluate(data: Path, _bundle: Path, output: Path) -> dict[str, Any]:
        measured.append(data)
        return found(accuracy=0.9, selective_accuracy=0.96, coverage=0.8, false_acceptance_rate=0.1)

    monkeypatch.setattr(measurements, "evaluate", evaluate)
    values = run_benchmark(NAMED[name], BenchmarkContext(tmp_path / "no data", tmp_path, tmp_path / "runs"))
    assert [one.target.metric for one in values][-1] == "false_acceptance_rate"
    assert values[-1].value == 0.1
    assert len(read_labelled_rows(measured[0])) == rows


def test_a_bundle_is_trained_once_for_the_same_data_and_again_for_other_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = tmp_path / "sofmattress" / "v1_train.csv"
    data.parent.mkdir()
    data.write_text("text,label\na,b\n", encoding="utf-8")
    trained: list[Path] = []

    def train(source: Path, output: Path, out_of_scope: Path | None) -> Path:
        output.mkdir(parents=True)
        trained.append(output)
        return output

    monkeypatch.setattr(triage_models.training, "train", train)
    monkeypatch.setattr(
        measurements, "evaluate", lambda *args, **options: found(all_traffic_accuracy=0.8, all_traffic_mcc=0.7)
    )
    context = BenchmarkContext(tmp_path, tmp_path, tmp_path / "runs")
    for _ in range(2):
        run_benchmark(NAMED["bot"], context)
    assert len(trained) == 1
    data.write_text("text,label\na,c\n", encoding="utf-8")
    run_benchmark(NAMED["bot"], context)
    assert len(set(trained)) == 2
    run_benchmark(NAMED["bot"], BenchmarkContext(tmp_path, tmp_path, tmp_path / "runs", fresh=True))
    assert trained[1] == trained[2]


def test_an_undefined_metric_counts_as_zero() -> None:
    values = measurements._values({"selective_accuracy": None, "selective_accuracy_ci": None}, "selective_accuracy")
    assert values == {"selective_accuracy": (0.0, [0.0, 1.0])}

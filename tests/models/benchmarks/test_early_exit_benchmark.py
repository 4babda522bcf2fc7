"""The comparison of the shipped bundle with the fast one, and what makes the fast one."""

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch", reason="needs the [train] extra")

from triage_models.benchmarks import early_exit
from triage_models.benchmarks.leave_out import held_out_strangers
from triage_models.paths import DEFAULT_BUNDLE, FAST_BUNDLE
from triage_models.training import ecommerce_fast


def test_both_bundles_are_measured_on_the_same_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def evaluate(data: Path, bundle: Path, output: Path) -> dict[str, Any]:
        measured.append((data, bundle))
        return dict.fromkeys(early_exit.FIGURES, 0.5)

    measured: list[tuple[Path, Path]] = []
    monkeypatch.setattr(early_exit, "evaluate", evaluate)
    monkeypatch.setattr(early_exit, "ROUNDS", 1)
    monkeypatch.setattr(early_exit, "other_strangers", lambda public: list(held_out_strangers())[:1])
    (tmp_path / "data" / "sofmattress").mkdir(parents=True)
    assert early_exit.main(["--data", str(tmp_path / "data"), "--runs", str(tmp_path / "runs")]) == 0
    assert [bundle for _, bundle in measured] == [DEFAULT_BUNDLE, FAST_BUNDLE]
    assert len({data for data, _ in measured}) == 1
    assert "times as many" in capsys.readouterr().out


def test_missing_data_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert early_exit.main(["--data", str(tmp_path), "--runs", str(tmp_path / "runs")]) == 2
    assert "no folder sofmattress" in capsys.readouterr().err


def test_the_fast_bundle_needs_the_public_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit, match=r"train-fast: There is no file .*clinc150"):
        ecommerce_fast.main(public=tmp_path, output=tmp_path / "fast")
    assert not (tmp_path / "fast").exists()

"""Leaving out a kind of shop: its rows are evaluated on and not trained on."""

import csv
import json
from pathlib import Path
from typing import Any, NamedTuple

import pytest

pytest.importorskip("torch", reason="needs the [train] extra")

from triage_models.benchmarks import leave_out
from triage_models.benchmarks.held_out_channels import write_other_channels, write_posts
from triage_models.benchmarks.leave_out_results import METRICS
from triage_models.benchmarks.suite import EXIT_INCOMPLETE
from triage_models.data.corpus import read_messages
from triage_models.data.held_out import CHANNELS_CSV
from triage_models.training import ecommerce, exits_of_bundle
from triage_models.training.recipe import Recipe

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


class Training(NamedTuple):
    """What a fake training was given."""

    data: Path
    generated: Path
    epochs: float


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> list[Training]:
    """What each fake training was given."""
    trainings: list[Training] = []

    def train(source: Path, output: Path, *, generated: Path, recipe: Recipe, **_options: Any) -> Path:
        trainings.append(Training(source, generated, recipe.epochs))
        return output

    monkeypatch.setattr(ecommerce, "train", train)
    return trainings


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """What the fake evaluation was given; the accuracy falls by 0.1 from one data set to the next."""
    data: list[Path] = []

    def evaluate(source: Path, _bundle: Path, output: Path) -> dict[str, Any]:
        figures = dict.fromkeys(METRICS, 0.9) | {"accuracy": 0.9 - 0.1 * len(data), "oos_auroc": None}
        data.append(source)
        rows = {"rows": 3, "in_scope_rows": 2, "out_of_scope_rows": 1}
        return {**rows, **figures, **{f"{name}_ci": [0.8, 1.0] for name in figures}}

    monkeypatch.setattr(leave_out, "evaluate", evaluate)
    return data


def run(folder: Path, *options: str) -> int:
    """Leave out with public data of a few rows."""
    if not (folder / "data").is_dir():
        public(folder / "data")
    return leave_out.main(["--data", str(folder / "data"), "--runs", str(folder / "runs"), *options])


def test_rows_that_are_evaluated_on_were_not_trained_on(
    tmp_path: Path, trained: list[Training], measured: list[Path], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(tmp_path, "--kind", "food", "--quick") == 0
    assert "0.900 (0.800 – 1.000)" in capsys.readouterr().out
    assert [path.stem for path in measured] == [
        "food",
        "held_out_posts",
        "held_out_channels",
        "held_out_settled",
    ]  # no SOFMattress there
    assert len(texts(measured[0])) > 500
    assert not set.union(*map(texts, measured)) & (texts(trained[0].data) | texts(trained[0].generated))
    assert run(tmp_path, "--kind", "food") == 0
    assert [one.epochs for one in trained] == [leave_out.QUICK_EPOCHS, ecommerce.EPOCHS]
    for one in trained:
        assert not any(text.startswith("ecomintent") for text in texts(one.data))
        assert sum(text.startswith("ecomintent") for text in texts(one.generated)) == 40


def test_by_default_one_training_leaves_out_all_kinds_and_each_is_measured(
    tmp_path: Path, trained: list[Training], measured: list[Path], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(tmp_path) == 0
    assert len(trained) == 1
    assert [path.stem for path in measured[:5]] == list(leave_out.KINDS)
    assert not set.union(*map(texts, measured)) & texts(trained[0].data)
    shops = {shop for kind in leave_out.KINDS.values() for shop in kind}
    with trained[0].data.open(encoding="utf-8", newline="") as stream:
        assert not {row["shop"] for row in csv.DictReader(stream)} & shops
    lines = capsys.readouterr().out.splitlines()
    mean = next(line for line in lines if line.strip().startswith("mean of the 5 kinds"))
    assert mean.split()[5:7] == ["15", "0.700"]


def test_a_kind_is_measured_on_its_messages_of_all_channels(tmp_path: Path) -> None:
    written = leave_out.write_left_out("electronics", tmp_path / "electronics.csv")
    with written.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert {row["shop"] for row in rows} == set(leave_out.KINDS["electronics"])
    assert {"chat", "post", "email"} <= {row["channel"] for row in rows}


def test_posts_and_other_channels_are_all_held_out_messages(tmp_path: Path) -> None:
    posts, others = write_posts(tmp_path / "posts.csv"), write_other_channels(tmp_path / "others.csv")
    held_out = read_messages(CHANNELS_CSV)
    assert texts(posts) == {message.text for message in held_out if message.channel == "post"}
    assert texts(posts) | texts(others) == {message.text for message in held_out}
    assert len(texts(posts)) + len(texts(others)) == len(held_out)


def test_the_results_are_written_with_all_intervals(
    tmp_path: Path, trained: list[Training], measured: list[Path]
) -> None:
    assert run(tmp_path, "--seed", "3") == 0
    written = json.loads((tmp_path / "runs" / "reports" / "without_all.json").read_text(encoding="utf-8"))
    assert (written["run"], written["seed"]) == ("without_all", 3)
    mean = written["mean_of_kinds"]
    assert (mean.pop("oos_auroc"), mean.pop("accuracy")) == (None, pytest.approx(0.7))
    assert list(mean.values()) == pytest.approx([0.9] * 5)
    assert [one["left_out"] for one in written["results"]] == [True] * 5 + [False] * 3
    assert all(one[f"{name}_ci"] == [0.8, 1.0] for one in written["results"] for name in METRICS)


def test_a_bundle_with_early_exits_is_measured_on_the_same_rows(
    tmp_path: Path, trained: list[Training], measured: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def with_exits(bundle: Path, csv: Path, output: Path, *, generated: Path) -> Path:
        given.append((bundle, csv, generated))
        return output

    given: list[tuple[Path, Path, Path]] = []
    monkeypatch.setattr(exits_of_bundle, "add_exits_to_bundle", with_exits)
    assert run(tmp_path, "--kind", "food", "--early-exit") == 0
    assert measured[:4] == measured[4:]
    assert given == [(tmp_path / "runs" / "without_food", trained[0].data, trained[0].generated)]
    assert (tmp_path / "runs" / "reports" / "without_food_early_exit.json").is_file()


def test_missing_data_is_reported_in_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert leave_out.main(["--data", str(tmp_path), "--runs", str(tmp_path / "runs")]) == EXIT_INCOMPLETE
    assert "There is no file" in capsys.readouterr().err

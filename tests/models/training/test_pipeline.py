"""``train`` end to end on a tiny base: the bundle, interruptions, and errors."""

import itertools
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the [train] extra")

import torch
from triage_models.bundle.bundle import CPU_MODEL, GPU_MODEL, MANIFEST, Bundle, sha256
from triage_models.bundle.card import CARD
from triage_models.errors import DataError
from triage_models.report import evaluate
from triage_models.serving.classifier import Classifier
from triage_models.training import pipeline, train, trainer
from triage_models.training.plan import make_plan
from triage_models.training.recipe import recipe_for

from tests.models.tiny import EACH, LABELS, OOS, tiny_rows, write_csv

pytestmark = [pytest.mark.train, pytest.mark.usefixtures("threads_restored")]

FILES = {"config.json", "tokenizer.json", CPU_MODEL, GPU_MODEL, MANIFEST, CARD}


@pytest.fixture(scope="module")
def held_csv(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Rows with the labels of `tiny_csv`, but other texts."""
    trained = set(tiny_rows())
    fresh = [row for row in tiny_rows(each=EACH + 12) if row not in trained]
    return write_csv(tmp_path_factory.mktemp("held") / "held.csv", fresh)


@pytest.fixture
def short(tiny_base: Path, held_csv: Path) -> dict[str, Any]:
    """Arguments of a training without cross-fitting."""
    return {"validation": held_csv, "base": str(tiny_base), "epochs": 3}


def contents(folder: Path) -> dict[str, str]:
    """Return the hash of each file in a folder."""
    return {str(file.relative_to(folder)): sha256(file) for file in sorted(folder.rglob("*")) if file.is_file()}


def test_the_bundle_has_a_threshold_of_suggestions_and_the_usual_error_rates(tiny_bundle: Path) -> None:
    manifest = Bundle.open(tiny_bundle).manifest
    assert manifest.suggestion is not None
    assert (manifest.thresholds.guarantee.risk, manifest.suggestion.guarantee.risk) == (0.05, 0.2)
    assert manifest.suggestion.confidence <= manifest.thresholds.confidence


def test_an_error_rate_that_cannot_be_guaranteed_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="--max-error 0 is not between"):
        train(tmp_path / "nowhere.csv", tmp_path / "made", max_error=0)


@pytest.mark.parametrize("argument", [{"epochs": 2.0}, {"time_budget": 60.0}, {"teachers": 1}])
def test_an_argument_that_the_recipe_says_itself_is_refused(tmp_path: Path, argument: dict[str, Any]) -> None:
    (name,) = argument
    with pytest.raises(ValueError, match=rf"a recipe and {name}, .*\(recipe, (epochs|seconds|teachers)="):
        train(tmp_path / "nowhere.csv", tmp_path / "made", recipe=recipe_for(100), **argument)
    with pytest.raises(DataError, match=r"nowhere\.csv"):
        train(tmp_path / "nowhere.csv", tmp_path / "made", recipe=recipe_for(100))


def test_an_exceeded_time_budget_is_told(
    tiny_csv: Path, short: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    notes: list[str] = []
    clock = itertools.count(0.0, 0.001)  # on a slow machine no step fits into the real time
    monkeypatch.setattr(trainer, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    arguments = {**short, "epochs": None, "time_budget": 0.5}
    train(tiny_csv, tmp_path / "mine", **arguments, progress=lambda note, share: notes.append(note))
    told = "--time-budget is 0.5 s: the budget only shortens training. To load, export and run the model takes"
    assert any(told in note for note in notes)


def test_a_kept_time_budget_is_not_mentioned(tiny_csv: Path) -> None:
    plan = make_plan(tiny_csv, None, None, None, seed=0)
    assert pipeline._exceeded(59.9, 60.0, plan) is None
    late = pipeline._exceeded(90.4, 60.0, plan)
    assert late is not None
    assert late.startswith("This took 90 s, and --time-budget is 60 s")
    assert "each of the 5 models, 4 of them for calibration" in late


def test_the_bundle_is_complete_and_verifies(tiny_bundle: Path) -> None:
    bundle = Bundle.open(tiny_bundle)
    assert {file.name for file in tiny_bundle.iterdir()} >= FILES
    assert set(bundle.manifest.files) == {file.name for file in tiny_bundle.iterdir()} - {MANIFEST, CARD}
    assert [file.name for file in tiny_bundle.parent.iterdir() if file.name.startswith(".")] == []
    umask = os.umask(0)
    os.umask(umask)
    for file in tiny_bundle.iterdir():  # another user may serve the bundle
        assert file.stat().st_mode & 0o777 == 0o666 & ~umask, file.name


def test_the_manifest_records_how_the_bundle_was_trained(tiny_bundle: Path) -> None:
    manifest = Bundle.open(tiny_bundle).manifest
    assert (manifest.labels, manifest.out_of_scope_label) == (tuple(sorted(LABELS)), OOS)
    assert manifest.training["rows_by_label"] == dict.fromkeys(sorted((*LABELS, OOS)), EACH)
    assert manifest.training["data_sha256"] == sha256(tiny_bundle.parent / "rows.csv")
    assert manifest.training["base"] == "tiny-distilbert"
    assert manifest.training["recipe"]["epochs"] == 6
    assert {"torch", "onnxruntime"} <= manifest.training["libraries"].keys()
    assert manifest.descriptions["WISMO"] == "wismo"
    assert (
        manifest.calibration.rows == manifest.thresholds.guarantee.calibration_rows == 5 * EACH
    )  # each row is predicted once
    assert set(manifest.golden) == {CPU_MODEL, GPU_MODEL}
    assert set(manifest.golden[CPU_MODEL].texts) <= {text for text, _ in tiny_rows()}


def test_the_log_covers_the_whole_run(tiny_bundle: Path) -> None:
    lines = [json.loads(line) for line in (tiny_bundle / "training.jsonl").read_text().splitlines()]
    shares = [line["share"] for line in lines]
    assert shares == sorted(shares)
    assert shares[-1] >= 1.0
    losses = [line["loss"] for line in lines]  # each of another batch, so that only means can be compared
    half = len(losses) // 2
    assert statistics.fmean(losses[half:]) < statistics.fmean(losses[:half])


def test_the_bundle_predicts_better_than_chance(tiny_bundle: Path) -> None:
    rows = [(text, label) for text, label in tiny_rows() if label != OOS]
    decisions = Classifier.open(tiny_bundle, device="cpu", threads=1).classify([text for text, _ in rows])
    right = [decision.intent == label for decision, (_, label) in zip(decisions, rows, strict=True)]
    assert np.mean(right) > 0.4  # chance is 0.25; a base this small does not allow much more


def test_labels_with_a_single_row_are_learned_and_listed_but_not_judged(tiny_base: Path, tmp_path: Path) -> None:
    rare = ("BILLING_DISPUTE", "OTHER")
    rows = [*tiny_rows(each=12), *tiny_rows(each=1, labels=rare)]
    notes: list[str] = []
    file = write_csv(tmp_path / "rows.csv", rows)
    folder = train(
        file,
        tmp_path / "mine",
        base=str(tiny_base),
        epochs=1,
        suspects=tmp_path / "suspects.csv",
        progress=lambda stage, _share: notes.append(stage),
    )
    assert notes[-1].endswith("that looks wrong.") or (tmp_path / "suspects.csv").is_file()
    listed = "2 of 6 labels have a single row, so they are learned but cannot be judged: BILLING_DISPUTE, OTHER."
    assert listed in notes
    bundle = Bundle.open(folder)
    assert set(bundle.labels) == {*LABELS, *rare}
    assert bundle.manifest.metrics["labels_not_judged"] == list(rare)
    assert bundle.manifest.metrics["rows_in_scope"] == 12 * len(LABELS)
    assert bundle.manifest.thresholds.guarantee.calibration_rows == 12 * (len(LABELS) + 1)
    cells = bundle.manifest.accepted_rows
    assert cells is not None
    assert sum(cell.rows for cell in cells) == bundle.manifest.thresholds.guarantee.accepted_rows
    assert "no message could be judged: BILLING_DISPUTE, OTHER." in (folder / CARD).read_text(encoding="utf-8")
    measured = evaluate(file, folder, output=tmp_path / "report", device="cpu", resamples=10)
    assert measured["labels_not_judged"] == list(rare)
    assert "could be judged: BILLING_DISPUTE, OTHER." in (tmp_path / "report" / "report.html").read_text("utf-8")


def test_hugging_face_tools_read_the_bundle(tiny_bundle: Path) -> None:
    from transformers import AutoConfig, AutoTokenizer

    config = AutoConfig.from_pretrained(tiny_bundle)
    assert config.model_type == "distilbert"
    assert [config.id2label[number] for number in range(5)] == [*sorted(LABELS), OOS]
    texts = ["Where is my order #12??", "कहाँ है"]
    theirs = AutoTokenizer.from_pretrained(tiny_bundle)(texts)["input_ids"]
    ours = Classifier.open(tiny_bundle, device="cpu").encode(texts)
    assert theirs == [row.ids for row in ours]


def test_an_interrupted_run_does_not_touch_the_old_bundle_and_resumes_to_the_same_new_one(
    tiny_bundle: Path, tiny_csv: Path, short: dict[str, Any], tmp_path: Path
) -> None:
    output = tmp_path / "mine"
    shutil.copytree(tiny_bundle, output)
    before = contents(output)

    def interrupt(stage: str, share: float) -> None:
        if stage == "training" and share > 0.6:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(tiny_csv, output, **short, progress=interrupt)
    assert contents(output) == before
    assert (tmp_path / ".mine.partial" / "checkpoints" / "0.pt").is_file()

    shares: list[float] = []
    train(
        tiny_csv, output, **short, progress=lambda stage, share: shares.append(share) if stage == "training" else None
    )
    assert min(shares) > 1 / 3  # the first epoch was not trained again
    assert [file.name for file in tmp_path.iterdir()] == ["mine"]

    whole = train(tiny_csv, tmp_path / "whole", **short)
    ours, theirs = Bundle.open(output).manifest, Bundle.open(whole).manifest
    for name in (CPU_MODEL, GPU_MODEL):
        assert ours.golden[name].logits == theirs.golden[name].logits
    assert (ours.calibration, ours.thresholds) == (theirs.calibration, theirs.thresholds)
    assert contents(output) != before
    Classifier.open(output, device="cpu")


def test_a_run_interrupted_after_training_does_not_train_again(
    tiny_csv: Path, short: dict[str, Any], tmp_path: Path
) -> None:
    def interrupt(stage: str, _share: float) -> None:
        if stage == "calibrating":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(tiny_csv, tmp_path / "mine", **short, progress=interrupt)
    assert not (tmp_path / "mine").exists()
    stages: list[str] = []
    train(tiny_csv, tmp_path / "mine", **short, progress=lambda stage, _share: stages.append(stage))
    assert "training" not in stages
    Classifier.open(tmp_path / "mine", device="cpu")


def test_a_run_interrupted_in_cross_fitting_resumes_with_the_current_fold(
    tiny_bundle: Path, tiny_csv: Path, tiny_base: Path, tmp_path: Path
) -> None:
    def interrupt(stage: str, share: float) -> None:
        if stage.startswith("cross-fitting") and share > 0.7:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(tiny_csv, tmp_path / "mine", base=str(tiny_base), epochs=6, progress=interrupt)
    left = tmp_path / ".mine.partial" / "folds"
    assert sorted(file.name for file in left.iterdir()) == ["0.npz", "1.npz", "2"]
    assert (left / "2" / "checkpoints" / "0.pt").is_file()

    shares: list[float] = []
    made = train(
        tiny_csv, tmp_path / "mine", base=str(tiny_base), epochs=6,
        progress=lambda stage, share: shares.append(share) if stage.startswith("cross-fitting") else None,
    )  # fmt: skip
    assert sum(share < 0.5 for share in shares) <= 1  # the first two were not trained again
    assert min(share for share in shares if share > 0.5) > 0.55  # nor was the finished part of the third
    whole, ours = Bundle.open(tiny_bundle).manifest, Bundle.open(made).manifest
    assert (ours.calibration, ours.thresholds) == (whole.calibration, whole.thresholds)
    assert not (made / "folds").exists()


def test_every_bundle_has_a_card_and_an_edited_card_survives_a_new_training(
    tiny_bundle: Path, tiny_csv: Path, short: dict[str, Any], tmp_path: Path
) -> None:
    output = tmp_path / "mine"
    shutil.copytree(tiny_bundle, output)
    notes: list[str] = []
    train(tiny_csv, output, **short, progress=lambda stage, _share: notes.append(stage))
    assert "72 messages with a label" not in (output / CARD).read_text(encoding="utf-8")  # the card is new
    assert f"({Bundle.open(output).manifest.metrics['measured_on']})" in (output / CARD).read_text(encoding="utf-8")
    assert not any(CARD in note for note in notes)

    (output / CARD).write_text("# Ours\nMeasured on Monday.\n", encoding="utf-8")
    Bundle.open(output)  # people may edit the card, so it has no hash
    train(tiny_csv, output, **short, seed=1, progress=lambda stage, _share: notes.append(stage))
    assert (output / CARD).read_text(encoding="utf-8") == "# Ours\nMeasured on Monday.\n"
    assert any("was edited and therefore not overwritten" in note for note in notes)


def test_another_job_does_not_resume_an_interrupted_one(tiny_csv: Path, short: dict[str, Any], tmp_path: Path) -> None:
    def interrupt(_stage: str, share: float) -> None:
        if share > 0.6:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(tiny_csv, tmp_path / "mine", **short, progress=interrupt)
    shares: list[float] = []

    def noted(stage: str, share: float) -> None:
        shares.append(share)
        interrupt(stage, share)

    with pytest.raises(KeyboardInterrupt):
        train(tiny_csv, tmp_path / "mine", **short, seed=1, progress=noted)
    assert min(shares) < 0.2


def test_ctrl_c_on_the_command_line_prints_one_sentence(tiny_csv: Path, short: dict[str, Any], tmp_path: Path) -> None:
    output = tmp_path / "mine"
    command = [sys.executable, "-m", "triage_worker", "train", "--data", str(tiny_csv), "--output", str(output)]
    command += ["--base", short["base"], "--epochs", "1000"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as running:
        assert running.stderr is not None
        for line in running.stderr:
            if line.startswith("training"):
                break
        running.send_signal(signal.SIGINT)
        rest = running.stderr.read()
    assert running.returncode == 130
    assert rest.strip().endswith(f"Interrupted: {output} is unchanged. Run the same command again to continue.")
    assert "Traceback" not in rest
    assert not output.exists()


@pytest.mark.parametrize("name", ["training.jsonl", CPU_MODEL, "config.json"])
def test_a_full_disk_is_one_sentence_and_leaves_no_partial_bundle(
    tiny_csv: Path, short: dict[str, Any], tmp_path: Path, name: str
) -> None:
    """Replace a file of the bundle by a link to /dev/full, where every write fails for lack of space."""
    output = tmp_path / "mine"

    def fill(stage: str, _share: float) -> None:
        file = tmp_path / ".mine.partial" / name
        if stage == "training" and not file.is_symlink():
            file.unlink(missing_ok=True)
            file.symlink_to("/dev/full")

    with pytest.raises(DataError, match="The disk is full: free space for"):
        train(tiny_csv, output, **short, progress=fill)
    assert not output.exists()
    (tmp_path / ".mine.partial" / name).unlink()
    Classifier.open(train(tiny_csv, output, **short), device="cpu")


def test_a_checkpoint_that_does_not_fit_is_reported_as_a_full_disk(
    tiny_csv: Path, short: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a full disk, torch raises "unexpected pos 17152 vs 17046"."""

    def save(_state: object, _file: Path) -> None:
        raise RuntimeError("[enforce fail at inline_container.cc:671] . unexpected pos 17152 vs 17046")

    monkeypatch.setattr(torch, "save", save)
    with pytest.raises(RuntimeError):  # there is space, so the cause is another one
        train(tiny_csv, tmp_path / "mine", **short)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: shutil._ntuple_diskusage(1 << 30, 1 << 30, 0))
    with pytest.raises(DataError, match="The disk is full"):
        train(tiny_csv, tmp_path / "mine", **short)
    assert not (tmp_path / "mine").exists()


def test_the_output_is_never_a_folder_with_other_files(
    tiny_csv: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "cat.jpg").write_bytes(b"cat")
    monkeypatch.chdir(tmp_path / "photos")
    for output, says in (
        (tmp_path / "photos", "holds other files and is not a bundle"),
        (Path(), "is not a name for a bundle"),
        (Path(".."), "is not a name for a bundle"),
        (tmp_path / "photos" / "cat.jpg", "is a file"),
        (tmp_path / "photos" / "cat.jpg" / "mine", "cannot be written"),
    ):
        with pytest.raises(DataError, match=says):
            train(tiny_csv, output)
    assert contents(tmp_path) == {"photos/cat.jpg": sha256(tmp_path / "photos" / "cat.jpg")}


def test_bad_input_is_reported_before_anything_is_written(tiny_csv: Path, tiny_base: Path, tmp_path: Path) -> None:
    output = tmp_path / "mine"
    for wrong, says in (
        ({"base": str(tmp_path / "none")}, "cannot be loaded"),
        ({"descriptions": tmp_path / "none.csv", "base": str(tiny_base)}, "There is no file"),
        ({"validation": tmp_path / "none.csv"}, "There is no file"),
        ({"out_of_scope_label": "nome"}, "No row has the out-of-scope label"),
    ):
        with pytest.raises(DataError, match=says):
            train(tiny_csv, output, **wrong)
    assert list(tmp_path.iterdir()) == []

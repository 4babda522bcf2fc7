"""Distillation: the predictions of teachers are averaged, survive an interruption, and are learned."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the [train] extra")

import torch
from triage_models.bundle.bundle import CPU_MODEL, Bundle
from triage_models.training import train
from triage_models.training.base_model import load_encoder, load_tokenizer
from triage_models.training.distillation import TEACHERS_FOLDER, teacher_mean_probabilities
from triage_models.training.inference import predict_logits
from triage_models.training.network import Network
from triage_models.training.recipe import recipe_for

from tests.models.tiny import EACH, tiny_rows, write_csv

pytestmark = [pytest.mark.train, pytest.mark.usefixtures("threads_restored")]

TEXTS = ["where is my parcel", "cancel it", "thanks", "the lid is broken"]
EPOCHS = 3


@pytest.fixture(scope="module")
def untrained(tiny_base: Path) -> Callable[[int], Network]:
    def made(number: int) -> Network:
        torch.manual_seed(number)
        return Network(load_encoder(str(tiny_base)), 3, 0.1).eval()

    return made


@pytest.fixture
def taught(tiny_base: Path, tiny_csv: Path, tmp_path: Path) -> dict[str, Any]:
    """Arguments of a training with two teachers and without cross-fitting."""
    known = set(tiny_rows())
    held = write_csv(tmp_path / "held.csv", [row for row in tiny_rows(each=EACH + 12) if row not in known])
    return {"data": tiny_csv, "validation": held, "base": str(tiny_base), "epochs": EPOCHS, "teachers": 2}


def interrupting(stage: str, after: float) -> Callable[[str, float], None]:
    def report(name: str, share: float) -> None:
        if name.startswith(stage) and share > after:
            raise KeyboardInterrupt

    return report


def test_the_mean_is_over_all_teachers_and_none_is_trained_twice(
    untrained: Callable[[int], Network], tiny_base: Path, tmp_path: Path
) -> None:
    tokenizer = load_tokenizer(str(tiny_base))
    trained: list[int] = []

    def teacher(number: int, checkpoint: Path) -> Network:
        trained.append(number)
        checkpoint.write_bytes(b"so far")
        if len(trained) == 2:
            raise KeyboardInterrupt
        return untrained(number)

    folder = tmp_path / TEACHERS_FOLDER
    with pytest.raises(KeyboardInterrupt):
        teacher_mean_probabilities(teacher, 3, tokenizer, TEXTS, folder)
    assert sorted(file.name for file in folder.iterdir()) == ["0.npy", "checkpoint.pt"]
    mean = teacher_mean_probabilities(teacher, 3, tokenizer, TEXTS, folder)
    assert trained == [0, 1, 1, 2]
    assert not (folder / "checkpoint.pt").exists()
    each = [predict_logits(untrained(number), tokenizer, TEXTS).softmax(dim=1).numpy() for number in range(3)]
    assert mean.numpy() == pytest.approx(np.mean(each, axis=0), abs=1e-6)
    assert np.ptp(each, axis=0).max() > 1e-3  # the teachers differ


def test_a_run_interrupted_at_a_teacher_resumes_there_and_ends_with_the_same_bundle(
    taught: dict[str, Any], tmp_path: Path
) -> None:
    with pytest.raises(KeyboardInterrupt):
        train(output=tmp_path / "mine", progress=interrupting("training", 0.5), **taught)
    left = tmp_path / ".mine.partial" / TEACHERS_FOLDER
    assert sorted(file.name for file in left.iterdir()) == ["0.npy", "checkpoint.pt"]

    shares: list[float] = []
    stages = lambda stage, share: shares.append(share) if stage == "training" else None  # noqa: E731
    train(output=tmp_path / "mine", progress=stages, **taught)
    assert min(shares) > 1 / 3 + 1 / 9  # neither the first teacher nor the second's first pass was trained again
    assert shares == sorted(shares)
    assert shares[-1] == 1.0

    whole = Bundle.open(train(output=tmp_path / "whole", **taught)).manifest
    ours = Bundle.open(tmp_path / "mine").manifest
    assert ours.golden[CPU_MODEL].logits == whole.golden[CPU_MODEL].logits
    assert ours.training["recipe"]["teachers"] == 2
    assert not any(file.is_dir() for file in (tmp_path / "mine").iterdir())
    alone = Bundle.open(train(output=tmp_path / "alone", **{**taught, "teachers": 1})).manifest
    assert alone.golden[CPU_MODEL].logits != ours.golden[CPU_MODEL].logits


def test_cross_fitted_models_have_teachers_too(taught: dict[str, Any], tmp_path: Path) -> None:
    del taught["validation"]
    with pytest.raises(KeyboardInterrupt):
        train(output=tmp_path / "mine", progress=interrupting("cross-fitting", 0.25 * 0.9), **taught)
    fold = tmp_path / ".mine.partial" / "folds" / "0"
    assert sorted(file.name for file in (fold / TEACHERS_FOLDER).iterdir()) == ["0.npy", "1.npy"]


@pytest.mark.parametrize(("teachers", "networks"), [(1, 1), (2, 3), (5, 6)])
def test_a_time_budget_is_divided_between_all_networks(teachers: int, networks: int) -> None:
    recipe = recipe_for(500, seconds=60.0, teachers=teachers)
    assert recipe.networks == networks
    assert recipe.seconds == pytest.approx(60.0 / networks)

"""The API as a user's own project sees it: strict types without errors, and examples that run."""

import doctest
import subprocess
import sys
from pathlib import Path

import pytest
import triage_models
from triage_models.serving import classifier

PROGRAM = """
from collections.abc import Iterator

import pandas as pd
import polars as pl
from triage_models import BundleError, Classifier, Decision, Predictions

triage = Classifier.open(threads=2)
decisions: list[Decision] = triage.classify(["a"])
optional: list[Decision | None] = triage.classify(["a", None])
stream: Iterator[Decision] = triage.classify_stream(str(number) for number in range(3))
predictions: Predictions = triage.classify_arrays(["a"])
first: pd.DataFrame = triage.classify_frame(pd.DataFrame({"text": ["a"]}), scores=True)
second: pl.DataFrame = triage.classify_frame(pl.DataFrame({"text": ["a"]}), "text", prefix="x_")
frames: Iterator[pl.DataFrame] = triage.classify_frames([second], column="text")
intent: str = decisions[0].intent
share: float = float(predictions.accepted.mean())
try:
    Classifier.open("nowhere", device="cpu")
except BundleError as error:
    print(error)
"""
WRONG = """
from triage_models import Classifier

triage = Classifier.open(device="gpu")
triage.classify([1])
triage.classify(["a"])[0].intentions
from triage_models import Classifer
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a user's project. It is shared, because the second run of mypy is quicker."""
    pytest.importorskip("mypy")
    return tmp_path_factory.mktemp("project")


def mypy(folder: Path, program: str) -> subprocess.CompletedProcess[str]:
    (folder / "program.py").write_text(program)
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file=", "program.py"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("module", [triage_models, classifier], ids=lambda module: module.__name__)
def test_the_examples_in_the_docstrings_run(module: object) -> None:
    pytest.importorskip("pandas")
    found = doctest.testmod(module, optionflags=doctest.ELLIPSIS)  # type: ignore[arg-type]
    assert found.attempted > 0
    assert found.failed == 0


def test_a_users_program_passes_strict_type_checks(folder: Path) -> None:
    done = mypy(folder, PROGRAM)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_users_mistakes_are_found(folder: Path) -> None:
    done = mypy(folder, WRONG)
    assert [line.split(":")[1] for line in done.stdout.splitlines() if ": error:" in line] == ["4", "5", "6", "7"], (
        done.stdout
    )

"""The programs of `make deploy-check`, called as one would by hand; where they are missing, the test is skipped."""

import os
import shutil
import subprocess
from pathlib import Path
from typing import NoReturn

import pytest

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
CHART = DEPLOY / "helm" / "triage"
RENDERED = CHART.parent / "rendered"
SIZES = sorted(file.stem for file in (CHART / "ci").glob("*.yaml"))
TOOLS = DEPLOY / ".tools"
REQUIRED = "DEPLOY_CHECK"
"""Set by `make deploy-check`: a missing program is then a failure."""


def program(path: str) -> str:
    """Where a program is; skips, or fails where it must be there."""
    found = shutil.which(TOOLS / path) or (shutil.which(path) if "/" not in path else None)
    return found or missing(path)


def folder(path: str) -> Path:
    """The same for what a program brings with it."""
    found = TOOLS / path
    return found if found.is_dir() else Path(missing(path))


def missing(path: str) -> NoReturn:
    """Skip, or fail where it must be there."""
    message = f"{path} is not installed: `make deploy-check` installs it"
    if os.environ.get(REQUIRED):
        pytest.fail(message)
    pytest.skip(message)


def call(path: str, *arguments: "str | Path", given: str | None = None, cwd: Path = ROOT) -> str:
    """Run a program and give what it prints; fails with all that it says if it does not like what it sees."""
    done = attempt(path, *arguments, given=given, cwd=cwd)
    assert done.returncode == 0, f"{path} {' '.join(map(str, arguments))}:\n{done.stdout}\n{done.stderr}"
    return done.stdout


def attempt(
    path: str, *arguments: "str | Path", given: str | None = None, cwd: Path = ROOT
) -> "subprocess.CompletedProcess[str]":
    """Run a program, whatever comes of it."""
    return subprocess.run(
        [program(path), *map(str, arguments)], input=given, capture_output=True, text=True, cwd=cwd, check=False
    )

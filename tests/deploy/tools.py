"""Calls the programs of `make deploy-check`. If a program is missing, the test is skipped."""

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
"""Set by `make deploy-check`: a missing program is a failure then."""


def program(path: str) -> str:
    """Return the path of a program; skips the test, or fails if programs are required."""
    found = shutil.which(TOOLS / path) or (shutil.which(path) if "/" not in path else None)
    return found or missing(path)


def folder(path: str) -> Path:
    """Return a folder of the tools, in the same way."""
    found = TOOLS / path
    return found if found.is_dir() else Path(missing(path))


def missing(path: str) -> NoReturn:
    """Skip the test, or fail if programs are required."""
    message = f"{path} is not installed: `make deploy-check` installs it"
    if os.environ.get(REQUIRED):
        pytest.fail(message)
    pytest.skip(message)


def call(path: str, *arguments: "str | Path", given: str | None = None, cwd: Path = ROOT) -> str:
    """Run a program and return its output; fails with the complete output if its exit code is not 0."""
    done = attempt(path, *arguments, given=given, cwd=cwd)
    assert done.returncode == 0, f"{path} {' '.join(map(str, arguments))}:\n{done.stdout}\n{done.stderr}"
    return done.stdout


def attempt(
    path: str, *arguments: "str | Path", given: str | None = None, cwd: Path = ROOT
) -> "subprocess.CompletedProcess[str]":
    """Run a program and return its result, whatever the exit code is."""
    return subprocess.run(
        [program(path), *map(str, arguments)], input=given, capture_output=True, text=True, cwd=cwd, check=False
    )

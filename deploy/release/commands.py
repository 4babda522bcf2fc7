"""Runs the programs of a release, without those variables of the caller that would show in what is built."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from deploy.release.version import ReleaseError

TOOLS = Path(__file__).parents[1] / ".tools" / "release" / "bin"
"""What deploy/release/install installed."""

DROPPED = ("PYTHON", "TRIAGE_", "GIT_DIR", "GIT_INDEX", "GIT_WORK", "VIRTUAL_ENV", "MAKE", "MFLAGS", "VERSION")


def environment(**variables: str) -> dict[str, str]:
    """Return the variables for a program: the caller's without those that change what is built, and the given ones."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(DROPPED)}
    return kept | {"LC_ALL": "C.UTF-8", "TZ": "UTC"} | variables


def run(*command: "str | Path", cwd: Path, variables: Mapping[str, str] | None = None) -> None:
    """Run a program whose output the caller sees.

    Raises:
        ReleaseError: its exit code is not 0.
    """
    done = subprocess.run(command, cwd=cwd, env=environment(**(variables or {})), check=False)
    if done.returncode:
        raise ReleaseError(f"{' '.join(map(str, command[:4]))} … failed with exit code {done.returncode}: see above.")


def output(*command: "str | Path", cwd: Path, variables: Mapping[str, str] | None = None) -> str:
    """Run a program and return what it wrote, without blanks around it.

    Raises:
        ReleaseError: its exit code is not 0.
    """
    done = subprocess.run(
        command, cwd=cwd, env=environment(**(variables or {})), check=False, capture_output=True, text=True
    )
    if done.returncode:
        raise ReleaseError(f"{' '.join(map(str, command))} failed:\n{done.stderr.strip() or done.stdout.strip()}")
    return done.stdout.strip()

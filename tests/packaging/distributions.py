"""Builds the distributions without network, and installs them into environments of their own."""

import os
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import Distribution, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).parents[2]
VERSION = str(Version(tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]))
"""The version as Python writes it: 1.2.0rc1 for 1.2.0-rc.1."""

PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet")
ISOLATED = ("PYTHON", "TRIAGE_", "PIP_", "VIRTUAL_ENV")
"""Variables that begin so do not reach the processes that the tests start."""


def run(
    *command: str | Path, cwd: Path = ROOT, variables: Mapping[str, str] | None = None, standard_input: str = ""
) -> str:
    """Run a program and return its standard output; fails with all its output if the exit status is not 0."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(ISOLATED)}
    environment |= variables or {}
    done = subprocess.run(
        command, cwd=cwd, env=environment, input=standard_input, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{command}:\n{done.stdout}\n{done.stderr}"
    return done.stdout


def build_wheel(source: Path, target: Path) -> Path:
    """Build the wheel of a project folder, or of a source distribution, as pip does."""
    run(*PIP, "wheel", "--no-index", "--no-deps", "--no-build-isolation", "--wheel-dir", target, source)
    return next(target.glob("*.whl"))


def build_sdist(project: Path, target: Path) -> Path:
    """Build the source distribution of a project folder."""
    run(sys.executable, "-m", "hatchling", "build", "--target", "sdist", "--directory", target, cwd=project)
    return next(target.glob("*.tar.gz"))


@dataclass(frozen=True)
class Environment:
    """A virtual environment without pip."""

    folder: Path

    @classmethod
    def create(cls, folder: Path) -> "Environment":
        """Create an empty environment."""
        run(sys.executable, "-m", "venv", "--without-pip", folder)
        return cls(folder)

    @property
    def python(self) -> Path:
        return self.folder / "bin" / "python"

    @property
    def packages(self) -> Path:
        return next(self.folder.glob("lib/python*/site-packages"))

    def install(self, wheel: Path) -> None:
        """Install a wheel without its dependencies."""
        run(*PIP, "--python", self.python, "install", "--no-index", "--no-deps", "--no-compile", wheel)

    def add_all_packages(self) -> None:
        """Make every package that the tests run with importable, except editable ones."""
        folders = [path for path in sys.path if Path(path).name in ("site-packages", "dist-packages")]
        (self.packages / "tests.pth").write_text("\n".join(folders), encoding="utf-8")

    def add_packages(self, requirements: Iterable[str]) -> None:
        """Make these packages and their dependencies importable, and nothing else."""
        for found in _closure(requirements):
            for name in {file.parts[0] for file in found.files or () if file.parts[0] != ".."} - {"__pycache__"}:
                (self.packages / name).symlink_to(Path(str(found.locate_file(name))))


def _closure(requirements: Iterable[str]) -> Iterator[Distribution]:
    """The installed distributions that satisfy the requirements, and those that they require themselves."""
    waiting, seen = [Requirement(line) for line in requirements], set()
    while waiting:
        required = waiting.pop()
        if required.name in seen or (required.marker and not required.marker.evaluate({"extra": ""})):
            continue
        seen.add(required.name)
        found = distribution(required.name)
        yield found
        waiting += [Requirement(line) for line in found.requires or ()]

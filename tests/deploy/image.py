"""Builds the content of the image without Docker, by the steps of the Dockerfile: environment, wheel, slim bundle."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from triage_models import DEFAULT_BUNDLE

from deploy.image.requirements import requirements
from deploy.image.slim_bundle import slim
from tests.deploy.tools import DEPLOY, ROOT

MEGABYTE = 1_000_000


@dataclass(frozen=True)
class Image:
    """The two folders that the image adds to the Python image."""

    environment: Path
    bundle: Path

    @property
    def triage(self) -> Path:
        return self.environment / "bin" / "triage"

    @property
    def packages(self) -> Path:
        return next(self.environment.glob("lib/python*/site-packages"))

    def variables(self, bootstrap: str) -> dict[str, str]:
        """The variables that the image sets, and the address of the broker."""
        return {
            "PATH": os.environ["PATH"],
            "PYTHONDONTWRITEBYTECODE": "1",
            "TRIAGE_BUNDLE": str(self.bundle),
            "TRIAGE_BOOTSTRAP_SERVERS": bootstrap,
            "TRIAGE_HTTP_HOST": "127.0.0.1",
        }

    def parts_mb(self) -> dict[str, float]:
        """Sizes in MB by name, the largest first; their sum is the size of both folders."""
        parts = {path.name: size_mb(path) for path in self.packages.iterdir()} | {"bundle": size_mb(self.bundle)}
        parts["interpreter and commands"] = size_mb(self.environment) - size_mb(self.packages)
        return dict(sorted(parts.items(), key=lambda part: part[1], reverse=True))


def size_mb(path: Path) -> float:
    """Return the size in bytes of a file, or of all files below a folder."""
    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file() and not file.is_symlink()]
    return sum(file.stat().st_size for file in files) / MEGABYTE


def build(folder: Path) -> Image:
    """Build both folders below an empty one."""
    made = Image(folder / "triage", folder / "bundle")
    run(sys.executable, "-m", "venv", "--without-pip", str(made.environment))
    listed = folder / "requirements.txt"
    listed.write_text("\n".join(requirements((ROOT / "pyproject.toml").read_text(encoding="utf-8"), "cpu")))
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet")
    into = (*pip, "--python", str(made.environment / "bin" / "python"), "install", "--no-compile")
    run(*into, "--only-binary", ":all:", "--constraint", str(ROOT / "constraints.txt"), "--requirement", str(listed))
    run(str(made.environment / "bin" / "python"), str(DEPLOY / "image" / "slim_packages.py"), "cpu", str(listed))
    slim(DEFAULT_BUNDLE, made.bundle, "cpu")
    source = folder / "source"
    source.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    for name in ("schemas", "worker", "models"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("bundles", "corpus"):
        shutil.rmtree(source / "models" / name)
    run(*pip, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder / "dist"), str(source))
    run(*into, "--no-deps", *map(str, (folder / "dist").glob("*.whl")))
    run(sys.executable, "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash", str(made.packages))
    return made


def run(*command: str) -> str:
    """Run a program and return its output; fails with the complete output if its exit code is not 0."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("TRIAGE_", "PYTHON"))}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, f"{command}:\n{done.stdout}\n{done.stderr}"
    return done.stdout

"""The house's rules that no linter knows: where imports point, how long a file may grow, what is never committed."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest
from importlinter.api import read_configuration

ROOT = Path(__file__).parent.parent
MODELS = ROOT / "models" / "triage_models"
LAB = [*(MODELS / "training").glob("*.py"), MODELS / "feedback" / "learn.py"]
PEER = ROOT / "worker" / "triage_worker" / "bench" / "peer.py"
"""The loop that the worker is measured against; loaded by that measurement alone."""

HEAVY = {"torch", "transformers", "sklearn", "onnxconverter_common"}

LONGEST = 350
"""Lines. 250 is the aim; past this a file has more than one reason to exist."""

MACHINES_OWN = re.compile(r"/(?:home|Users|root)/\w|/work/(?:main|shared)\b")
"""Absolute paths of somebody's machine."""

NOT_TEXT = {".onnx", ".csv", ".png", ".jsonl"}
SOURCES = [path for name in ("worker", "models", "schemas") for path in sorted((ROOT / name).rglob("*.py"))]


def test_the_arrows_between_the_packages_hold() -> None:
    assert read_configuration(str(ROOT / "pyproject.toml"))["contracts_options"]
    # In a process of its own: it sets up logging anew, which disables the loggers of all that was imported before.
    linter: list[str | Path] = [Path(sys.executable).with_name("lint-imports"), "--no-cache"]
    done = subprocess.run(linter, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_only_the_lab_imports_what_trains() -> None:
    assert SOURCES
    serving = [path for path in SOURCES if path not in LAB and path != PEER]
    found = {short(path): HEAVY & imported(path) for path in serving}
    assert {name: modules for name, modules in found.items() if modules} == {}


def test_no_file_has_outgrown_its_reason_to_exist() -> None:
    lengths = {short(path): len(path.read_text(encoding="utf-8").splitlines()) for path in SOURCES}
    assert {name: lines for name, lines in lengths.items() if lines > LONGEST} == {}


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="not a git clone: what is committed cannot be told")
def test_nothing_of_one_machine_is_committed() -> None:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True, text=True).stdout
    paths = [ROOT / name for name in listed.split("\0") if name]
    texts = [path for path in paths if path.is_file() and path.suffix not in NOT_TEXT and path != Path(__file__)]
    assert texts
    assert [short(path) for path in texts if MACHINES_OWN.search(path.read_text("utf-8", errors="ignore"))] == []


def imported(path: Path) -> set[str]:
    """Top-level names of all modules that a file imports, at its top or within a function."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.split(".")[0])
    return names


def short(path: Path) -> str:
    return str(path.relative_to(ROOT))

"""The stubs in ``typings`` describe the aiokafka that is installed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[4]
HERE = Path(__file__).parent

pytest.importorskip("mypy")


def test_they_agree_with_what_is_installed() -> None:
    """`mypy.stubtest` compares each name and each signature; what deviates on purpose is listed with its reason."""
    command = [sys.executable, "-m", "mypy.stubtest", "aiokafka", "--ignore-missing-stub", "--concise"]
    allowed = ["--allowlist", str(HERE / "stubs_allowed.txt")]
    environment = {**os.environ, "MYPYPATH": str(ROOT / "typings")}
    done = subprocess.run([*command, *allowed], cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
